"""A batched trust-region Newton method for few unknowns, in one compiled loop."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Maxima(eqx.Module):
    """Where the searches of a batch ended.

    Attributes:
        points: In scaled unknowns.
        values: Of the function.
        gradients: At the points.
        converged: Whether the last step was shorter than the tolerance.
        evaluations: Of value, gradient and Hessian together.
    """

    points: Float[Array, "start n"]
    values: Float[Array, "start"]
    gradients: Float[Array, "start n"]
    converged: Bool[Array, "start"]
    evaluations: Int[Array, "start"]


def maximise(
    function: Callable[[Float[Array, "n"]], Float[Array, ""]],
    project: Callable[[Float[Array, "n"]], Float[Array, "n"]],
    starts: Float[Array, "start n"],
    *,
    tolerance: float = 1e-4,
    steps: int = 30,
) -> Maxima:
    """Climb from several starts at once.

    The Hessian's eigenvalues are made negative, so that every step ascends, and steps are
    kept within a radius in which the quadratic model predicts the gain [Nocedal & Wright,
    *Numerical Optimization*, 2nd ed., ch. 4].

    Args:
        function: Twice differentiable, of unknowns scaled to have steps of order one.
        project: Back into the domain.
        starts: Where to begin.
        tolerance: The length of the last step, in scaled unknowns.
        steps: At most so many.
    """
    value_and_gradient = jax.value_and_grad(function)

    def derivatives(x: Float[Array, "n"]):
        def along(direction: Float[Array, "n"]):
            return jax.jvp(value_and_gradient, (x,), (direction,))

        (value, gradient), (_, hessian) = jax.vmap(along, out_axes=(None, 0))(
            jnp.eye(len(x), dtype=x.dtype)
        )
        return value, gradient, hessian

    def climb(x: Float[Array, "n"]):
        def go_on(state) -> Bool[Array, ""]:
            return ~state[-2] & (state[-1] < steps)

        def step(state):
            x, value, gradient, hessian, radius, _, count = state
            # The first round moves nowhere and takes the derivatives at the start: the
            # function is compiled once only.
            first = count == 0
            move = jnp.where(first, 0.0, _newton_step(gradient, hessian, radius))
            new = project(x + move)
            move = new - x
            length = jnp.linalg.norm(move)
            predicted = gradient @ move + move @ hessian @ move / 2
            new_value, new_gradient, new_hessian = derivatives(new)
            gain = new_value - value
            good = gain > 0
            fit = gain / jnp.where(predicted > 0, predicted, 1.0)
            grown = jnp.where(fit > 0.5, jnp.minimum(2 * radius, 1.0), radius)
            shrunk = jnp.minimum(radius, length) / 4
            radius = jnp.where(first, radius, jnp.where(good, grown, shrunk))
            done = ~first & ((length < tolerance) | (radius < tolerance / 4))
            pick = lambda a, b: jnp.where(good, a, b)
            return (
                pick(new, x),
                pick(new_value, value),
                pick(new_gradient, gradient),
                pick(new_hessian, hessian),
                radius,
                done,
                count + 1,
            )

        n, kind = len(x), x.dtype
        start = (
            x,
            jnp.asarray(-jnp.inf, dtype=kind),
            jnp.zeros(n, dtype=kind),
            -jnp.eye(n, dtype=kind),
            jnp.asarray(0.5, dtype=kind),
            jnp.asarray(False),
            jnp.asarray(0),
        )
        x, value, gradient, _, _, done, count = jax.lax.while_loop(go_on, step, start)
        return x, value, gradient, done, count

    return Maxima(*jax.vmap(climb)(starts))


def _newton_step(
    gradient: Float[Array, "n"], hessian: Float[Array, "n n"], radius: Float[Array, ""]
) -> Float[Array, "n"]:
    eigenvalues, axes = jnp.linalg.eigh(hessian)
    curvature = jnp.maximum(jnp.abs(eigenvalues), 1e-6 * jnp.max(jnp.abs(eigenvalues)))
    curvature = jnp.maximum(curvature, jnp.finfo(gradient.dtype).tiny)
    move = axes @ ((axes.T @ gradient) / curvature)
    length = jnp.linalg.norm(move)
    return move * jnp.minimum(1.0, radius / jnp.where(length > 0, length, 1.0))

"""Optimizers of other packages, on a `Problem`.

Each adapter is short, as a problem is what they want: a function of one vector with its
gradient, bounds and a projection. The function they see is scaled by its size at the start
and takes the projected unknowns, so that it is defined everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from numpy import ndarray
from scipy import optimize as so

from .problem import Problem


if TYPE_CHECKING:
    import optax
    import optimistix


@dataclass(frozen=True)
class Climbed:
    """Where an optimizer came to.

    Attributes:
        points: The best unknowns of each start.
        values: Of the problem there. [V/m]
        evaluations: Of the problem, over all starts; most of them with a gradient.
        message: How it ended, in words.
    """

    points: Float[ndarray, "start n"]
    values: Float[ndarray, "start"]
    evaluations: int
    message: str

    @property
    def x(self) -> Float[ndarray, "n"]:
        """The best unknowns of all starts."""
        return self.points[np.argmax(self.values)]

    @property
    def value(self) -> float:
        """The best value. [V/m]"""
        return float(self.values.max())

    def __repr__(self) -> str:
        """Say what was reached, at what price."""
        return (
            f"Climbed: {self.value:.6g} V/m from {len(self.values)} starts, "
            f"{self.evaluations} evaluations; {self.message}"
        )


def with_optax(
    problem: Problem,
    transformation: "optax.GradientTransformation",
    starts: Float[ArrayLike, "start n"] | None = None,
    *,
    steps: int = 100,
) -> Climbed:
    """Climb from all starts at once, by any gradient transformation of optax.

    Schedules belong to the transformation. Unknowns are projected back after each step.

    Args:
        problem: What is maximised.
        transformation: Such as `optax.adam(0.1)`; an unknown changes by about one across
            a hill. Keep it for further calls, as it is compiled for anew.
        starts: Where from; by default `problem.start` alone. `problem.draw` draws some.
        steps: How many.

    Raises:
        ImportError: optax is not installed.
        FloatingPointError: The objective is not finite somewhere.
    """
    _module("optax")
    first = _starts(problem, starts)
    points, values = _climbed(problem, transformation, first, steps)
    found = np.asarray(values)
    if not np.isfinite(found).all():
        raise FloatingPointError("the objective is not finite at a start.")
    return Climbed(
        np.asarray(points), found, len(first) * (steps + 1), f"{steps} steps each"
    )


@eqx.filter_jit
def _climbed(
    problem: Problem,
    transformation: Any,
    starts: Float[Array, "start n"],
    steps: int,
) -> tuple[Float[Array, "start n"], Float[Array, "start"]]:
    optax = _module("optax")
    extended = optax.with_extra_args_support(transformation)

    def climb(start: Float[Array, "n"]):
        loss = _loss(problem, problem(start))

        def step(state, _):
            x, memory, best, least = state
            value, gradient = jax.value_and_grad(loss)(x)
            better = value < least
            best, least = jnp.where(better, x, best), jnp.minimum(value, least)
            change, memory = extended.update(
                gradient, memory, x, value=value, grad=gradient, value_fn=loss
            )
            moved = problem.project(optax.apply_updates(x, change))
            return (moved, memory, best, least), None

        first = (start, extended.init(start), start, loss(start))
        (last, _, best, least), _ = jax.lax.scan(step, first, None, length=steps)
        value = loss(last)
        best = jnp.where(value < least, last, best)
        return best, problem(best)

    return jax.vmap(climb)(starts)


def with_optimistix(
    problem: Problem,
    solver: "optimistix.AbstractMinimiser",
    start: Float[ArrayLike, "n"] | None = None,
    *,
    steps: int = 100,
) -> Climbed:
    """Climb by a minimiser of optimistix, such as `optimistix.BFGS(1e-6, 1e-6)`.

    Args:
        problem: What is maximised.
        solver: The minimiser, with its tolerances.
        start: Where from; by default `problem.start`.
        steps: At most so many.

    Raises:
        ImportError: optimistix is not installed.
    """
    optimistix = _module("optimistix")
    first = _starts(problem, start)[0]
    loss = _loss(problem, problem.value(first))
    found = optimistix.minimise(
        lambda x, _: loss(x), solver, first, max_steps=steps, throw=False
    )
    x = problem.project(found.value)
    good = found.result == optimistix.RESULTS.successful
    return Climbed(
        np.asarray(x)[None],
        np.asarray(problem.value(x))[None],
        int(found.stats["num_steps"]),
        "converged" if bool(good) else "the solver did not converge: its best so far",
    )


def with_scipy(
    problem: Problem,
    start: Float[ArrayLike, "n"] | None = None,
    *,
    method: str = "L-BFGS-B",
    **options: Any,
) -> Climbed:
    """Climb by `scipy.optimize.minimize`, with gradients and bounds.

    Args:
        problem: What is maximised.
        start: Where from; by default `problem.start`.
        method: One that takes gradients and bounds.
        options: Other arguments of `minimize`, such as `constraints` or `options`.
    """
    first = _starts(problem, start)[0]
    value = problem.value(first)
    high = np.where(problem.unknowns.periodic, np.inf, problem.unknowns.highest)
    found = so.minimize(
        lambda x: _on_host(_slopes(problem, value, jnp.asarray(x))),
        np.asarray(first, float),
        jac=True,
        method=method,
        bounds=list(zip(-high, high, strict=True)),
        **options,
    )
    return _ended(problem, found)


def with_evolution(problem: Problem, **options: Any) -> Climbed:
    """Search the whole of the bounds by `scipy.optimize.differential_evolution`.

    Its best is then climbed on by `with_scipy`, with exact gradients.

    Args:
        problem: What is maximised.
        options: Arguments of `differential_evolution`, such as `maxiter` and `seed`.
    """
    value = problem.value(problem.start)
    found = so.differential_evolution(
        lambda x: float(_losses(problem, value, jnp.asarray(x))),
        list(zip(*problem.bounds, strict=True)),
        **{"polish": False, **options},
    )
    end = with_scipy(problem, found.x)
    return replace(end, evaluations=end.evaluations + int(found.nfev))


def _on_host(parts: tuple[Array, Array]) -> tuple[float, ndarray]:
    value, slopes = parts
    return float(value), np.asarray(slopes, float)


def _ended(problem: Problem, found: so.OptimizeResult) -> Climbed:
    x = problem.project(jnp.asarray(found.x))
    value = np.asarray(problem.value(x), float)
    return Climbed(
        np.asarray(x)[None], value[None], int(found.nfev), str(found.message)
    )


def _loss(
    problem: Problem, value: Float[Array, ""]
) -> Callable[[Float[Array, "n"]], Float[Array, ""]]:
    """What is minimised: of order one, and defined everywhere."""
    size = jnp.maximum(jnp.abs(value), jnp.finfo(value.dtype).tiny)
    return lambda x: -problem(problem.project(x)) / size


@eqx.filter_jit
def _losses(
    problem: Problem, value: Float[Array, ""], x: Float[Array, "n"]
) -> Float[Array, ""]:
    return _loss(problem, value)(x)


@eqx.filter_jit
def _slopes(
    problem: Problem, value: Float[Array, ""], x: Float[Array, "n"]
) -> tuple[Float[Array, ""], Float[Array, "n"]]:
    return jax.value_and_grad(_loss(problem, value))(x)


def _starts(
    problem: Problem, starts: Float[ArrayLike, "*start n"] | None
) -> Float[Array, "start n"]:
    """Check where to start from, and project it.

    Raises:
        ValueError: The unknowns are not as many as those of the problem, or not finite.
    """
    given = np.asarray(problem.start if starts is None else starts)
    points = np.atleast_2d(given)
    if points.ndim != 2 or points.shape[1] != len(problem) or len(points) == 0:
        raise ValueError(
            f"a start must have {len(problem)} unknowns "
            f"({', '.join(problem.unknowns.free)}), got the shape {given.shape}."
        )
    if not np.isfinite(points).all():
        raise ValueError("a start is not finite.")
    return jax.vmap(problem.project)(jnp.asarray(points, float))


def _module(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f'{name} is not installed: `pip install "tmsgrad[optimizers]"` brings it.'
        ) from error

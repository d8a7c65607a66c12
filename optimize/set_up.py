"""A problem made of what users have: objective, coil, scalp and domain."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ..coils import AbstractCoil, Coil, Pose, casing_samples
from ..meshing import Scalp
from .bodies import POINTS, body, casings, rest_gap, sampled
from .checks import check_inputs, check_point, check_pose, check_rate
from .constraints import balls, clearance, spread_out
from .domain import Domain
from .objectives import AbstractObjective
from .placement import chart as chart_of
from .problem import Moving, Problem
from .uncertainty import AbstractUncertainty
from .unknowns import Free, Variables, unknowns


def problem(
    objective: AbstractObjective,
    coil: AbstractCoil,
    scalp: Scalp,
    domain: Domain | None = None,
    *,
    free: Free | None = None,
    around: ArrayLike | None = None,
    start: Pose | None = None,
    uncertainty: AbstractUncertainty | None = None,
    current_rate: float = 1e6,
) -> Problem:
    """Make a problem for an optimizer of your own.

    Args:
        objective: What is maximised.
        coil: The coil.
        scalp: Of the same head.
        domain: Where the coil may be; by default `Domain()`.
        free: What is unknown besides the tilt; by default place and angle.
        around: The middle of the searched disc, if not the target: a point, (3,). [m]
        start: A pose to start from, which is kept where place or angle are not free; by
            default the middle of the disc.
        uncertainty: Errors of placement to reckon with.
        current_rate: dI/dt, where it is not free. [A/s]

    Raises:
        TypeError: An argument is of another type.
        ValueError: An argument is out of range, the scalp cannot be charted there, or the
            coil has nothing that may be free.
    """
    check_inputs(objective, coil, scalp, domain)
    check_rate(current_rate)
    domain = (Domain() if domain is None else domain).on(coil)
    if domain.handle is not None:
        raise ValueError(
            "a problem is of one objective, which knows no rule for the `handle`: leave it "
            "out of the domain, or take `find_pose`."
        )
    free = Free() if free is None else free
    middle = objective.centre if around is None else around
    check_point("around", middle)
    layout = unknowns(coil, domain, free, current_rate)
    moving = None
    if free.settings:
        assert isinstance(coil, Coil)
        coil = sampled(coil)
        moving = _moving(coil)
    made = Problem(
        objective,
        coil,
        chart_of(scalp, middle, domain.radius),
        clearance(
            casing_samples(coil), scalp, domain.clearance, obstacles=domain.obstacles
        ),
        layout,
        jnp.zeros(len(layout)),
        jnp.asarray(balls(domain.forbidden)),
        uncertainty,
        moving,
        jnp.zeros(()),
    )
    return _started(made, _first(made, coil, domain), start)


def _started(made: Problem, first: Variables, start: Pose | None) -> Problem:
    """Let a problem start from variables, or from a pose and the rest of them."""
    if start is not None:
        check_pose(start)
        place, angle, tilt, _ = made.chart.coordinates(start)
        away, radius = float(jnp.linalg.norm(place)), made.unknowns.radius
        if not away <= radius * (1 + 1e-6):
            raise ValueError(
                f"`start` lies {away * 1e3:.0f} mm from the middle of what is searched, "
                f"whose radius is {radius * 1e3:g} mm: give its place as `around`, or a "
                "larger `radius` in the domain."
            )
        first = dataclasses.replace(first, place=place, angle=angle, tilt=tilt)
    held = made.unknowns.held
    held = dataclasses.replace(held, place=first.place, angle=first.angle)
    made = eqx.tree_at(lambda whole: whole.unknowns.held, made, held)
    x = made.project(made.unknowns.vector(first))
    return eqx.tree_at(lambda whole: whole.start, made, x)


def _moving(coil: Coil) -> Moving:
    bodies = tuple(body(element, surface) for element, surface in casings(coil))
    points = spread_out(np.asarray(coil.surface_points), 3 * POINTS)
    return Moving(jnp.asarray(points), bodies, rest_gap(coil, bodies))


def _first(made: Problem, coil: AbstractCoil, domain: Domain) -> Variables:
    """The middle of all, with distance, settings and currents as they come."""
    first = made.variables(jnp.zeros(len(made)))
    first = dataclasses.replace(first, distance=jnp.asarray(domain.centred, float))
    if "settings" in made.unknowns.free:
        assert isinstance(coil, Coil)
        assert coil.settings is not None
        first = dataclasses.replace(first, settings=jnp.asarray(coil.settings, float))
    if "currents" in made.unknowns.free:
        most = made.variables(jnp.ones(len(made))).currents
        first = dataclasses.replace(first, currents=most)
    return first

"""Several coils as one, each with stimulators of its own."""

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from .coil import AbstractCoil, AbstractSourceList, Casing, Coil, Details, Part
from .dipoles import MagneticDipoles
from .grids import SampledPotential
from .interpolant import Interpolant
from .loops import CircularTurns
from .motions import AbstractMotion, Rotation, Translation
from .pose import Pose
from .stimulators import Stimulator


def compose(
    coils: Sequence[AbstractCoil],
    poses: Sequence[Pose] | None = None,
    *,
    name: str | None = None,
) -> Coil:
    """Put several coils together as one coil, whose stimulators are driven apart.

    The stimulators follow each other as the coils do; `Coil.driven` gives each its rate.
    Parts that move go on moving, on axes that are placed along with them: their settings
    follow each other too. The casing of each coil becomes that of one of its parts.

    Args:
        coils: At their present settings and rates.
        poses: Of each coil, in the frame of the whole; by default all are in it.
        name: Of the whole; by default the names of the coils, joined by " + ".

    Raises:
        ValueError: There is no coil, or not one pose for each.
    """
    if len(coils) == 0 or (poses is not None and len(poses) != len(coils)):
        count = "no poses" if poses is None else f"{len(poses)} poses"
        raise ValueError(
            f"to put coils together, one coil or more and a pose for each are needed, got "
            f"{len(coils)} coils and {count}."
        )
    given = [each if isinstance(each, Coil) else Coil((each,)) for each in coils]
    hulls = any(_has_hull(each) for each in given)
    elements, ranges, stimulators, apart = [], [], [], []
    settings, rates = [], []
    for number, coil in enumerate(given):
        pose = None if poses is None else poses[number]
        offsets = (len(elements), len(ranges), len(stimulators))
        parts, body = _with_casing(_parts(coil), coil, hulls)
        elements += [_placed(each, pose, *offsets[1:]) for each in parts]
        ranges += coil.ranges
        stimulators += _stimulators(coil)
        settings.append(jnp.zeros(0) if coil.settings is None else coil.settings)
        count = coil.stimulator_count
        rates.append(jnp.ones(count) if coil.rates is None else coil.rates)
        bodies = {n + 1: n + 1 + offsets[0] for n in range(len(parts))} | {
            0: body + 1 + offsets[0]
        }
        apart += [tuple(bodies[n] for n in group) for group in coil.details.apart]
    limits = [each.max_current_rate for each in stimulators]
    return Coil(
        tuple(elements),
        name=" + ".join(each.name for each in given) if name is None else name,
        max_current_rate=min((x for x in limits if x is not None), default=None),
        settings=jnp.concatenate(settings) if ranges else None,
        rates=None
        if all(each.rates is None for each in given)
        else jnp.concatenate(rates),
        ranges=tuple(ranges),
        stimulators=tuple(stimulators),
        details=Details(apart=tuple(apart)),
    )


def _parts(coil: Coil) -> list[Part]:
    return [each if isinstance(each, Part) else Part(each) for each in coil.elements]


def _has_hull(coil: Coil) -> bool:
    return coil.casing is not None or any(
        isinstance(each, Part) and each.casing is not None for each in coil.elements
    )


def _with_casing(parts: list[Part], coil: Coil, hulls: bool) -> tuple[list[Part], int]:
    """Give the coil's own casing to one of its parts; say to which.

    Where other coils have hulls, a coil without any gets its sources for one: what is
    kept off the head would otherwise leave them out.
    """
    if coil.casing is not None:
        casing = Casing(coil.casing, coil.casing_triangles, coil.casing_distance_points)
    elif hulls and not _has_hull(coil):
        casing = Casing(coil.surface_points)
    else:
        return parts, 0
    for number, part in enumerate(parts):
        if part.casing is None and not part.motions:
            parts[number] = dataclasses.replace(part, casing=casing)
            return parts, number
    # All parts move or have hulls of their own: sources of no moment hold this one.
    held = MagneticDipoles(casing.points[:1], jnp.zeros((1, 3)))
    return [*parts, Part(held, casing)], len(parts)


def _stimulators(coil: Coil) -> list[Stimulator]:
    known = list(coil.stimulators) or [
        Stimulator(max_current_rate=coil.max_current_rate)
        for _ in range(coil.stimulator_count)
    ]
    return [
        each if each.name else dataclasses.replace(each, name=coil.name)
        for each in known
    ]


def _placed(part: Part, pose: Pose | None, setting: int, stimulator: int) -> Part:
    """Place a part, and count its settings and stimulators from where they now begin."""
    motions = tuple(_moved(each, pose, setting) for each in part.motions)
    element, casing = part.element, part.casing
    if pose is not None:
        element = _placed_element(element, pose)
        if casing is not None:
            near = casing.distance_points
            near = None if near is None else pose.to_head(near)
            casing = Casing(pose.to_head(casing.points), casing.triangles, near)
    return Part(element, casing, motions, part.stimulator + stimulator, part.name)


def _moved(motion: AbstractMotion, pose: Pose | None, setting: int) -> AbstractMotion:
    pose = Pose(jnp.eye(3), jnp.zeros(3)) if pose is None else pose
    if isinstance(motion, Translation):
        return Translation(
            direction=pose.rotation @ motion.direction, setting=motion.setting + setting
        )
    if isinstance(motion, Rotation):
        return Rotation(
            point=pose.to_head(motion.point[None])[0],
            axis=pose.rotation @ motion.axis,
            setting=motion.setting + setting,
        )
    raise ValueError(
        f"a part that moves by a {type(motion).__name__} cannot be placed."
    )


def _placed_element(element: AbstractCoil, pose: Pose) -> AbstractCoil:
    if isinstance(element, Interpolant):
        element = element.coil  # Its table lies in the coil's own frame.
    if isinstance(element, AbstractSourceList):
        return element.placed(pose)
    if isinstance(element, CircularTurns):
        return CircularTurns(
            pose.to_head(element.centre[None])[0],
            pose.rotation @ element.axis,
            element.radii,
            element.current,
        )
    if isinstance(element, SampledPotential):
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = pose.rotation, pose.translation
        return SampledPotential(
            element.samples @ pose.rotation.T,
            matrix @ np.asarray(element.affine),
            smooth=element.coefficients is not None,
        )
    if isinstance(element, Coil):
        return compose([element], [pose])
    raise ValueError(f"a {type(element).__name__} cannot be placed within a coil.")

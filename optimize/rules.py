"""Where clinics put a coil without computing a field: rules to compare with."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose, casing_samples
from ..meshing import Fiducials, Scalp, beam_f3, eeg_positions
from .constraints import lifted
from .domain import Domain, domain_of
from .objectives import AbstractObjective
from .positions import tangential


HANDLE = np.radians(45.0)  # From the midline, towards the back and outwards.
# The usual MNI target in left dorsolateral prefrontal cortex: the middle of area 46, one of
# the sites compared by Fox et al. 2012 (doi:10.1016/j.biopsych.2012.04.028), and not their
# place of strongest anticorrelation; as quoted, not checked.
AREA_46 = (-44e-3, 40e-3, 29e-3)  # [m]
_NEAR = 40e-3  # That a target is when a rule is one for it. [m]
_BENEATH = 60e-3  # Farther from its target no 10-20 position is a rule. [m]
_FORWARD = (5.0, 5.5, 6.0)  # [cm]
_STRIDE = 1e-3  # Along the scalp. [m]
_BESIDE = 20e-3  # Nearer to the midline the handle points straight back. [m]


class Rule(eqx.Module):
    """A placement by a rule, and what it is worth.

    Attributes:
        name: Of the rule.
        pose: Of the coil.
        value: Of the objective, by exact reciprocity. [V/m]
        share: Of the best value known.
    """

    name: str = eqx.field(static=True)
    pose: Pose
    value: float
    share: float


def handle_back(
    scalp: Scalp,
    point: Float[ndarray, "3"],
    coil: AbstractCoil,
    domain: Domain | None = None,
    angle: float = HANDLE,
) -> Pose:
    """Lay a coil on the scalp with its handle to the back and, by an angle, outwards.

    At 45°, the usual choice, the field crosses the central sulcus about at right angles
    [Brasil-Neto et al. 1992, doi:10.1097/00004691-199201000-00014].

    Args:
        scalp: The scalp.
        point: On or near it. [m]
        coil: The coil.
        domain: Its distance is kept, its clearance and its obstacles are cleared.
        angle: Between handle and midline; near the midline it is zero. [rad]
    """
    domain = (Domain() if domain is None else domain).on(coil)
    foot = on_scalp(scalp, point)
    pose = tangential(scalp, foot[None], domain.centred)
    one = Pose(pose.rotation[0], pose.translation[0])
    # Right-handed about z, which points inwards: seen from outside, a turn clockwise.
    side = 0.0 if abs(foot[0]) < _BESIDE else float(np.sign(foot[0]))
    turned = one.moved(jnp.zeros(3), jnp.array([0.0, 0.0, -side * angle]))
    return lifted(
        turned, casing_samples(coil), scalp, domain.clearance, domain.obstacles
    )[0]


def ahead_of(
    scalp: Scalp, hotspot: Float[ndarray, "3"], length: float
) -> Float[ndarray, "3"]:
    """Go forward on the scalp from the motor hotspot, as the 5 cm rule does.

    The way lies in the plane through the hotspot that divides left and right. Rules of 5,
    5.5 and 6 cm are compared by Cardenas et al. 2021 (doi:10.1016/j.brs.2021.11.008).

    Args:
        scalp: In coordinates whose x points to the right and y to the front.
        hotspot: On or near the scalp. [m]
        length: Along the scalp. [m]

    Returns:
        The place on the scalp. [m]

    Raises:
        ValueError: The length is out of range, or the scalp ends before.
    """
    if not 0 < length <= 0.15:
        raise ValueError(
            f"`length` must lie between 0 and 0.15 m along the scalp, got {length!r}."
        )
    place = on_scalp(scalp, np.asarray(hotspot, dtype=np.float64))
    column, gone = place[0], 0.0
    while gone < length:
        out = scalp.normal(place[None])[0]
        forward = np.cross([1.0, 0.0, 0.0], -out)
        size = np.linalg.norm(forward)
        if size < 0.3:
            raise ValueError(
                "the scalp faces to the side at or before the end of the way forward: is "
                "the hotspot on the upper head?"
            )
        onward = on_scalp(scalp, place + _STRIDE * forward / size)
        onward[0] = column  # The normal may lead off the plane by a little.
        there = float(np.linalg.norm(onward - place))
        if not 0.2 * _STRIDE < there < 5 * _STRIDE:
            raise ValueError("the scalp ends before the end of the way forward.")
        share = min(1.0, (length - gone) / there)
        place, gone = place + share * (onward - place), gone + there
    return on_scalp(scalp, place)


def clinical_rules(
    objective: AbstractObjective,
    coil: AbstractCoil,
    scalp: Scalp,
    target: Float[ndarray, "3"],
    best: float,
    fiducials: Fiducials | None = None,
    domain: Domain | None = None,
    *,
    named: Mapping[str, Float[ndarray, "3"]] | None = None,
    others: Mapping[str, Float[ndarray, "3"]] | None = None,
    current_rate: ArrayLike = 1e6,
    **old: Any,
) -> tuple[Rule, ...]:
    """Rate the placements that clinics would take for a target.

    These are the point of the scalp nearest to the target, the nearest position of the
    10-20 system unless that is more than 60 mm away, and that of a rule like Beam F3
    where the target is nearest to F3, all with the handle at 45° to the midline.

    Args:
        objective: Of the target.
        coil: The coil.
        scalp: Of the same head.
        target: Its centre. [m]
        best: The best value known, at the same rate. [V/m]
        fiducials: From which 10-20 positions are measured.
        domain: As for `handle_back`: a rule knows no forbidden places and no tilt.
        named: These positions, where they are known. [m]
        others: Places by more rules, such as `ahead_of` the motor hotspot. [m]
        current_rate: dI/dt of the values. [A/s]
        old: Attributes of `Domain`, as they were given until version 0.1.
    """
    domain = domain_of("clinical_rules", domain, old)
    places = {"scalp projection": np.asarray(scalp.nearest(target))}
    if named is None and fiducials is not None:
        named = eeg_positions(scalp, fiducials)
    apart = {
        name: float(np.linalg.norm(place - target))
        for name, place in (named or {}).items()
    }
    nearest = min(apart, key=lambda name: apart[name], default="")
    if named and apart[nearest] <= _BENEATH:
        places[f"10-20 position {nearest}"] = named[nearest]
        if nearest == "F3" and fiducials is not None:
            places["like Beam F3"] = beam_f3(scalp, fiducials)
    places |= others or {}
    found = []
    for name, point in places.items():
        pose = handle_back(scalp, point, coil, domain)
        mean = objective.reciprocal.mean_field(coil, pose, current_rate)
        value = float(objective.value(mean))
        found.append(Rule(name, pose, value, value / best))
    return tuple(found)


def forward_rules(
    scalp: Scalp, hotspot: Float[ndarray, "3"]
) -> dict[str, Float[ndarray, "3"]]:
    """The places 5, 5.5 and 6 cm before the motor hotspot, by name. [m]"""
    return {
        f"{length:g} cm rule": ahead_of(scalp, hotspot, length * 1e-2)
        for length in _FORWARD
    }


def projected_rule(
    scalp: Scalp, area: Float[ndarray, "3"], target: Float[ndarray, "3"]
) -> dict[str, Float[ndarray, "3"]]:
    """The place on the scalp over `AREA_46`, by name, for a target that is near it. [m]

    Args:
        scalp: The scalp.
        area: Where the area is in this head. [m]
        target: What the coil is for. [m]
    """
    if np.linalg.norm(area - target) > _NEAR:
        return {}
    centre = ", ".join(f"{x * 1e3:g}" for x in AREA_46)
    return {f"MNI ({centre}), projected": scalp.nearest(area)}


def on_scalp(scalp: Scalp, point: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
    """Bring a point that is measured or marked onto the scalp, along its normal."""
    out = scalp.normal(point[None])[0]
    hit = float(scalp.surface.cast((point + 0.05 * out)[None], -out[None])[0])
    return point + (0.05 - hit) * out if np.isfinite(hit) else scalp.nearest(point)


def usual_rule(rules: Sequence[Rule]) -> Rule:
    """What clinics do without navigation: Beam F3, else a 10-20 position.

    Of other rules it is the best one.
    """
    for name in ("like Beam F3", "10-20"):
        for rule in rules:
            if rule.name.startswith(name):
                return rule
    return max(rules, key=lambda rule: rule.share)

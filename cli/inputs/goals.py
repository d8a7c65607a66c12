"""What `optimize` and `sweep` are asked to maximise, from the words of the command line."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing, optimize
from ...coils import AbstractCoil
from ...efield import Conductor, enriched
from ...meshing import HeadMesh, Region, Scalp
from .bases import Basis
from .heads import is_template
from .maps import MapChoice, avoided_regions
from .sources import BasisAim


_Avoided = tuple[tuple[float, float, float], float, float | None]
_Map = tuple[MapChoice, float | None]

_RATIOS = ("focality", "overlap")  # Objectives without a unit.
_HOTTEST = 0.01  # Of the tissue: the hot spot that is to overlap with a network.
_OFF_SCALP = 0.1  # That a place to search around may lie. [m]


@dataclass(frozen=True)
class Wishes:
    """What is wanted of a placement. Lengths in m, angles in radians.

    Attributes:
        objective: One of `search_options.OBJECTIVES`.
        direction: Along which the component is maximised, or None.
        avoid: Balls to spare, as centre, radius and limit [V/m] or None.
        avoid_maps: Maps of what is to be spared, with such a limit.
        stimulator: The largest dI/dt, or None. [A/s]
        uncertainty: Errors of placement, or None.
        hottest: The share of the tissue that is the hot spot, where that is looked at.
    """

    objective: str = "norm"
    direction: tuple[float, float, float] | None = None
    avoid: tuple[_Avoided, ...] = ()
    avoid_maps: tuple[_Map, ...] = ()
    stimulator: float | None = None
    uncertainty: optimize.AbstractUncertainty | None = None
    hottest: float = _HOTTEST

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Wishes":
        """Take them from the options, and check that they fit each other.

        Raises:
            ValueError: They do not.
        """
        mapped = options.target_map is not None
        usual = "magn" if mapped and options.direction is None else "norm"
        objective = usual if options.objective is None else options.objective
        if options.direction is not None and objective != "norm":
            raise ValueError(
                f"--direction and --objective {objective} exclude each other."
            )
        avoid: tuple[_Avoided, ...] = tuple(getattr(options, "avoid", ()))
        maps = avoided_regions(
            tuple(getattr(options, "avoid_map", ())), options.head, options.map_space
        )
        limited = [each[-1] is not None for each in (*avoid, *maps)]
        if objective in _RATIOS and any(limited):
            raise ValueError(
                f"--objective {objective} knows no intensity: leave the limits of --avoid "
                "out, or take --objective norm."
            )
        if objective != "focality" and not all(limited):
            raise ValueError(
                "--avoid and --avoid-map without a limit need --objective focality; "
                "else write X,Y,Z,R,V/M or FILE:V/M."
            )
        return cls(
            objective,
            options.direction,
            avoid,
            maps,
            getattr(options, "max_didt", None),
            _uncertainty(options),
            _hottest(options, objective),
        )

    @property
    def ratio(self) -> bool:
        """Whether what is maximised has no unit."""
        return self.objective in _RATIOS

    @property
    def what(self) -> str:
        """What is maximised, in words, where `words` say what is stated."""
        if not self.ratio:
            return self.words
        share = f"{100 * self.hottest:g}%"
        return {
            "focality": "focality: the target's field over that elsewhere",
            "overlap": f"share of the hottest {share} of the tissue in the target",
        }[self.objective]

    @property
    def simple(self) -> bool:
        """Whether the target's mean vector is all that is looked at."""
        return self.objective == "norm" and not self.avoid and not self.avoid_maps

    @property
    def words(self) -> str:
        """The objective in words."""
        if self.direction is not None:
            return f"component of the mean vector along {list(self.direction)}"
        return {
            "norm": "norm of the mean vector",
            "magn": "mean magnitude",
            "normal": "mean component along the cortex's outward normals",
            "focality": "norm of the mean vector, chosen for its focality",
            "overlap": "mean magnitude, chosen for how much of the hottest "
            f"{100 * self.hottest:g}% of the tissue lies in the target",
        }[self.objective]


def make_goal(
    wishes: Wishes,
    head: HeadMesh,
    scalp: Scalp,
    coil: AbstractCoil,
    conductor: Conductor,
    target: Region,
    tissue: str,
    radius: float,
    *,
    corrected: bool = False,
    second: Conductor | None = None,
    basis: Basis | None = None,
) -> optimize.Goal:
    """Solve the adjoint problems, and put the objective together.

    Args:
        wishes: What is wanted.
        head: The head.
        scalp: Its scalp.
        coil: The coil.
        conductor: Of the head.
        target: The target.
        tissue: Of the target and of regions to avoid.
        radius: How far around the target coils will be. [m]
        corrected: Whether to go beyond first order: in the search, where the target's
            mean vector or normal component is all that is looked at; else at the
            placement that it finds, by `Goal.weights`.
        second: The head with elements of second order for that, where it is made.
        basis: Gives the field in the place of adjoint solves, or None.

    Raises:
        ValueError: A region to avoid is empty, or the basis does not have a region.
    """
    aim = optimize.Aim(head, scalp, conductor, coil, target, radius)
    avoided = _avoided(wishes, head, tissue)
    if basis is not None:
        aim = BasisAim(head, scalp, conductor, coil, target, radius, basis)
        if wishes.objective == "focality" and not avoided:
            return aim.focality()
        if wishes.objective == "overlap":
            return aim.overlap(wishes.hottest)
    if wishes.objective == "magn":
        goal = optimize.magnitude_goal(aim)
    elif wishes.objective == "normal":
        goal = optimize.normal_goal(
            aim, corrected=corrected and not avoided, second=second
        )
    else:
        beyond = corrected and wishes.simple
        goal = optimize.mean_goal(
            aim, wishes.direction, corrected=beyond, second=second
        )
    if wishes.objective == "focality":
        goal = goal.focal(aim, avoided)
    else:
        goal = goal.limited(aim, avoided, wishes.stimulator)
    if corrected and goal.second is None:
        goal = replace(goal, second=second or enriched(conductor, head))
    return replace(goal, objective=jax.block_until_ready(goal.objective))


def _avoided(
    wishes: Wishes, head: HeadMesh, tissue: str
) -> tuple[optimize.Avoided, ...]:
    """Find the regions to spare, with their names and limits."""
    balls = tuple(
        optimize.Avoided(
            f"the ball around ({', '.join(f'{x * 1e3:g}' for x in centre)}) mm",
            meshing.ball(head, np.asarray(centre), reach, tissue),
            limit,
        )
        for centre, reach, limit in wishes.avoid
    )
    return balls + tuple(
        optimize.Avoided(
            f"the map {choice.file}", choice.region(head, tissue).region, limit
        )
        for choice, limit in wishes.avoid_maps
    )


def _hottest(options: argparse.Namespace, objective: str) -> float:
    """Take the size of the hot spot, and check that there is a use for it."""
    share = getattr(options, "hottest", None)
    if objective == "overlap" and getattr(options, "reduced", None) is None:
        raise ValueError(
            "--objective overlap is of the field in all of the tissue: give --reduced "
            "FILE, which `tmsgrad reduce` makes."
        )
    if share is not None and objective != "overlap":
        raise ValueError("--hottest is of --objective overlap.")
    if share is not None and share >= 100:
        raise ValueError(f"--hottest {share:g}: a share of the tissue is below 100%.")
    return _HOTTEST if share is None else share / 100


def _uncertainty(options: argparse.Namespace) -> optimize.AbstractUncertainty | None:
    kind = getattr(options, "robust", None)
    if kind is None:
        for name in ("position_error", "angle_error"):
            if getattr(options, name, None) is not None:
                raise ValueError(
                    f"--{name.replace('_', '-')} needs --robust expected or worst."
                )
        return None
    given = {}
    if options.position_error is not None:
        given["position"] = options.position_error * 1e-3
    if options.angle_error is not None:
        given["angle"] = np.radians(options.angle_error).item()
    return (optimize.Expected if kind == "expected" else optimize.WorstCase)(**given)


def named_positions(
    source: str, electrodes: str | None, scalp: Scalp
) -> tuple[dict[str, Float[ndarray, "3"]] | None, meshing.Fiducials | None]:
    """Find the 10-20 positions of a head: in a file, in its folder, or as measured.

    Args:
        source: The head as the command line names it.
        electrodes: The file, if one is given.
        scalp: Of the head.

    Returns:
        Positions by name, or None where nobody knows them; and the fiducials.
    """
    folder = Path(source) / "eeg_positions"
    found = sorted(folder.glob("*10-10*.csv")) or sorted(folder.glob("*.csv"))
    path = electrodes if electrodes is not None else str(found[0]) if found else None
    if path is not None:
        named = meshing.read_eeg_positions(path)
        needed = ("Nz", "Iz", "LPA", "RPA")
        if any(name not in named for name in needed):
            return named, None
        nasion, inion, left, right = (
            (float(x), float(y), float(z)) for x, y, z in (named[n] for n in needed)
        )
        return named, meshing.Fiducials(nasion, inion, left, right)
    if is_template(source):
        fiducials = meshing.TEMPLATE_FIDUCIALS
        return meshing.eeg_positions(scalp, fiducials), fiducials
    return None, None


def search_place(
    around: tuple[float, float, float] | str | None,
    source: str,
    electrodes: str | None,
    scalp: Scalp,
) -> Float[ndarray, "3"] | optimize.UpperHead | None:
    """Find where `--around` says to search.

    Raises:
        ValueError: No such position is known, or it is far from the head.
    """
    if around is None:
        return None
    if not isinstance(around, str):
        place = np.asarray(around)
        off = float(np.linalg.norm(scalp.nearest(place) - place))
        if off > _OFF_SCALP:
            raise ValueError(
                f"--around {','.join(f'{1e3 * x:g}' for x in around)}: the place is "
                f"{off * 1e3:.0f} mm from the scalp. Places are in the head's mm."
            )
        return place
    if around == "upper-head":
        return optimize.UpperHead()
    return position_named(around, "around", source, electrodes, scalp)


def position_named(
    name: str, option: str, source: str, electrodes: str | None, scalp: Scalp
) -> Float[ndarray, "3"]:
    """Find a 10-20 position that an option names.

    Raises:
        ValueError: No such position is known.
    """
    named, _ = named_positions(source, electrodes, scalp)
    if named is None or name not in named:
        known = (
            "none: give --electrodes FILE"
            if named is None
            else ", ".join(sorted(named))
        )
        raise ValueError(
            f"--{option} {name}: this head has no such position; known are {known}."
        )
    return named[name]

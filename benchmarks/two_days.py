"""Pairs of functional targets of one person: halves of a series as two days.

A real person is that of `real_person`, simulated ones are those of `simulated_bold` with a
rival patch and noise in the group's map. All is done as by `tmsgrad target functional`.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks import real_person, simulated_bold, simulated_brain

from tmsgrad.optimize import targeting
from tmsgrad.optimize.targeting import CleanSeries


FAR = 10.0  # [mm]
_DRAWS = 200
_COMPONENTS = 5  # Of aCompCor; with the sixth a half would have too few volumes.
_REGION = targeting.SEARCH_REGIONS["left-dlpfc"]
_SEED = targeting.SEEDS["sgACC"]
_RIVAL, _DOUBT, _SHIFT = 0.9, 1.0, 3.0  # As `targeting --rival --doubt`.
_LENGTH = 20  # Of a simulated series. [min]
_FIRST = 4000  # Of the simulated people's numbers; nothing was chosen on these.
_WIDE, _OFF, _LEAST = 12.0, 4.0, 0.2  # Of a simulated network. [mm, mm, 1]


@dataclass(frozen=True)
class Pair:
    """The targets of a person on two days.

    Attributes:
        name: Whose.
        distance: Between both. [mm]
        radii: Of the intervals. [mm]
        reliable: Whether each was called so.
        minutes: Of data that were left.
    """

    name: str
    distance: float
    radii: tuple[float, float]
    reliable: tuple[bool, bool]
    minutes: tuple[float, float]

    @property
    def held(self) -> bool:
        """Whether the intervals hold the distance."""
        return bool(self.distance <= np.hypot(*self.radii))


def counts(pairs: list[Pair]) -> dict[str, float | int | None]:
    """Count what was held, and what of the large shifts was called not reliable."""
    if not pairs:
        return {"pairs": 0}
    apart = np.array([each.distance for each in pairs])
    far = [each for each in pairs if each.distance > FAR]
    near = [each for each in pairs if each.distance <= FAR]
    first = lambda group: sum(not each.reliable[0] for each in group)
    either = lambda group: sum(not all(each.reliable) for each in group)
    return {
        "pairs": len(pairs),
        "median distance mm": float(np.median(apart)),
        "largest distance mm": float(apart.max()),
        "held by the intervals": sum(each.held for each in pairs) / len(pairs),
        f"beyond {FAR:g} mm": len(far),
        "of these called not reliable on day 1": first(far),
        "on either day": either(far),
        f"within {FAR:g} mm and called not reliable on day 1": first(near),
    }


def real(data: Path) -> Iterator[tuple[str, str, list[Pair], int]]:
    """Seed, global signal, pairs and how many were refused, of the package's person.

    Args:
        data: Folder `datasets` of the package.
    """
    for regressed in (False, True):
        days = [_real_day(data, part, regressed) for part in _halves(652)]
        word = "regressed out" if regressed else "kept"
        for name, chosen in _seeds(data, days[0]).items():
            found = [_pair(days, each, f"{name}, {word}") for each in chosen]
            kept = [each for each in found if each is not None]
            yield name, word, kept, len(found) - len(kept)


def _halves(volumes: int) -> tuple[slice, slice]:
    return slice(0, volumes // 2), slice(volumes // 2, volumes)


@dataclass(frozen=True, eq=False)
class _Day:
    """A day's cleaned series, with where things are in it."""

    cleaned: CleanSeries
    region: np.ndarray
    group: np.ndarray
    network: np.ndarray | None = None

    @property
    def positions(self) -> np.ndarray:
        """Of voxels. [m]"""
        return self.cleaned.series.positions


def _real_day(data: Path, part: slice, regressed: bool) -> _Day:
    with tempfile.TemporaryDirectory() as folder:
        files = real_person.write(data, Path(folder), part)
        series = targeting.read_surface_bold(files.bold, files.surfaces)
        table = targeting.read_confounds(
            files.confounds, len(series.signals), regressed, _COMPONENTS
        )
        group = targeting.read_map(files.group).at(series.positions)
    cleaned = targeting.clean(series, table, minutes=5.0)
    region = _REGION.inside(series.positions)
    return _Day(cleaned, region, np.where(region, 0.0, group))


def _seeds(data: Path, day: _Day) -> dict[str, list]:
    """Weights of voxels by a day: one place each, a map, or one of a hundred parcels."""
    balls = [
        targeting.Spheres("parcel", (tuple(centre),), _SEED.radius, "")
        for centre in real_person.parcels(data)
    ]
    # A seed that reaches into the region would find itself.
    apart = [
        ball for ball in balls if not (ball.inside(day.positions) & day.region).any()
    ]
    inside = lambda ball: lambda each: ball.inside(each.positions).astype(np.float64)
    return {
        "subgenual ball": [inside(_SEED)],
        "group's map": [lambda each: each.group],
        "balls all over the cortex": [inside(ball) for ball in apart],
    }


def simulated(people: int) -> Iterator[tuple[str, Pair | None, tuple[float, ...]]]:
    """Way, pair and errors [mm] of simulated people; no pair where one was refused."""
    brain = simulated_brain.folded(3.0)
    for number in range(_FIRST, _FIRST + people):
        person = simulated_bold.simulate(
            np.random.default_rng(number),
            *(_LENGTH, brain),
            shift=_SHIFT,
            rival=_RIVAL,
            doubt=_DOUBT,
        )
        count = person.image.shape[3]
        try:
            days = [_simulated_day(person, part, number) for part in _halves(count)]
        except ValueError as problem:  # Too much motion.
            print(problem)
            continue
        ball = lambda each: _SEED.inside(each.positions).astype(np.float64)
        group = lambda each: each.group
        for way, chosen, network in (
            ("ball", ball, False),
            ("weighted map", group, False),
            ("weighted map, own network", group, True),
        ):
            found = [_target(each, chosen, network) for each in days]
            errors = tuple(
                float(np.linalg.norm(each[0] - person.truth))
                for each in found
                if each is not None
            )
            yield way, _paired(days, found, f"{number}, {way}"), errors


def _simulated_day(person: simulated_bold.Simulated, part: slice, number: int) -> _Day:
    mask = np.asarray(person.mask.dataobj) > 0
    affine = np.array(person.image.affine)
    affine[:3] *= 1e-3
    step = float(np.asarray(person.image.header.get_zooms())[3])
    signals = np.asarray(person.image.dataobj)[mask].T[part].astype(np.float64)
    series = targeting.BoldSeries(signals, mask, affine, step)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "confounds.tsv"
        columns = {name: column[part] for name, column in person.confounds.items()}
        simulated_bold.write_confounds(path, columns)
        table = targeting.read_confounds(path, len(signals))
    cleaned = targeting.clean(series, table, minutes=5.0)
    region = _REGION.inside(series.positions)
    group = np.asarray(person.group.dataobj)[mask].astype(np.float64)
    middle = person.truth + _OFF * np.random.default_rng(number).standard_normal(3)
    apart = np.linalg.norm(series.positions * 1e3 - middle, axis=1)
    network = _LEAST + (1 - _LEAST) * np.exp(-(apart**2) / (2 * _WIDE**2))
    return _Day(cleaned, region, np.where(region, 0.0, group), network)


def _target(day: _Day, seed, network: bool = False) -> tuple | None:
    """Centre [mm], radius [mm] and whether it is reliable, or None where refused."""
    grid = targeting.search_grid(day.cleaned, day.region)
    prior = day.network if network else None
    try:
        course = targeting.seed_course(day.cleaned, seed(day))
        z = targeting.connectivity(day.cleaned, course)
        found = targeting.find_target(z, grid, network=prior)
        trust = targeting.reliability(
            *(day.cleaned, course, found, grid), draws=_DRAWS, network=prior
        )
    except ValueError:
        return None
    return found.centre * 1e3, trust.radius * 1e3, not trust.doubts


def _pair(days: list[_Day], seed, name: str) -> Pair | None:
    return _paired(days, [_target(day, seed) for day in days], name)


def _paired(days: list[_Day], found: list[tuple | None], name: str) -> Pair | None:
    before, after = found
    if before is None or after is None:
        return None
    one, first, sure = before
    other, second, also = after
    minutes = [day.cleaned.motion.minutes for day in days]
    return Pair(
        *(name, float(np.linalg.norm(one - other)), (first, second)),
        *((sure, also), (minutes[0], minutes[1])),
    )

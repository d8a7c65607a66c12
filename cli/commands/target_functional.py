"""`tmsgrad target`: targets from images."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...optimize import targeting
from ...optimize.targeting import BoldSeries, CleanSeries
from ..arguments.words import triple
from ..results.target_results import FunctionalResult
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable, warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


@dataclasses.dataclass(frozen=True, eq=False)
class _Places:
    """Where the seed and the search region are, as weights of voxels.

    Attributes:
        seed: What makes the time course.
        region: Which voxels are searched.
        seed_words: What that is, with its source.
        region_words: Likewise.
    """

    seed: Float[ndarray, "voxel"]
    region: Float[ndarray, "voxel"]
    seed_words: str
    region_words: str


def target_functional(options: argparse.Namespace) -> Outcome:
    """Find where a seed is most anticorrelated, and how reliably."""
    with output_folder(options.out) as folder:
        _check(options)
        runs = [
            targeting.read_bold(file, options.mask, options.tr) for file in options.bold
        ]
        for remark in dict.fromkeys(text for run in runs for text in run.remarks):
            warn(remark)
        to_mni, space = _space(options, runs[0])
        result = _chosen(options, runs, to_mni, space)
        write_json(folder / "target.json", result.to_json())
        result.write_maps(folder)
        with dispensable(PICTURE):
            result.draw(folder / PICTURE)
    result.describe(options.out)
    return Outcome(result.to_json(), result.step())


def _check(options: argparse.Namespace) -> None:
    """Refuse options that do not fit each other."""
    files, tables = len(options.bold), len(options.confounds)
    if tables not in (0, files):
        raise ValueError(
            f"--confounds is given {tables} times, and --bold {files} times: give a table "
            "for each run, in the same order."
        )
    asked = (
        options.global_signal != "no" or options.compcor or options.dvars is not None
    )
    if asked and not tables:
        raise ValueError(
            "--global-signal, --compcor and --dvars need --confounds with their columns."
        )


def _chosen(
    options: argparse.Namespace, runs: list[BoldSeries], to_mni: Callable, space: str
) -> FunctionalResult:
    """The target with or without the global signal, or that whose halves agree better."""
    choices = {"no": (False,), "yes": (True,), "auto": (False, True)}
    found, problems = [], []
    for regressed in choices[options.global_signal]:
        try:
            found.append(_found(options, runs, to_mni, space, regressed))
        except ValueError as problem:
            problems.append(problem)
    if not found:
        raise problems[0]
    best, *others = sorted(found, key=lambda each: each.trust.split_half)
    other = others[0].trust.split_half if others else None
    return dataclasses.replace(best, other=other)


def _found(
    options: argparse.Namespace,
    runs: list[BoldSeries],
    to_mni: Callable,
    space: str,
    global_signal: bool,
) -> FunctionalResult:
    parts = [
        _cleaned(options, run, number, global_signal) for number, run in enumerate(runs)
    ]
    cleaned = targeting.joined(parts, options.minutes)
    places = _places(options, cleaned.series, to_mni)
    grid = targeting.search_grid(cleaned, places.region > 0)
    course = targeting.seed_course(cleaned, places.seed)
    z = targeting.connectivity(cleaned, course)
    group = None
    if options.normative is not None:
        image = targeting.read_map(options.normative)
        group = targeting.weights_in(cleaned.series, image, to_mni)
    mixed = z if group is None else targeting.blended(z, group, options.blend, grid)
    target = targeting.find_target(mixed, grid, share=options.share)
    trust = targeting.reliability(
        *(cleaned, course, target, grid),
        normative=group,
        blend=options.blend,
        share=options.share,
        draws=options.draws,
    )
    normative = options.normative and (options.normative, options.blend)
    return FunctionalResult(
        *(cleaned, z, target, trust, options.draws, len(runs), global_signal, None),
        *(space, places.seed_words, places.region_words, normative),
        Provenance.of(options),
    )


def _space(
    options: argparse.Namespace, series: BoldSeries
) -> tuple[Callable[[Float[ndarray, "point 3"]], ndarray], str]:
    """Find the way from the images to MNI space."""
    file = options.bold[0]
    named = "space-MNI" in Path(file).name
    for other in options.bold[1:]:
        if ("space-MNI" in Path(other).name) != named:
            raise ValueError(
                f"--bold {other}: the name says another space than that of {file}. Take "
                "runs of one space."
            )
    space = options.space or ("mni" if named else None)
    if space is None and options.head is not None:
        space = "head"
    if space is None:
        raise ValueError(
            f"--bold {file}: nothing says which space that is. Write --space "
            "mni, or --space head --head M2M for images in the head's own mm."
        )
    if series.space and (space == "mni") != (series.space == "MNI"):
        warn(
            f"--bold {file}: the header says that the images are in the space "
            f"{series.space}; they are taken as in "
            f"{'MNI space' if space == 'mni' else 'the space of the head'}."
        )
    if space == "mni":
        if options.head is not None:
            raise ValueError(
                f"--head {options.head}: the images are in MNI space, and no head is "
                "needed. Leave it out, or write --space head for images in the head's own "
                "mm."
            )
        targeting.check_mni_brain(series)
        return lambda points: points, "MNI"
    if named:
        raise ValueError(
            f"--bold {file}: the name says MNI space, but --space head is given."
        )
    if options.head is None:
        raise ValueError("--space head needs --head M2M, whose transforms lead to MNI.")
    subject = meshing.subject_of(options.head)
    if subject is None:
        raise ValueError(
            f"--head {options.head}: it is no m2m_ folder, whose transforms lead to MNI."
        )
    transform = meshing.read_mni(subject)
    return lambda points: np.asarray(transform.to_mni(points)), "head"


def _cleaned(
    options: argparse.Namespace, series: BoldSeries, number: int, global_signal: bool
) -> CleanSeries:
    table = None
    if options.confounds:
        table = targeting.read_confounds(
            options.confounds[number],
            len(series.signals),
            global_signal,
            options.compcor,
        )
        for remark in table.remarks:
            warn(remark)
    cut = targeting.unsteady_volumes(series, table, options.skip)
    bright = targeting.brighter_at_the_start(series)
    if bright > cut:
        warn(
            f"{series.name}: the first {bright} volumes are brighter than the others, as "
            f"before the magnetisation is steady: cut them off by --skip {bright}."
        )
    return targeting.clean(
        series,
        table,
        displacement=options.displacement * 1e-3,
        minutes=options.minutes if len(options.bold) == 1 else 0.0,
        skip=options.skip,
        variation=options.dvars,
    )


def _places(
    options: argparse.Namespace, series: BoldSeries, to_mni: Callable
) -> _Places:
    region = _place(options.search_region, targeting.SEARCH_REGIONS, 0.0, "region")
    inside = targeting.weights_in(series, region, to_mni)
    inside = np.where(inside > 0.5, inside, 0.0)
    if options.seed_map is None:
        seed = _place(options.seed, targeting.SEEDS, options.seed_radius, "seed")
        weights, words = targeting.weights_in(series, seed, to_mni), _words(seed)
    else:
        group = targeting.read_map(options.seed_map)
        weights = targeting.weights_in(series, group, to_mni)
        # A target must not vote for itself.
        weights = np.where(inside > 0, 0.0, weights)
        words = f"weighted by {options.seed_map} (Fox et al. 2013, PMC3594474)"
    return _Places(weights, inside, words, _words(region))


def _place(
    word: str, known: dict, radius: float, what: str
) -> targeting.Spheres | targeting.VolumeMap:
    if word in known:
        return known[word]
    if Path(word).exists():
        return targeting.read_map(word).above(0.0)
    if what == "seed" and "," in word:
        try:
            centre = triple(word)
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"--seed {error}.") from None
        return targeting.Spheres(f"around {word}", (centre,), radius, "the user", True)
    raise ValueError(
        f"{word!r} is neither a file nor a known {what}; known are {', '.join(known)}."
    )


def _words(place: targeting.Spheres | targeting.VolumeMap) -> str:
    if isinstance(place, targeting.VolumeMap):
        return place.name
    return f"{place.name}, {place.radius:g} mm ({place.source})"

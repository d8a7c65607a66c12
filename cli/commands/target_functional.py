"""`tmsgrad target`: targets from images."""

import argparse
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing import VoxelGrid
from ...optimize import targeting
from ...optimize.targeting import (
    BoldSeries,
    CleanSeries,
    FunctionalTarget,
    Reliability,
)
from ..arguments.words import triple
from ..results.plain_steps import functional_step
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_BANNER = "for research use only; no medical device"


@dataclasses.dataclass(frozen=True, eq=False)
class _Places:
    """Where the seed and the search region are, as weights of voxels.

    Attributes:
        seed: What makes the time course.
        region: Which voxels are searched.
        words: What they are, with sources.
    """

    seed: Float[ndarray, "voxel"]
    region: Float[ndarray, "voxel"]
    words: dict[str, str]


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """A target, what it was found in, and how far it can be trusted.

    Attributes:
        cleaned: The signals of all runs.
        z: Connectivity of every voxel with the seed.
        target: What was found.
        trust: How surely.
        words: What seed and region are.
        global_signal: Whether it was regressed out.
        other: The distance of the halves' targets with the other choice, where both were
            tried. [m]
    """

    cleaned: CleanSeries
    z: Float[ndarray, "voxel"]
    target: FunctionalTarget
    trust: Reliability
    words: dict[str, str]
    global_signal: bool
    other: float | None = None


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
        found = _chosen(options, runs, to_mni)
        report = _report(options, found, space)
        write_json(folder / "target.json", report)
        _write_maps(folder, found.cleaned.series, found.z, found.target)
    _print(report, options)
    return Outcome(report, functional_step(report))


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
    options: argparse.Namespace, runs: list[BoldSeries], to_mni: Callable
) -> _Found:
    """The target with or without the global signal, or that whose halves agree better."""
    choices = {"no": (False,), "yes": (True,), "auto": (False, True)}
    found, problems = [], []
    for regressed in choices[options.global_signal]:
        try:
            found.append(_found(options, runs, to_mni, regressed))
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
    global_signal: bool,
) -> _Found:
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
    return _Found(cleaned, z, target, trust, places.words, global_signal)


def _space(
    options: argparse.Namespace, series: BoldSeries
) -> tuple[Callable[[Float[ndarray, "point 3"]], ndarray], str]:
    """Find the way from the images to MNI space."""
    file = options.bold[0]
    named = "space-MNI" in Path(file).name
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
            f"--bold {options.bold}: the header says that the images are in the space "
            f"{series.space}; they are taken as in that of {space}."
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
    words = {"search_region": _words(region)}
    if options.seed_map is None:
        seed = _place(options.seed, targeting.SEEDS, options.seed_radius, "seed")
        words["seed"] = _words(seed)
        return _Places(targeting.weights_in(series, seed, to_mni), inside, words)
    group = targeting.read_map(options.seed_map)
    weights = targeting.weights_in(series, group, to_mni)
    # A target must not vote for itself.
    weights = np.where(inside > 0, 0.0, weights)
    words["seed"] = f"weighted by {options.seed_map} (Fox et al. 2013, PMC3594474)"
    return _Places(weights, inside, words)


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


def _report(options: argparse.Namespace, found: _Found, space: str) -> dict:
    cleaned, target, trust = found.cleaned, found.target, found.trust
    motion = cleaned.motion
    volume = abs(np.linalg.det(cleaned.series.affine[:3, :3])) * len(target.cluster)
    return {
        "note": _BANNER,
        "centre_mm": (target.centre * 1e3).tolist(),
        "space": space,
        "peak_mm": (target.peak * 1e3).tolist(),
        "cluster_mm3": float(volume * 1e9),
        "mean_fisher_z": target.mean_z,
        "interval_95_radius_mm": trust.radius * 1e3,
        "bootstrap_median_mm": trust.median * 1e3,
        "split_half_mm": trust.split_half * 1e3,
        "block_s": trust.block,
        "draws": options.draws,
        "reliable": not trust.doubts,
        "doubts": list(trust.doubts),
        "found_share": trust.chosen,
        "rivals": _rivals(target, trust),
        **found.words,
        "runs": len(options.bold),
        "global_signal": found.global_signal,
        "split_half_of_other_choice_mm": (
            None if found.other is None else found.other * 1e3
        ),
        "normative": options.normative,
        "blend": None if options.normative is None else options.blend,
        "motion": {
            "volumes": motion.volumes,
            "cut_at_the_start": motion.unsteady,
            "named_outliers": motion.flagged,
            "kept": motion.kept,
            "minutes": motion.minutes,
            "mean_framewise_displacement_mm": motion.mean_displacement * 1e3,
            "largest_framewise_displacement_mm": motion.largest_displacement * 1e3,
            "limit_mm": motion.limit * 1e3,
        },
        "repetition_time_s": cleaned.series.repetition_time,
        "regressors": list(cleaned.regressors),
        "provenance": Provenance.of(options).as_json(),
    }


def _rivals(target: FunctionalTarget, trust: Reliability) -> list[dict]:
    """Other clusters of the map, and how often they are the weightiest."""
    return [
        {
            "centre_mm": (rival.centre * 1e3).tolist(),
            "distance_mm": float(np.linalg.norm(rival.centre - target.centre)) * 1e3,
            "mass_share": rival.mass / target.mass,
            "found_share": share,
        }
        for rival, share in zip(target.rivals, trust.of_rivals, strict=True)
    ]


def _write_maps(
    folder: Path, series: BoldSeries, z: ndarray, target: FunctionalTarget
) -> None:
    i, j, k = series.mask.shape
    grid = VoxelGrid(series.affine, (i, j, k))
    number = np.full(series.mask.shape, -1, dtype=np.int32)
    number[series.mask] = np.arange(len(z))
    weights = np.zeros(len(z))
    weights[target.cluster] = target.weights
    meshing.write_image(folder / "connectivity.nii.gz", grid, number, z)
    meshing.write_image(folder / "target.nii.gz", grid, number, weights)


def _print(report: dict, options: argparse.Namespace) -> None:
    at = ", ".join(f"{x:.1f}" for x in report["centre_mm"])
    motion = report["motion"]
    for doubt in report["doubts"]:
        print(f"NOT RELIABLE     {doubt}")
    print(
        f"target           ({at}) mm in {report['space']} space, mean z "
        f"{report['mean_fisher_z']:.2f} over {report['cluster_mm3']:.0f} mm³"
    )
    print(
        f"how reliable     95% within {report['interval_95_radius_mm']:.1f} mm; halves of "
        f"the data {report['split_half_mm']:.1f} mm apart; found in "
        f"{report['found_share']:.0%} of resampled series"
    )
    for rival in report["rivals"]:
        place = ", ".join(f"{x:.1f}" for x in rival["centre_mm"])
        print(
            f"rival            ({place}) mm, {rival['distance_mm']:.0f} mm away, of "
            f"{rival['mass_share']:.0%} of the mass; found in {rival['found_share']:.0%}"
        )
    if report["split_half_of_other_choice_mm"] is not None:
        print(
            f"global signal    {'' if report['global_signal'] else 'not '}regressed out: "
            "otherwise the halves are "
            f"{report['split_half_of_other_choice_mm']:.1f} mm apart"
        )
    print(
        f"motion           {motion['mean_framewise_displacement_mm']:.2f} mm on average, "
        f"{motion['kept']} of {motion['volumes']} volumes kept, {motion['minutes']:.1f} min"
    )
    if motion["cut_at_the_start"] or motion["named_outliers"]:
        print(
            f"left out         {motion['cut_at_the_start']} volumes at the start, "
            f"{motion['named_outliers']} that the confounds name outliers"
        )
    print(f"seed             {report['seed']}")
    print(f"search region    {report['search_region']}")
    print(f"files            {Path(options.out)}{os.sep} ({_BANNER})")

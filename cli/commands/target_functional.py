"""`tmsgrad target`: targets from images."""

import argparse
import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...disk.as_json import write_json
from ...optimize import targeting
from ...optimize.targeting import BoldSeries, CleanSeries, FunctionalTarget
from ..arguments.words import triple
from ..results.functional_result import FunctionalResult
from ..results.own_network import OwnNetwork
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable, warn
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance
from .functional_request import FunctionalRequest, Images


@dataclasses.dataclass(frozen=True, eq=False)
class _Places:
    """Where the seed and the search region are, as weights of voxels.

    Attributes:
        seed: What makes the time course.
        region: Which voxels are searched.
        network: How probable it is that they belong to the person's own, or None.
        seed_words: What that is, with its source.
        region_words: Likewise.
    """

    seed: Float[ndarray, "voxel"]
    region: Float[ndarray, "voxel"]
    network: Float[ndarray, "voxel"] | None
    seed_words: str
    region_words: str


def target_functional(options: argparse.Namespace) -> Outcome:
    """Find where a seed is most anticorrelated, and how reliably."""
    with output_folder(options.out) as folder:
        request, origin = FunctionalRequest.of(options), Provenance.of(options)
        images = request.images
        runs = [_read(images, file) for file in images.runs]
        for remark in dict.fromkeys(text for run in runs for text in run.remarks):
            warn(remark)
        to_mni, space = _space(images, runs[0])
        result = _chosen(request, runs, to_mni, space, origin)
        write_json(folder / "target.json", result.to_json())
        result.write_maps(folder)
        with dispensable(PICTURE):
            result.draw(folder / PICTURE)
    result.describe(request.out)
    return Outcome(result.to_json(), result.step())


def _read(images: Images, file: str) -> BoldSeries:
    if targeting.is_on_surface(file):
        return targeting.read_surface_bold(file, images.surfaces, images.repetition)
    return targeting.read_bold(file, images.mask, images.repetition)


def _chosen(
    request: FunctionalRequest,
    runs: list[BoldSeries],
    to_mni: Callable,
    space: str,
    origin: Provenance,
) -> FunctionalResult:
    """The target with or without the global signal, or that whose halves agree better."""
    found, problems = [], []
    for regressed in request.cleaning.global_signal:
        try:
            found.append(_found(request, runs, to_mni, space, regressed, origin))
        except ValueError as problem:
            problems.append(problem)
    if not found:
        raise problems[0]
    best, *others = sorted(found, key=lambda each: each.trust.split_half)
    other = others[0].trust.split_half if others else None
    return dataclasses.replace(best, other=other)


def _found(
    request: FunctionalRequest,
    runs: list[BoldSeries],
    to_mni: Callable,
    space: str,
    global_signal: bool,
    origin: Provenance,
) -> FunctionalResult:
    parts = [
        _cleaned(request, run, number, global_signal) for number, run in enumerate(runs)
    ]
    cleaned = targeting.joined(parts, request.cleaning.minutes)
    places = _places(request, cleaned.series, to_mni)
    grid = targeting.search_grid(cleaned, places.region > 0)
    course = targeting.seed_course(cleaned, places.seed)
    z = targeting.connectivity(cleaned, course)
    group = None
    if request.normative is not None:
        image = targeting.read_map(request.normative)
        group = targeting.weights_in(cleaned.series, image, to_mni)
    mixed = z if group is None else targeting.blended(z, group, request.blend, grid)
    find = functools.partial(targeting.find_target, mixed, grid, share=request.share)
    target = find(network=places.network)
    trust = targeting.reliability(
        *(cleaned, course, target, grid),
        normative=group,
        blend=request.blend,
        share=request.share,
        draws=request.draws,
        network=places.network,
    )
    engaged = None
    if request.engagement is not None:
        own = targeting.read_map(request.engagement)
        values = targeting.weights_in(cleaned.series, own, to_mni)
        engaged = targeting.engagement(values, target, grid, request.engagement)
    name = request.normative
    normative = None if name is None else (name, request.blend)
    return FunctionalResult(
        *(cleaned, z, target, trust, request.draws, len(runs), global_signal, None),
        *(space, places.seed_words, places.region_words, normative, origin, engaged),
        _own_network(request, places, target, find),
    )


def _own_network(
    request: FunctionalRequest,
    places: _Places,
    target: FunctionalTarget,
    find: Callable[[], FunctionalTarget],
) -> OwnNetwork | None:
    """What the network changed: without it the target would be elsewhere, or nowhere."""
    if places.network is None:
        return None
    try:
        without = find().centre
    except ValueError:
        without = None
    assert request.network is not None
    return OwnNetwork(
        *(request.network, request.network_label),
        float(places.network[places.region > 0].mean()),
        float(np.average(places.network[target.cluster], weights=target.weights)),
        *(without, target.centre),
    )


def _space(
    images: Images, series: BoldSeries
) -> tuple[Callable[[Float[ndarray, "point 3"]], ndarray], str]:
    """Find the way from the images to MNI space."""
    space = _named_space(images)
    if series.space and (space == "mni") != (series.space == "MNI"):
        warn(
            f"--bold {images.runs[0]}: the header says that the images are in the space "
            f"{series.space}; they are taken as in "
            f"{'MNI space' if space == 'mni' else 'the space of the head'}."
        )
    if space == "mni":
        targeting.check_mni_brain(series)
        return lambda points: points, "MNI"
    assert images.head is not None
    subject = meshing.subject_of(images.head)
    if subject is None:
        raise ValueError(
            f"--head {images.head}: it is no m2m_ folder, whose transforms lead to MNI."
        )
    transform = meshing.read_mni(subject)
    return lambda points: np.asarray(transform.to_mni(points)), "head"


def _named_space(images: Images) -> str:
    """The space of the images as it is given, or as their names say: mni or head."""
    file = images.runs[0]
    named = "space-MNI" in Path(file).name
    for other in images.runs[1:]:
        if ("space-MNI" in Path(other).name) != named:
            raise ValueError(
                f"--bold {other}: the name says another space than that of {file}. Take "
                "runs of one space."
            )
    space = images.space or ("mni" if named else None)
    if space is None and images.head is not None:
        space = "head"
    if space is None:
        raise ValueError(
            f"--bold {file}: nothing says which space that is. Write --space "
            "mni, or --space head --head M2M for images in the head's own mm."
        )
    if space == "mni" and images.head is not None:
        raise ValueError(
            f"--head {images.head}: the images are in MNI space, and no head is "
            "needed. Leave it out, or write --space head for images in the head's own "
            "mm."
        )
    if space == "head" and named:
        raise ValueError(
            f"--bold {file}: the name says MNI space, but --space head is given."
        )
    if space == "head" and images.head is None:
        raise ValueError("--space head needs --head M2M, whose transforms lead to MNI.")
    return space


def _cleaned(
    request: FunctionalRequest, series: BoldSeries, number: int, global_signal: bool
) -> CleanSeries:
    table, how = None, request.cleaning
    if request.images.confounds:
        table = targeting.read_confounds(
            request.images.confounds[number],
            len(series.signals),
            global_signal,
            how.components,
        )
        for remark in table.remarks:
            warn(remark)
    cut = targeting.unsteady_volumes(series, table, how.skip)
    bright = targeting.brighter_at_the_start(series)
    if bright > cut:
        warn(
            f"{series.name}: the first {bright} volumes are brighter than the others, as "
            f"before the magnetisation is steady: cut them off by --skip {bright}."
        )
    return targeting.clean(
        series,
        table,
        displacement=how.displacement,
        minutes=how.minutes if len(request.images.runs) == 1 else 0.0,
        skip=how.skip,
        variation=how.variation,
    )


def _places(
    request: FunctionalRequest, series: BoldSeries, to_mni: Callable
) -> _Places:
    region = _place(request.region, targeting.SEARCH_REGIONS, 0.0, "region")
    inside = targeting.weights_in(series, region, to_mni)
    inside = np.where(inside > 0.5, inside, 0.0)
    if request.seed_map is None:
        seed = _place(request.seed, targeting.SEEDS, request.seed_radius, "seed")
        weights, words = targeting.weights_in(series, seed, to_mni), _words(seed)
    else:
        group = targeting.read_map(request.seed_map)
        weights = targeting.weights_in(series, group, to_mni)
        # A target must not vote for itself.
        weights = np.where(inside > 0, 0.0, weights)
        words = f"weighted by {request.seed_map} (Fox et al. 2013, PMC3594474)"
    own = None
    if request.network is not None:
        own = targeting.read_network(
            request.network, request.network_label, request.images.surfaces
        ).within(series)
    return _Places(weights, inside, own, words, _words(region))


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

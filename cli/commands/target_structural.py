"""`tmsgrad target structural`: where streamlines of a deep target reach the cortex."""

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing import (
    DiffusionSeries,
    HeadMesh,
    TensorImage,
    Tractogram,
    VoxelGrid,
)
from ...optimize import targeting
from ...optimize.targeting.tracts import Place
from ..inputs.heads import is_template, read_head
from ..results.target_results import StructuralResult, Tracked
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance


_SPACING = 1e-3  # Of the grid of a head without a T1. [m]


def target_structural(options: argparse.Namespace) -> Outcome:
    """Find the cortex that streamlines connect with a deep target."""
    progress = Progress()
    with output_folder(options.out) as folder:
        _check_tracking(options)
        progress.stage("tracts", "streamlines or diffusion data")
        data = _read(options)
        grid = None if options.image is None else meshing.read_grid(options.image)
        progress.stage("head", f"head {options.head}")
        head = read_head(options.head, progress, forced=options.force)
        grid = _grid(options.head, head) if grid is None else grid
        places = Places(options)
        target = places.of(options.indirect, "--indirect")
        if isinstance(data, Tractogram):
            tracts = data
        else:
            progress.stage("tracking", "fibre orientations")
            tracts, target = _tracked(options, head, data, target, progress)
        inside = meshing.check_tracts(head, tracts)
        progress.stage("search", "streamlines that reach the target")
        found = targeting.reaching(
            tracts,
            target,
            [places.of(word, "--waypoint") for word in options.waypoint],
            [places.of(word, "--station") for word in options.station],
        )
        progress.stage("map", "map of the cortex")
        mapped = targeting.connection_map(
            *(head, tracts, found, grid),
            search=None
            if options.search_region is None
            else places.of(options.search_region, "--search-region"),
            smoothing=options.smoothing * 1e-3,
            share=options.share,
            reach=options.depth * 1e-3,
        )
        progress.stage("output", "files and picture")
        source = options.tensor or options.dwi
        tracked = source and Tracked(source, options.seeds, options.random_seed)
        result = StructuralResult(
            *(tracts, found, mapped, inside, options.indirect),
            *(tuple(options.waypoint), tuple(options.station), options.search_region),
            *(tracked, options.share, Provenance.of(options)),
        )
        result.write_maps(folder, head, grid)
        progress.close()
        write_json(folder / "target.json", result.to_json())
    result.describe(options.out)
    return Outcome(result.to_json(), result.step())


def _check_tracking(options: argparse.Namespace) -> None:
    if options.dwi is None and (options.bvals or options.bvecs):
        raise ValueError("--bvals and --bvecs are of --dwi, which is missing.")


def _read(options: argparse.Namespace) -> Tractogram | TensorImage | DiffusionSeries:
    if options.tracts is not None:
        return meshing.read_tracts(options.tracts)
    if options.tensor is not None:
        return meshing.read_tensors(options.tensor)
    return meshing.read_dwi(options.dwi, options.bvals, options.bvecs)


def _tracked(
    options: argparse.Namespace,
    head: HeadMesh,
    data: TensorImage | DiffusionSeries,
    target: Place,
    progress: Progress,
) -> tuple[Tractogram, Place]:
    """Track from a target; what then counts as the target is its seeds as well."""
    source = options.tensor or options.dwi
    try:
        if isinstance(data, TensorImage):
            found = targeting.tensor_orientations(head, data)
        else:
            found = targeting.deconvolved_orientations(head, data, progress)
        tracked = targeting.track(
            found,
            target,
            seeds=options.seeds,
            seed=options.random_seed,
            progress=progress,
        )
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    seeds = tracked.seeds
    return tracked.tracts, lambda points: np.maximum(
        target(points), seeds.at(points) > 0.5
    )


class Places:
    """Turns words into places of the head."""

    def __init__(self, options: argparse.Namespace):
        self._options = options
        self._template = is_template(options.head)
        self._mni: meshing.MniTransform | None = None

    def of(self, word: str, option: str) -> Place:
        """Find a place.

        Raises:
            ValueError: The word is no place, or nothing leads to MNI space.
        """
        known = targeting.SEEDS | targeting.SEARCH_REGIONS
        if word in known:
            place = known[word]
            centres = [self._from_mni(np.array(c) * 1e-3) for c in place.centres]
            balls = [targeting.ball_place(c, place.radius * 1e-3) for c in centres]
            return lambda points: np.max([ball(points) for ball in balls], axis=0)
        mni = self._options.space == "mni"
        if Path(word).exists():
            image = targeting.read_map(word).above(0.0)
            largest = image.values.max()
            if image.space and not mni and not self._template:
                warn(
                    f"{option} {word}: the header says that the image is in the space "
                    f"{image.space}; it is taken as in the head's (--space)."
                )
            if not mni or self._template:
                return lambda points: image.at(points) / largest
            transform = self._transform()
            return lambda points: (
                image.at(np.asarray(transform.to_mni(points))) / largest
            )
        try:
            centre = np.array([float(part) for part in word.split(",")]) * 1e-3
        except ValueError:
            centre = np.empty(0)
        if centre.shape != (3,) or not np.isfinite(centre).all():
            raise ValueError(
                f"{option} {word}: this is neither a file, nor X,Y,Z in mm, nor a known "
                f"place; known are {', '.join(known)}."
            )
        if mni:
            centre = self._from_mni(centre)
        return targeting.ball_place(centre, self._options.radius * 1e-3)

    def _from_mni(self, centre: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
        if self._template:
            return centre
        return np.asarray(self._transform().to_subject(centre))

    def _transform(self) -> meshing.MniTransform:
        if self._mni is None:
            subject = meshing.subject_of(self._options.head)
            if subject is None:
                raise ValueError(
                    f"{self._options.head} is no m2m_ folder of SimNIBS, and nothing else "
                    "shows where MNI coordinates are in it. Give X,Y,Z or an image in the "
                    "head's mm."
                )
            self._mni = meshing.read_mni(subject)
        return self._mni


def _grid(source: str, head: HeadMesh) -> VoxelGrid:
    """The grid of the T1, or one of 1 mm around the brain."""
    if Path(source).exists():
        subject = meshing.subject_of(source)
        if subject is not None and subject.t1 is not None:
            return meshing.read_grid(subject.t1)
    brain = head.nodes[
        np.unique(head.tetrahedra[head.of("white matter", "gray matter")])
    ]
    low = np.floor(brain.min(axis=0) / _SPACING) * _SPACING - 5 * _SPACING
    sides = np.ceil((brain.max(axis=0) - low) / _SPACING).astype(int) + 6
    affine = np.diag([_SPACING, _SPACING, _SPACING, 1.0])
    affine[:3, 3] = low
    i, j, k = sides.tolist()
    return VoxelGrid(affine, (i, j, k))

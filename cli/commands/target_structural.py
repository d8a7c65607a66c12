"""`tmsgrad target structural`: where streamlines of a deep target reach the cortex."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...disk.as_json import write_json
from ...meshing import (
    DiffusionSeries,
    HeadMesh,
    TensorImage,
    Tractogram,
    VoxelGrid,
)
from ...optimize import targeting
from ...optimize.targeting.tracts import Place
from ..inputs.heads import HeadRequest, is_template
from ..results.structural_result import StructuralResult, Tracked
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance


_SPACING = 1e-3  # Of the grid of a head without a T1. [m]


@dataclass(frozen=True)
class StructuralRequest:
    """What `tmsgrad target structural` is asked for.

    Attributes:
        head: The head.
        tracts: A file of streamlines, or None.
        tensor: An image to track in, or None.
        dwi: Diffusion-weighted images to track in, or None.
        gradients: Their files of b-values and directions; None for those beside.
        seeds: Of tracking.
        random_seed: Likewise.
        indirect: The deep target, as the command line names it.
        waypoints: That streamlines must pass, likewise.
        stations: By which they count, likewise.
        region: Where the target may be, likewise, or None.
        image: Whose grid maps have, or None.
        smoothing: Of the streamlines' ends. [m]
        share: Of the highest density, that belongs to the target.
        depth: Below which nothing does. [m]
        out: Folder.
    """

    head: HeadRequest
    tracts: str | None
    tensor: str | None
    dwi: str | None
    gradients: tuple[str | None, str | None]
    seeds: int
    random_seed: int
    indirect: str
    waypoints: tuple[str, ...]
    stations: tuple[str, ...]
    region: str | None
    image: str | None
    smoothing: float
    share: float
    depth: float
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "StructuralRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other.
        """
        gradients = options.bvals, options.bvecs
        if options.dwi is None and any(gradients):
            raise ValueError("--bvals and --bvecs are of --dwi, which is missing.")
        return cls(
            *(HeadRequest.of(options), options.tracts, options.tensor, options.dwi),
            *(gradients, options.seeds, options.random_seed, options.indirect),
            *(tuple(options.waypoint), tuple(options.station), options.search_region),
            *(options.image, options.smoothing * 1e-3, options.share),
            *(options.depth * 1e-3, options.out),
        )

    @property
    def tracked(self) -> Tracked | None:
        """What streamlines are tracked in, or None where they are given."""
        source = self.tensor or self.dwi
        return None if source is None else Tracked(source, self.seeds, self.random_seed)


def target_structural(options: argparse.Namespace) -> Outcome:
    """Find the cortex that streamlines connect with a deep target."""
    progress = Progress()
    with output_folder(options.out) as folder:
        request, origin = StructuralRequest.of(options), Provenance.of(options)
        places = Places(options.head, options.space == "mni", options.radius * 1e-3)
        progress.stage("tracts", "streamlines or diffusion data")
        data = _read(request)
        grid = None if request.image is None else meshing.read_grid(request.image)
        head = request.head.read(progress)
        grid = _grid(request.head.source, head) if grid is None else grid
        result = _found(request, places, head, data, grid, origin, progress)
        result.write_maps(folder, head, grid)
        progress.close()
        write_json(folder / "target.json", result.to_json())
    result.describe(request.out)
    return Outcome(result.to_json(), result.step())


def _read(request: StructuralRequest) -> Tractogram | TensorImage | DiffusionSeries:
    if request.tracts is not None:
        return meshing.read_tracts(request.tracts)
    if request.tensor is not None:
        return meshing.read_tensors(request.tensor)
    assert request.dwi is not None
    return meshing.read_dwi(request.dwi, *request.gradients)


def _found(
    request: StructuralRequest,
    places: "Places",
    head: HeadMesh,
    data: Tractogram | TensorImage | DiffusionSeries,
    grid: VoxelGrid,
    origin: Provenance,
    progress: Progress,
) -> StructuralResult:
    target = places.of(request.indirect, "--indirect")
    if isinstance(data, Tractogram):
        tracts = data
    else:
        progress.stage("tracking", "fibre orientations")
        tracts, target = _tracked(request, head, data, target, progress)
    inside = meshing.check_tracts(head, tracts)
    progress.stage("search", "streamlines that reach the target")
    found = targeting.reaching(
        *(tracts, target),
        [places.of(word, "--waypoint") for word in request.waypoints],
        [places.of(word, "--station") for word in request.stations],
    )
    progress.stage("map", "map of the cortex")
    region = request.region
    mapped = targeting.connection_map(
        *(head, tracts, found, grid),
        search=None if region is None else places.of(region, "--search-region"),
        smoothing=request.smoothing,
        share=request.share,
        reach=request.depth,
    )
    progress.stage("output", "files and picture")
    return StructuralResult(
        *(tracts, found, mapped, inside, request.indirect),
        *(request.waypoints, request.stations, region, request.tracked),
        *(request.share, origin),
    )


def _tracked(
    request: StructuralRequest,
    head: HeadMesh,
    data: TensorImage | DiffusionSeries,
    target: Place,
    progress: Progress,
) -> tuple[Tractogram, Place]:
    """Track from a target; what then counts as the target is its seeds as well."""
    source = request.tensor or request.dwi
    try:
        if isinstance(data, TensorImage):
            found = targeting.tensor_orientations(head, data)
        else:
            found = targeting.deconvolved_orientations(head, data, progress)
        tracked = targeting.track(
            found,
            target,
            seeds=request.seeds,
            seed=request.random_seed,
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

    def __init__(self, head: str, in_mni: bool, radius: float):
        """Say whose places they are.

        Args:
            head: As the command line names it.
            in_mni: Whether coordinates and images are of MNI space.
            radius: Of a place that is given by coordinates. [m]
        """
        self._head, self._in_mni, self._radius = head, in_mni, radius
        self._template = is_template(head)
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
        mni = self._in_mni
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
        return targeting.ball_place(centre, self._radius)

    def _from_mni(self, centre: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
        if self._template:
            return centre
        return np.asarray(self._transform().to_subject(centre))

    def _transform(self) -> meshing.MniTransform:
        if self._mni is None:
            subject = meshing.subject_of(self._head)
            if subject is None:
                raise ValueError(
                    f"{self._head} is no m2m_ folder of SimNIBS, and nothing else "
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

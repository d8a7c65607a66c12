"""`tmsgrad target structural`: where streamlines of a deep target reach the cortex."""

import argparse
import os
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
from ...optimize.targeting import ConnectionMap, Reaching
from ...optimize.targeting.tracts import Place
from ..inputs.heads import TEMPLATE, read_head
from ..pictures.tracts import write_tract_slices
from ..results.plain_steps import structural_step
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance


_BANNER = "for research use only; no medical device"
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
        report = _report(options, tracts, found, mapped, inside)
        _write(folder, head, grid, tracts, found, mapped)
        progress.close()
        write_json(folder / "target.json", report)
    _print(report, options)
    return Outcome(report, structural_step(report))


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
        self._template = options.head.split(":")[0] == TEMPLATE
        self._template = self._template and not Path(options.head).exists()
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


def _report(
    options: argparse.Namespace,
    tracts: Tractogram,
    found: Reaching,
    mapped: ConnectionMap,
    inside: float,
) -> dict:
    cluster = mapped.cluster
    return {
        "note": _BANNER,
        "centre_mm": (mapped.centre * 1e3).tolist(),
        "space": "head",
        "cluster_mm3": float(
            np.count_nonzero(cluster.values) * cluster.voxel_volume * 1e9
        ),
        "indirect": options.indirect,
        "waypoints": options.waypoint,
        "stations": options.station,
        "tracking": None
        if options.tracts
        else {
            "from": options.tensor or options.dwi,
            "seeds": options.seeds,
            "random_seed": options.random_seed,
        },
        "streamlines": len(tracts),
        "inside_brain_share": inside,
        "reaching": len(found.which),
        "reaching_directly": found.direct,
        "ending_in_gray_matter": mapped.streamlines,
        "lost_ends_share": mapped.lost,
        "too_deep_share": mapped.deep,
        "smoothing_mm": mapped.smoothing * 1e3,
        "share_of_highest": options.share,
        "search_region": options.search_region,
        "provenance": Provenance.of(options).as_json(),
    }


def _write(
    folder: Path,
    head: HeadMesh,
    grid: VoxelGrid,
    tracts: Tractogram,
    found: Reaching,
    mapped: ConnectionMap,
) -> None:
    number = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    for name, each in (("connections", mapped.density), ("target", mapped.cluster)):
        meshing.write_image(
            folder / f"{name}.nii.gz", grid, number, each.values.ravel()
        )
    chosen = tracts.chosen(found.which)
    meshing.write_tracts(folder / "reaching.trk", chosen, grid)
    shown = np.where(head.of("gray matter"), mapped.density.at(head.centroids), 0.0)
    write_tract_slices(
        folder / "overview.png",
        head,
        mapped.centre,
        chosen,
        painted=np.minimum(shown, 1.0),
        title=f"Streamlines of the deep target: {len(chosen)} of {len(tracts)}",
        subtitle="tmsgrad · for research use only · cortex: density of their other ends; "
        "slices through the target's centre of gravity",
    )


def _print(report: dict, options: argparse.Namespace) -> None:
    at = ", ".join(f"{x:.1f}" for x in report["centre_mm"])
    print(
        f"target           ({at}) mm in the head, {report['cluster_mm3']:.0f} mm³ with at "
        f"least {report['share_of_highest']:.0%} of the highest density"
    )
    print(
        f"streamlines      {report['reaching']} of {report['streamlines']} reach "
        f"{options.indirect}, {report['reaching_directly']} directly; "
        f"{report['ending_in_gray_matter']} have their other end in gray matter"
    )
    print(
        f"density          smoothed by {report['smoothing_mm']:g} mm; "
        f"{report['too_deep_share']:.0%} of it lies out of a coil's reach"
    )
    print(f"files            {Path(options.out)}{os.sep} ({_BANNER})")

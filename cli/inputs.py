"""What the command line takes: heads, coils, poses and coordinates, in mm and as files."""

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from .. import coils, efield, meshing
from ..coils import Coil, PoseList
from ..meshing import HeadMesh, Region
from .findings import warn_of


TEMPLATE = "template"


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


def read_pose_list(
    path: str, options: argparse.Namespace, *, empty: bool = False
) -> PoseList:
    """Read poses as the options say, and tell on standard error what is odd about them.

    Args:
        path: A file of a navigation system, or of matrices.
        options: With `space`, `repair`, `group` and `transform`.
        empty: Whether a list without poses, or in another frame than the head's, will do.

    Raises:
        ValueError: The file is malformed, a pose is no rigid placement, or there are no
            poses in the head's frame.
        FileNotFoundError: There is no such file.
    """
    poses = coils.read_poses(path, space=options.space, repair=options.repair)
    try:
        if options.transform is not None:
            poses = poses.transformed(_transformation(options.transform))
            poses = dataclasses.replace(poses, notes=())
        if options.group is not None:
            poses = poses.selected(options.group)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not empty and len(poses) == 0:
        left_out = f", but {poses.skipped} without a position" if poses.skipped else ""
        raise ValueError(f"{path}: the file ({poses.system}) holds no poses{left_out}.")
    if not empty and poses.frame != coils.navigation.HEAD_FRAME:
        raise ValueError(f"{path}: {' '.join(poses.notes)}")
    for note in poses.notes:
        print(f"tmsgrad: note: {note}", file=sys.stderr)
    return poses


def _transformation(path: str) -> Float[ndarray, "4 4"]:
    found = coils.read_poses(path)
    if len(found) != 1:
        raise ValueError(
            f"--transform {path}: the file holds {len(found)} matrices; one is needed."
        )
    return found.matrices()[0]


def current_rates(
    options: argparse.Namespace, poses: PoseList
) -> Float[ndarray, "pose"]:
    """Give each pose its dI/dt: one for all, or those recorded. [A/s]

    Raises:
        ValueError: Recorded ones are asked for, but a pose has none.
    """
    if options.didt != "recorded":
        return np.full(len(poses), float(options.didt))
    lacking = np.flatnonzero(np.isnan(poses.current_rates))
    if len(lacking):
        raise ValueError(
            f"{options.pose}: --didt recorded, but no dI/dt was recorded for "
            f"{len(lacking)} of {len(poses)} poses, the first of them {lacking[0]} "
            f"({poses.names[lacking[0]]!r}). Give a number of A/s."
        )
    return poses.current_rates


def read_target(head: HeadMesh, options: argparse.Namespace) -> Region:
    """Find the target that `--target`, `--radius` and `--tissue` name.

    Raises:
        ValueError: There is no such tissue.
    """
    centre = np.asarray(options.target) * 1e-3
    return meshing.ball(head, centre, options.radius * 1e-3, options.tissue)

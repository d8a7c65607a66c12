"""`tmsgrad coil convert`, `tmsgrad coil show` and `tmsgrad coil join`."""

import argparse
from dataclasses import dataclass

import numpy as np

from ... import coils
from ...coils import Coil, Pose
from ...efield.pictures.coil import write_coil_picture
from ..inputs.coils import read_coil
from ..inputs.targets import Point
from ..results.coil_result import ConvertedCoil, DrawnCoil, JoinedCoil
from ..runtime.notices import warn
from ..runtime.setup import set_up


# Of an image's grid. [mm]
_LOWEST, _HIGHEST, _SPACING = (-100.0, -100.0, 0.0), (100.0, 100.0, 100.0), 2.0


@dataclass(frozen=True)
class ConvertRequest:
    """What `tmsgrad coil convert` is asked for.

    Attributes:
        coil: As the command line names it.
        out: The file.
        kind: Of that file, as its ending.
        lowest: Corner of an image's grid. [m]
        highest: The opposite corner. [m]
        spacing: Of the grid. [m]
    """

    coil: str
    out: str
    kind: str
    lowest: Point
    highest: Point
    spacing: float

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ConvertRequest":
        """Take it from the options.

        Raises:
            ValueError: The ending is unknown, or has no grid where one is given.
        """
        kind = coils.kind_of(options.out)
        grid = (options.lowest, options.highest, options.spacing)
        if any(each is not None for each in grid) and not kind.startswith(".nii"):
            raise ValueError(
                f"--lowest, --highest and --spacing are for images (.nii, .nii.gz), but "
                f"{options.out} has no grid."
            )
        return cls(
            *(options.coil, options.out, kind),
            _metres(options.lowest or _LOWEST),
            _metres(options.highest or _HIGHEST),
            (options.spacing or _SPACING) * 1e-3,
        )


def coil_convert(options: argparse.Namespace) -> ConvertedCoil:
    """Write a coil in another format, and show what is lost."""
    set_up()
    request = ConvertRequest.of(options)
    coil = read_coil(request.coil)
    lost = coils.lost_in(coil, request.kind)
    if request.kind.startswith(".nii"):
        coils.write_nifti(
            request.out,
            coil,
            lowest=request.lowest,
            highest=request.highest,
            spacing=request.spacing,
        )
    else:
        coils.write(request.out, coil)
    return ConvertedCoil(request.out, tuple(lost))


@dataclass(frozen=True)
class DrawRequest:
    """What `tmsgrad coil show` is asked for.

    Attributes:
        coil: As the command line names it.
        out: The picture.
        field: A or B.
        depth: Of the plane that it is drawn on, below the coil's origin. [m]
    """

    coil: str
    out: str
    field: str
    depth: float

    @classmethod
    def of(cls, options: argparse.Namespace) -> "DrawRequest":
        """Take it from the options."""
        return cls(options.coil, options.out, options.field, options.depth * 1e-3)


def coil_show(options: argparse.Namespace) -> DrawnCoil:
    """Draw a coil."""
    set_up()
    request = DrawRequest.of(options)
    coil = read_coil(request.coil)
    chosen = {"field": request.field, "depth": request.depth}
    peak = write_coil_picture(request.out, coil, **chosen)
    for warning in coils.warnings_about(coil):
        warn(warning)
    return DrawnCoil(request.out, **chosen, peak=peak)


@dataclass(frozen=True)
class JoinRequest:
    """What `tmsgrad coil join` is asked for.

    Attributes:
        coils: As the command line names them.
        pose: A file of their poses in the head, or None.
        out: The file.
    """

    coils: tuple[str, ...]
    pose: str | None
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "JoinRequest":
        """Take it from the options.

        Raises:
            ValueError: The file cannot hold several stimulators.
        """
        if coils.kind_of(options.out) != ".tcd":
            raise ValueError(
                f"--out {options.out}: only a .tcd holds several stimulators. Name it so."
            )
        return cls(tuple(options.coils), options.pose, options.out)


def coil_join(options: argparse.Namespace) -> JoinedCoil:
    """Put coils together as one whose stimulators are driven apart."""
    set_up()
    request = JoinRequest.of(options)
    given = [read_coil(source) for source in request.coils]
    whole = coils.compose(given, _poses(request, given))
    coils.write(request.out, whole)
    names = tuple(each.name for each in whole.stimulators)
    lost = tuple(coils.lost_in(whole, ".tcd"))
    return JoinedCoil(request.out, whole.name, names, lost)


def _poses(request: JoinRequest, given: list[Coil]) -> list[Pose] | None:
    """Where each coil is in the frame of the first, or None for all in one place."""
    if request.pose is None:
        return None
    found = coils.read_poses(request.pose)
    if len(found) != len(given):
        raise ValueError(
            f"--pose {request.pose}: the file holds {len(found)} poses for "
            f"{len(given)} coils; each coil needs one."
        )
    matrices = found.matrices()
    inverse = np.linalg.inv(matrices[0])
    return [Pose.from_matsimnibs(inverse @ matrix) for matrix in matrices]


def _metres(corner: Point) -> Point:
    x, y, z = (each * 1e-3 for each in corner)
    return x, y, z

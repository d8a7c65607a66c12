"""`tmsgrad coil convert`, `tmsgrad coil show` and `tmsgrad coil join`."""

import argparse
import sys

import numpy as np

from ... import coils
from ..inputs.coils import read_coil
from ..pictures.coil import write_coil_picture
from ..runtime.setup import set_up


# Of an image's grid. [mm]
_LOWEST, _HIGHEST, _SPACING = (-100.0, -100.0, 0.0), (100.0, 100.0, 100.0), 2.0


def coil_list(options: argparse.Namespace) -> dict:
    """Name the coils of the catalogue."""
    del options
    names = list(coils.catalogue.names())
    for name in names:
        print(name)
    return {"coils": names}


def coil_convert(options: argparse.Namespace) -> dict:
    """Write a coil in another format, and show what is lost."""
    set_up()
    kind = coils.kind_of(options.out)
    grid = (options.lowest, options.highest, options.spacing)
    image = kind.startswith(".nii")
    if not image and any(each is not None for each in grid):
        raise ValueError(
            f"--lowest, --highest and --spacing are for images (.nii, .nii.gz), but "
            f"{options.out} has no grid."
        )
    coil = read_coil(options.coil)
    lost = coils.lost_in(coil, kind)
    if image:
        lowest, highest = options.lowest or _LOWEST, options.highest or _HIGHEST
        coils.write_nifti(
            options.out,
            coil,
            lowest=_metres(lowest),
            highest=_metres(highest),
            spacing=(options.spacing or _SPACING) * 1e-3,
        )
    else:
        coils.write(options.out, coil)
    for each in lost:
        print(f"tmsgrad: note: {each}", file=sys.stderr)
    print(f"wrote {options.out}")
    return {"out": options.out, "lost": list(lost)}


def coil_show(options: argparse.Namespace) -> dict:
    """Draw a coil."""
    set_up()
    coil = read_coil(options.coil)
    depth = options.depth * 1e-3
    peak = write_coil_picture(options.out, coil, field=options.field, depth=depth)
    for warning in coils.warnings_about(coil):
        print(f"tmsgrad: warning: {warning}", file=sys.stderr)
    unit = "T/A" if options.field == "B" else "T m/A"
    print(
        f"wrote {options.out}: |{options.field}| up to {peak:.3g} {unit} on the plane "
        f"{options.depth:g} mm below"
    )
    return {
        "out": options.out,
        "field": options.field,
        "depth_mm": options.depth,
        "peak": peak,
    }


def coil_join(options: argparse.Namespace) -> dict:
    """Put coils together as one whose stimulators are driven apart."""
    set_up()
    if coils.kind_of(options.out) != ".tcd":
        raise ValueError(
            f"--out {options.out}: only a .tcd holds several stimulators. Name it so."
        )
    given = [read_coil(source) for source in options.coils]
    poses = None
    if options.pose is not None:
        found = coils.read_poses(options.pose)
        if len(found) != len(given):
            raise ValueError(
                f"--pose {options.pose}: the file holds {len(found)} poses for "
                f"{len(given)} coils; each coil needs one."
            )
        matrices = found.matrices()
        inverse = np.linalg.inv(matrices[0])
        poses = [coils.Pose.from_matsimnibs(inverse @ matrix) for matrix in matrices]
    whole = coils.compose(given, poses)
    coils.write(options.out, whole)
    for each in coils.lost_in(whole, ".tcd"):
        print(f"tmsgrad: note: {each}", file=sys.stderr)
    names = [each.name for each in whole.stimulators]
    for number, name in enumerate(names):
        print(f"stimulator {number + 1}     {name}")
    print(
        f"wrote {options.out}: simulate it with --didt {','.join(['1'] * len(names))}"
    )
    return {"out": options.out, "name": whole.name, "stimulators": names}


def _metres(corner: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (each * 1e-3 for each in corner)
    return x, y, z

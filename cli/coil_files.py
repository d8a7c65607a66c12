"""`tmsgrad coil convert` and `tmsgrad coil show`."""

import argparse
import sys

from .. import coils
from .coil_picture import write_coil_picture
from .inputs import read_coil
from .setup import set_up


# Of an image's grid. [mm]
_LOWEST, _HIGHEST, _SPACING = (-100.0, -100.0, 0.0), (100.0, 100.0, 100.0), 2.0


def coil_convert(options: argparse.Namespace) -> dict:
    """Write a coil in another format, and tell what is lost."""
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


def _metres(corner: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (each * 1e-3 for each in corner)
    return x, y, z

"""The forms that a field is wanted in, as it is asked for."""

import argparse
from dataclasses import dataclass

from ...meshing import SurfaceFrame
from .maps import surface_frame


@dataclass(frozen=True)
class Forms:
    """The forms that the field is wanted in.

    Attributes:
        nifti: The image in whose grid images are wanted, or None.
        vtu: Whether for VTK.
        gifti: Surfaces, or `mesh` for the mesh's own.
        resample: Pairs of registration spheres.
        frame: Of all surfaces, or None.
        thresholds: Of |E|, above which volumes are counted. [V/m]
    """

    nifti: str | None = None
    vtu: bool = False
    gifti: tuple[str, ...] = ()
    resample: tuple[tuple[str, str], ...] = ()
    frame: SurfaceFrame | None = None
    thresholds: tuple[float, ...] = ()

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Forms":
        """Take them from the options.

        Raises:
            ValueError: A frame is given, but no surface from a file.
        """
        return cls(
            nifti=options.nifti,
            vtu=options.vtu,
            gifti=tuple(options.gifti),
            resample=tuple((own, other) for own, other in options.resample),
            frame=surface_frame(options),
            thresholds=tuple(options.thresholds),
        )

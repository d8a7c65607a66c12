"""How far a coil is from the scalp, from the words of the command line."""

import argparse

from ...optimize import COVER, Face


_CENTRE = 4e-3  # To a coil's centre, where no distance is given, as in SimNIBS. [m]


def coil_distance(options: argparse.Namespace) -> float | Face:
    """Take `--distance`, and what of the coil it is to. [m]

    Raises:
        ValueError: A cover is given that nothing needs.
    """
    given = None if options.distance is None else options.distance * 1e-3
    if options.distance_to == "centre":
        if options.cover is not None:
            raise ValueError(
                "--cover is of distances to the coil's face: leave out --distance-to "
                "centre."
            )
        return _CENTRE if given is None else given
    cover = COVER if options.cover is None else options.cover * 1e-3
    return Face(given or 0.0, cover)

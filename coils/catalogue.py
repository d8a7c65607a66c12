"""Commercial coils by name, built from published dimensions of their windings.

A published winding is a number of turns between an inner and an outer diameter; the turns
are laid as circles, evenly between the two. The Brainsway H1, whose wires are published in
pictures only, is laid as closed turns on a curved surface; see `nests`.

Where the windings sit in their casing is seldom published: for coils with a measured model
it was fitted to the measured field, for the others it is assumed. Each design says which of
its numbers is how certain; those that are quoted have not been compared with the originals
of the sources named. The frame is that of `Pose`, with the origin on the casing's face.

Current directions differ among makers; only the sign of the field depends on them.
"""

import difflib

import numpy as np

from .design import Certainty as Certainty, Design as Design, Wing as Wing
from .nests import BRAINSWAY_H1, Nest as Nest, NestedDesign as NestedDesign


def names() -> tuple[str, ...]:
    """Names of all coils in the catalogue."""
    return tuple(_DESIGNS)


def design(name: str) -> Design | NestedDesign:
    """Look a design up.

    Args:
        name: One of `names()`; case, spaces and underscores do not matter.

    Raises:
        ValueError: There is no such coil. The message lists all and the nearest.
    """
    key = name.strip().lower().replace("_", "-").replace(" ", "-")
    if key in _DESIGNS:
        return _DESIGNS[key]
    close = difflib.get_close_matches(key, _DESIGNS, n=1, cutoff=0.4)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"no coil is called {name!r}.{hint} The catalogue has: {', '.join(_DESIGNS)}."
    )


_MAGSTIM = "Magstim, coil specifications in the operating manual of the Magstim 200"
_DRAKAKI = "Drakaki et al., Brain Stimul. 15 (2022) 697, doi:10.1016/j.brs.2022.04.017"
_KAMMER = "Thielscher & Kammer, Clin. Neurophysiol. 115 (2004) 1697"
_DENG = "Deng, Lisanby & Peterchev, Brain Stimul. 6 (2013) 1"
_MAGVENTURE = "MagVenture, coil leaflets"
_DEYMED = "Deymed, DuoMAG coil leaflet: the coil's nominal diameter"
_NEXSTIM = (
    "Nexstim, as given in the methods of studies: wings of 50 mm inside, 70 mm outside"
)
_FITTED = Certainty("quoted", "quoted", "measured", "quoted")
_MEASURED = Certainty("quoted", "measured", "measured", "assumed")
_QUOTED = Certainty("quoted", "quoted", "assumed", "assumed")
_NOMINAL = Certainty("assumed", "quoted", "assumed", "assumed")


def _round(turns: int, inner: float, outer: float, face: float) -> tuple[Wing, ...]:
    return (Wing(turns, inner, outer, (0.0, 0.0, -face), (0.0, 0.0, 1.0)),)


def _figure_of_eight(
    turns: int,
    diameters: tuple[float, float],
    spacing: float,
    height: float,
    *,
    tilt: float = 0.0,
    lean: float = 0.0,
    forward: float = 0.0,
    left: int = 1,
) -> tuple[Wing, ...]:
    """Two equal wings, `spacing` apart, their outer edges bent towards the head by `tilt`.

    Their axes lean away from the handle by `lean`. The current turns about +z in the left
    wing where `left` is 1. [m], [degrees]
    """
    wings = []
    bent, leant = np.radians(tilt), np.radians(lean)
    for side in (-1, 1):
        turn = -side * left
        axis = (
            float(-side * turn * np.sin(bent) * np.cos(leant)),
            float(turn * np.sin(leant)),
            float(turn * np.cos(bent) * np.cos(leant)),
        )
        centre = (side * spacing / 2, forward, height)
        wings.append(Wing(turns, *diameters, centre, axis))
    return tuple(wings)


_THIN, _FLAT = (1.75e-3, 6e-3), (6e-3, 19e-3)

_LIST = (
    Design(
        "magstim-70mm-double", "Magstim 70 mm double coil",
        _figure_of_eight(9, (56e-3, 87e-3), 92e-3, -9.3e-3, forward=-2e-3, left=-1),
        _THIN, 9.3e-3, _FLAT, 114.73e6, (_MAGSTIM, _KAMMER, _DRAKAKI), _FITTED,
    ),
    Design(
        "magstim-double-cone", "Magstim 110 mm double cone coil",
        _figure_of_eight(7, (96e-3, 125e-3), 110e-3, 30.9e-3, tilt=40.5),
        _THIN, 9.3e-3, _FLAT, 84.37e6, (_MAGSTIM, _DRAKAKI), _FITTED,
    ),
    Design(
        "magstim-90mm-round", "Magstim 90 mm round coil",
        _round(14, 66e-3, 123e-3, 9.3e-3),
        _THIN, 9.3e-3, _FLAT, None, (_MAGSTIM, _DENG),
        Certainty("quoted", "quoted", "assumed", "assumed"),
    ),
    Design(
        "magstim-70mm-round", "Magstim 70 mm round coil",
        _round(15, 40e-3, 94e-3, 9.3e-3),
        _THIN, 9.3e-3, _FLAT, None, (_MAGSTIM, _DENG), _QUOTED,
    ),
    Design(
        "magstim-50mm-round", "Magstim 50 mm round coil",
        _round(18, 25e-3, 77e-3, 9.3e-3),
        (1.4e-3, 6e-3), 9.3e-3, _FLAT, None, (_MAGSTIM, _DENG), _QUOTED,
    ),
    Design(
        "magstim-25mm-double", "Magstim 25 mm double coil",
        _figure_of_eight(14, (18e-3, 42e-3), 43e-3, -9.3e-3, left=-1),
        (0.8e-3, 6e-3), 9.3e-3, _FLAT, None, (_MAGSTIM, _DENG), _QUOTED,
    ),
    Design(
        "magventure-c-b60", "MagVenture C-B60",
        _figure_of_eight(10, (35e-3, 75e-3), 75.2e-3, -10.5e-3),
        (2e-3, 12e-3), 10.5e-3, (6e-3, 22e-3), 155.40e6, (_MAGVENTURE, _DRAKAKI),
        _MEASURED,
    ),
    Design(
        "magventure-cool-b65", "MagVenture Cool-B65",
        _figure_of_eight(10, (35e-3, 75e-3), 73e-3, -10.8e-3),
        (2e-3, 12e-3), 10.8e-3, (6e-3, 24e-3), 149.77e6, (_MAGVENTURE, _DRAKAKI),
        _MEASURED,
    ),
    Design(
        "magventure-mcf-b65", "MagVenture MCF-B65",
        _figure_of_eight(10, (35e-3, 75e-3), 75e-3, -10.5e-3),
        (2e-3, 12e-3), 10.5e-3, (6e-3, 24e-3), None, (_MAGVENTURE,),
        Certainty("quoted", "quoted", "assumed", "assumed"),
    ),
    Design(
        "magventure-mc-b70", "MagVenture MC-B70",
        _figure_of_eight(10, (27e-3, 97e-3), 84e-3, 1e-3, tilt=15.0),
        (3e-3, 6e-3), 9.5e-3, (6e-3, 20e-3), None, (_KAMMER,),
        Certainty("quoted", "quoted", "assumed", "assumed"),
    ),
    Design(
        "magventure-d-b80", "MagVenture D-B80",
        _figure_of_eight(7, (67e-3, 95e-3), 84e-3, 12e-3, tilt=30.0),
        (2e-3, 12e-3), 9.5e-3, (6e-3, 22e-3), None, (_MAGVENTURE,), _NOMINAL,
    ),
    Design(
        "magventure-mc-b35", "MagVenture MC-B35",
        _figure_of_eight(11, (23e-3, 47e-3), 47e-3, -9.5e-3),
        (1e-3, 12e-3), 9.5e-3, (6e-3, 22e-3), None, (_MAGVENTURE,), _NOMINAL,
    ),
    Design(
        "magventure-mc-125", "MagVenture MC-125 round coil",
        _round(13, 20e-3, 114e-3, 9.5e-3),
        (2e-3, 6e-3), 9.5e-3, (6e-3, 20e-3), None, (_MAGVENTURE,), _NOMINAL,
    ),
    Design(
        "magventure-mst-twin", "MagVenture MST-Twin",
        _figure_of_eight(
            *(6, (63.2e-3, 126.6e-3), 102.4e-3, 30.6e-3),
            tilt=48.1, lean=3.5, forward=4e-3,
        ),
        (3e-3, 12e-3), 16e-3, (12e-3, 30e-3), 200.08e6, (_DRAKAKI,),
        Certainty("measured", "measured", "measured", "assumed"),
    ),
    Design(
        "deymed-120bfv", "Deymed DuoMAG 120BFV",
        _figure_of_eight(7, (90e-3, 120e-3), 109.2e-3, 25.8e-3, tilt=39.0),
        _THIN, 9.5e-3, _FLAT, 102.93e6, (_DEYMED, _DRAKAKI),
        Certainty("measured", "measured", "measured", "assumed"),
    ),
    Design(
        "deymed-70bf", "Deymed DuoMAG 70BF",
        _figure_of_eight(9, (54e-3, 86e-3), 88e-3, -9.5e-3),
        _THIN, 9.5e-3, _FLAT, None, (_DEYMED,), _NOMINAL,
    ),
    Design(
        "deymed-50bf", "Deymed DuoMAG 50BF",
        _figure_of_eight(11, (32e-3, 68e-3), 70e-3, -9.5e-3),
        (1.5e-3, 6e-3), 9.5e-3, _FLAT, None, (_DEYMED,), _NOMINAL,
    ),
    Design(
        "nexstim-cooled", "Nexstim cooled figure-of-eight coil",
        _figure_of_eight(9, (50e-3, 70e-3), 72e-3, -9.5e-3),
        (1e-3, 6e-3), 9.5e-3, _FLAT, None, (_NEXSTIM,),
        Certainty("assumed", "quoted", "assumed", "assumed"),
    ),
)  # fmt: skip
_DESIGNS: dict[str, Design | NestedDesign] = {
    each.name: each for each in (*_LIST, BRAINSWAY_H1)
}

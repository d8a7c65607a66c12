"""Named regions of the cortex, whose means the page shows."""

import numpy as np

from ...efield import vertex_areas
from ...meshing import Surface
from ...meshing.viewer.packing import packed
from ..targeting.naming import GyrusNames
from .brain import Brain


_FEWEST = 5  # Vertices of a region that is shown.


def regions_json(brain: Brain, names: GyrusNames | None) -> dict | None:
    """For each vertex its region, by number, and its area; None where nothing is named.

    Args:
        brain: The cortex.
        names: Of its places, or None.
    """
    if names is None:
        return None
    found = names.of_all(brain.field.positions)
    known = sorted({name for name in found if name is not None})
    counts = {name: found.count(name) for name in known}
    kept = [name for name in known if counts[name] >= _FEWEST]
    if not kept:
        return None
    number = {name: i for i, name in enumerate(kept)}
    of = np.array([number.get(name or "", -1) for name in found])
    surface = Surface(brain.field.positions, brain.triangles)
    return {
        "source": names.source,
        "names": kept,
        "of": packed(of, "i2"),
        "areas": packed(vertex_areas(surface), "f4"),
    }

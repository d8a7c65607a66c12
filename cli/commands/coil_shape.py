"""What is drawn of a coil, found by the library's coils."""

from ...coils import Coil
from ...efield.pictures.hulls import hull_of
from ..inputs.coils import read_coil
from ..runtime.setup import set_up


def find_shape(source: str) -> dict:
    """Read a coil, and give its name and hull as what JSON can hold.

    Raises:
        ValueError: The file is malformed, or the name is unknown.
        FileNotFoundError: There is no such file.
    """
    set_up()
    coil: Coil = read_coil(source)
    hull = hull_of(coil)
    return {"name": coil.name, "points": hull.points.tolist(), "casing": hull.casing}

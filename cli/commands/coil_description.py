"""What a coil is, where its field must be computed for it."""

from ... import coils
from ...coils import Description
from ..inputs.coils import read_coil
from ..runtime.setup import set_up


def describe(source: str) -> Description:
    """Read a coil and describe it.

    Raises:
        ValueError: The file is malformed, or the name is unknown.
        FileNotFoundError: There is no such file.
    """
    set_up()
    return coils.describe(read_coil(source))

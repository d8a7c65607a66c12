"""Heads that the command line takes: files, folders and the template."""

from collections.abc import Callable
from pathlib import Path

from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing import HeadMesh
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

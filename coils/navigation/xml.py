"""XML without the parts of it that harm: entities, external files, endless depth."""

from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat


_MOST_BYTES = 1 << 28
_MOST_LEVELS = 64


class _RefusalError(ValueError):
    """What a file holds is refused though it is XML."""


def read_xml(path: Path) -> Element:
    """Read an XML file into elements.

    Args:
        path: The file.

    Returns:
        Its root.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no XML, declares entities, is too large or too deep.
    """
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{path}: {size} bytes are no plausible list of poses.")
    builder, depth = TreeBuilder(), 0
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_LEVELS:
            raise _RefusalError(
                f"{path}: elements are nested deeper than {_MOST_LEVELS}."
            )
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_) -> int:
        raise _RefusalError(
            f"{path}: the file declares entities, which no navigation system writes. "
            "Export it anew."
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.UnparsedEntityDeclHandler = refuse
    try:
        parser.Parse(path.read_bytes(), True)
    except _RefusalError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:  # or the encoding's
        raise ValueError(
            f"{path}: this is no XML, or the file is cut short ({error}). Export it anew."
        ) from None
    return builder.close()


def matrix_of(element: Element, where: str) -> list[list[float]]:
    """Take the 4×4 matrix of an element `Matrix4D` with the attributes data00 to data33.

    Raises:
        ValueError: An attribute is missing or is no number; `where` begins the message.
    """
    return [
        [number_of(element, f"data{row}{column}", where) for column in range(4)]
        for row in range(4)
    ]


def number_of(element: Element, name: str, where: str) -> float:
    """Take a number from an attribute.

    Raises:
        ValueError: It is missing or is no number; `where` begins the message.
    """
    word = element.get(name)
    if word is None:
        raise ValueError(f"{where}: <{element.tag}> lacks {name}.")
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{where}: {name} is {word!r}, which is no number.") from None

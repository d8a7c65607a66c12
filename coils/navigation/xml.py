"""XML without the parts of it that harm: entities, external files, endless depth."""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser


_MOST_BYTES = 1 << 28
_MOST_LEVELS = 64


class _DepthError(Exception):
    """Elements are nested too deeply."""


class _Shallow(TreeBuilder):
    """Makes elements, and refuses to nest them deeply."""

    def __init__(self):
        super().__init__()
        self._depth = 0

    def start(self, tag, attrs, /):
        """Open an element."""
        self._depth += 1
        if self._depth > _MOST_LEVELS:
            raise _DepthError
        return super().start(tag, attrs)

    def end(self, tag, /):
        """Close one."""
        self._depth -= 1
        return super().end(tag)


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
    # A document type without entities harms nobody, and some exporters write one.
    parser = DefusedXMLParser(target=_Shallow(), forbid_dtd=False)
    try:
        parser.feed(path.read_bytes())
        return parser.close()
    except DefusedXmlException:
        raise ValueError(
            f"{path}: the file declares entities, which no navigation system writes. "
            "Export it anew."
        ) from None
    except _DepthError:
        raise ValueError(
            f"{path}: elements are nested deeper than {_MOST_LEVELS}."
        ) from None
    except (ParseError, LookupError, ValueError) as error:  # or the encoding's
        raise ValueError(
            f"{path}: this is no XML, or the file is cut short ({error}). Export it anew."
        ) from None


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

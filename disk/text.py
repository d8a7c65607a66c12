"""Text files, in the encoding that their byte-order mark gives."""

import codecs
import os
from pathlib import Path


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a text file in UTF-8, or in what its byte-order mark says.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such text.
    """
    return decoded(Path(path), Path(path).read_bytes())


def decoded(path: Path, data: bytes, encoding: str = "utf-8-sig") -> str:
    """Decode bytes of a text file.

    Args:
        path: The file, for messages.
        data: The bytes.
        encoding: Of a text without a mark.

    Raises:
        ValueError: They are no such text.
    """
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    utf8 = data.startswith(codecs.BOM_UTF8)
    name = "utf-16" if utf16 else "utf-8-sig" if utf8 else encoding
    try:
        text = data.decode(name)
    except (UnicodeDecodeError, LookupError) as error:
        wanted = "UTF-8" if name == "utf-8-sig" else name
        raise ValueError(
            f"{path}: this is no text in {wanted} ({error}). Is it the right file?"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")

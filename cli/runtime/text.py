"""Text files, before NumPy may be imported."""

import codecs
from pathlib import Path


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, or in what its byte-order mark says.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such text.
    """
    data = path.read_bytes()
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(
            f"{path}: this is no text in UTF-8. Save it anew in UTF-8."
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")

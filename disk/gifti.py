"""GIfTI files as all readers open them. Not imported with `disk`, as `disk.nifti`."""

import zlib
from pathlib import Path
from xml.parsers.expat import ExpatError

import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.gifti.gifti import GiftiImage


# What nibabel raises for damaged files.
_DAMAGE = (
    ExpatError,
    ImageFileError,
    zlib.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def opened(file: Path) -> GiftiImage:
    """Open a GIfTI file, whose numbers are read at once.

    Raises:
        OSError: There is no such file, or it cannot be read.
        ValueError: It is damaged or no such file, has no data, or data elsewhere; the
            message does not name it, so that callers can say what it should be.
    """
    content = file.read_bytes()
    if b"ExternalFileBinary" in content:
        raise ValueError(
            "its data are in another file, which is not followed: write them into this one"
        )
    try:
        image = GiftiImage.from_bytes(content)
        arrays = [np.asarray(each.data) for each in image.darrays]
    except _DAMAGE as error:
        words = str(error) or type(error).__name__
        raise ValueError(f"it is damaged or no GIfTI: {words[:120]}") from None
    if not arrays:
        raise ValueError("it has no data")
    if any(each.dtype.kind not in "iuf" for each in arrays):
        raise ValueError("its data are no real numbers")
    return image

"""NumPy's files, of which all damage is one kind of error.

Not imported with `disk`, so that what needs no array does without NumPy.
"""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy import ndarray


# What NumPy and the archives beneath it raise for damaged content. A file that is cut
# short may have an OSError of no file, for a place before its beginning.
_DAMAGE = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,  # Encrypted, or compressed in a way that is not known.
    TypeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def open_arrays(path: Path) -> Iterator[ndarray | Mapping[str, ndarray]]:
    """Open an .npy or .npz, without pickled objects.

    Args:
        path: The file.

    Yields:
        The array, or the archive, whose arrays are read when they are asked for.

    Raises:
        OSError: There is no such file, or it cannot be opened.
        ValueError: It is damaged, or lacks what is asked for; the message does not name
            it, so that callers can say what it should be.
    """
    # NumPy would leave a file open that it opened itself and found damaged.
    with path.open("rb") as file:
        try:
            yield np.load(file, allow_pickle=False)
        except ValueError:
            raise
        except _DAMAGE as error:
            words = str(error) or type(error).__name__
            raise ValueError(
                f"it is damaged or no NumPy file: {words[:160]}"
            ) from error


@contextmanager
def open_archive(path: Path) -> Iterator[Mapping[str, ndarray]]:
    """Open an .npz, with the errors of `open_arrays`; also where it is one array."""
    with open_arrays(path) as archive:
        if isinstance(archive, ndarray):
            raise ValueError("it is one array, not an archive of several")
        yield archive

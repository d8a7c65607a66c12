"""The one way to write a file: under another name until it is whole.

A draft has the name `.tmsgrad-TOKEN.NAME` in the folder of the file and is locked while it
is written. One whose process was killed is removed by the next that writes the file.
"""

import glob
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path

from .locking import lock


DRAFT = ".tmsgrad-"


@contextmanager
def whole_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give the name of a draft, which becomes the file when the block ends well.

    Where it fails, the draft is removed, and what had the name before is left as it was.

    Args:
        path: Of the file, replaced when it exists.
        durable: Wait until the disk has the content, so that no loss of power can leave
            an empty file of this name. Needless for what is checked when it is read.

    Yields:
        The draft: an empty file with the same endings, to be written by its name.

    Raises:
        OSError: The folder is missing or cannot be written; the error names `path`.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{path}: folder {path.parent} not found. Make it first."
        )
    _clear(path)
    draft, opened = _begin(path)
    try:
        yield draft
        if durable:
            _sync(draft)
        if sys.platform == "win32":  # It renames no open file.
            os.close(opened)
            opened = -1
        os.replace(draft, path)
    except OSError as error:
        raise _about(error, draft, path) from error
    finally:
        if opened >= 0:
            os.close(opened)
        draft.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BufferedWriter]:
    """Open a file for writing that takes its name only when it is whole.

    Arguments and errors are those of `whole_file`.
    """
    with whole_file(path, durable=durable) as draft, draft.open("wb") as file:
        yield file


def write_whole(
    path: str | os.PathLike[str], content: str | bytes, *, durable: bool = True
) -> None:
    """Write a file at once; text in UTF-8, with its line ends as they are.

    Arguments and errors are those of `whole_file`.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(Path(path), durable=durable) as file:
        file.write(data)


def _begin(path: Path) -> tuple[Path, int]:
    """Make a draft and lock it, so that none who writes the same file takes it for dead.

    Another one that looks between making and locking removes it: then it is made anew.
    """
    while True:
        draft = path.with_name(f"{DRAFT}{secrets.token_hex(4)}.{path.name}")
        try:
            opened = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        try:
            locked = lock(opened)
        except OSError:  # No locks here: then drafts of the dead stay.
            return draft, opened
        with suppress(FileNotFoundError):
            if locked and os.path.samestat(os.fstat(opened), os.stat(draft)):
                return draft, opened
        os.close(opened)


def _clear(path: Path) -> None:
    """Remove drafts of the file whose writers are dead."""
    pattern = f"{DRAFT}????????.{glob.escape(path.name)}"
    for draft in path.parent.glob(pattern):
        with suppress(OSError):
            opened = os.open(draft, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                dead = lock(opened)
                if dead and sys.platform != "win32":
                    draft.unlink()  # While it is locked: its writer may just have made it.
            finally:
                os.close(opened)
            if dead and sys.platform == "win32":
                draft.unlink()  # Fails where its writer has it open.


def _sync(draft: Path) -> None:
    with draft.open("rb+") as file:
        os.fsync(file.fileno())


def _about(error: OSError, draft: Path, path: Path) -> OSError:
    """Name the file where the error has the draft's name, or none."""
    if error.filename is not None and str(error.filename) != str(draft):
        return error
    if error.errno is None:
        return OSError(f"{path}: {str(error).replace(str(draft), str(path))}")
    return OSError(error.errno, error.strerror, str(path))

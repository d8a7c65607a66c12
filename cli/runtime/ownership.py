"""An output folder belongs to one process at a time, and gets all of its files or none."""

import errno
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ...disk import HeldError, holding
from ...disk.writing import DRAFT
from .interruption import uninterrupted
from .notices import warn


_LOCK = ".tmsgrad.lock"
_WHOLE = ".whole"  # Ends the name of a set that is written and only has to be moved.
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EROFS, errno.EIO)


@contextmanager
def output_folder(path: str) -> Iterator[Path]:
    """Give a folder to write to, whose files appear under `path` when all is done.

    The path belongs to this process until then. Where an exception passes, nothing is left
    behind. What a killed process left is removed first, and a set that it had written, but
    not moved to its end, is moved.

    Raises:
        ValueError: The path is a file, cannot be written, belongs to another process, or a
            name in it cannot be replaced; then the set stays whole in a folder beside.
        OSError: Writing failed; the error has the final names.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise ValueError(f"--out {target}: this is a file. Name a folder.")
    with none_left_empty(target), _owned(target):
        staging = _staging(target)
        try:
            yield staging
        except BaseException as error:
            with uninterrupted():
                shutil.rmtree(staging, ignore_errors=True)
            named = _renamed(error, staging, target)
            if named is error:
                raise
            raise named from error
        with uninterrupted():
            _publish(staging, target)


@contextmanager
def none_left_empty(target: Path) -> Iterator[None]:
    """Where an exception passes, remove a folder and its parents that are new and empty."""
    made = [p for p in (target, *target.parents) if not p.exists()]
    try:
        yield
    except BaseException:
        with uninterrupted():
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()
        raise


@contextmanager
def owned_file(out: Path) -> Iterator[None]:
    """Hold the name of a file that this process will write, and make its folder.

    Raises:
        ValueError: Another process holds it, or it cannot be made.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with owned(out.with_name(f".{out.name}.lock"), f"--out {out}"):
        yield


@contextmanager
def owned(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock file for this process, or say who holds it.

    Args:
        lock: The file.
        what: What it guards, for the message.

    Raises:
        ValueError: Another process holds it, or it cannot be made.
    """
    began = datetime.now(UTC).isoformat(timespec="seconds")
    words = f"process {os.getpid()} on {socket.gethostname()} since {began}"
    with ExitStack() as stack:
        try:
            held = stack.enter_context(holding(lock, words))
        except HeldError as error:
            raise ValueError(
                f"{what}: {error} writes there. Wait until it ends, or name another one."
            ) from None
        except OSError as error:
            raise _unwritable(what, error) from error
        if not held:
            warn(
                f"{what}: this file system has no locks. Let no other process write there "
                "meanwhile."
            )
        yield


@contextmanager
def _owned(target: Path) -> Iterator[None]:
    with _writable(target):
        target.mkdir(parents=True, exist_ok=True)
    with owned(target / _LOCK, f"--out {target}"):
        yield


def _staging(target: Path) -> Path:
    with _writable(target):
        for left in sorted(target.glob(f"{DRAFT}*")):
            _clear(left, target)
        return Path(tempfile.mkdtemp(prefix=DRAFT, dir=target))


def _clear(left: Path, target: Path) -> None:
    """Remove what a killed process left: the folder is ours, so no living one uses it."""
    if left.is_symlink() or not left.is_dir():
        left.unlink(missing_ok=True)
        return
    if left.name.endswith(_WHOLE):
        with uninterrupted():
            _move(left, target)
        warn(
            f"{target}: an earlier run was killed while it put its files there. They "
            "were whole, and are there now.",
            "note",
        )
    shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _writable(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(f"--out {target}", error) from error


def _unwritable(what: str, error: OSError) -> ValueError:
    return ValueError(
        f"{what}: the folder cannot be written ({error.strerror}). Name another one."
    )


def _publish(staging: Path, target: Path) -> None:
    """Move a whole set to its names; a kill within is made good by the next run."""
    for file in staging.iterdir():
        if file.is_file() and sys.platform != "win32":
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
    whole = staging.with_name(staging.name + _WHOLE)
    staging.rename(whole)
    _move(whole, target)
    shutil.rmtree(whole, ignore_errors=True)


def _move(whole: Path, target: Path) -> None:
    """Move each file to its name, or, where one cannot be replaced, none."""
    old = Path(tempfile.mkdtemp(prefix=DRAFT, dir=target))
    begun: list[str] = []
    try:
        for file in sorted(whole.iterdir()):
            final = target / file.name
            if final.is_dir() and not final.is_symlink():
                raise IsADirectoryError(
                    errno.EISDIR, os.strerror(errno.EISDIR), str(final)
                )
            begun.append(file.name)
            if os.path.lexists(final):
                os.replace(final, old / file.name)
            os.replace(file, final)
    except OSError as error:
        for name in begun:
            _back(name, whole, target, old)
        shutil.rmtree(old, ignore_errors=True)
        kept = target / f"unplaced-{old.name.removeprefix(DRAFT)}"
        whole.rename(kept)
        raise ValueError(
            f"--out {target}: {error.filename} cannot be replaced ({error.strerror}). "
            f"What was there is as it was, and the new files are whole in {kept}: make "
            "room and move them."
        ) from error
    shutil.rmtree(old, ignore_errors=True)


def _back(name: str, whole: Path, target: Path, old: Path) -> None:
    if not (whole / name).exists():
        os.replace(target / name, whole / name)
    if os.path.lexists(old / name):
        os.replace(old / name, target / name)


def _renamed(error: BaseException, staging: Path, target: Path) -> BaseException:
    """Give an error the final names, or that of the folder where the disk was full."""
    draft, final = str(staging), str(target)
    if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
        # HDF5 puts the reason into words of its own.
        return OSError(error.errno, os.strerror(error.errno or 0), final)
    if isinstance(error, OSError) and draft in str(error.filename or ""):
        name = str(error.filename).replace(draft, final)
        return type(error)(error.errno, error.strerror, name)
    if isinstance(error, OSError | ValueError | RuntimeError) and draft in str(error):
        return type(error)(str(error).replace(draft, final))
    return error

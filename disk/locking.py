"""Locks on files, which the operating system frees when the process that holds one ends.

A file that merely exists, or that names a process, stays behind when the power fails, and
its number may belong to another process by then. The locks here are those of the system:
`flock`, which Linux brings to NFS too, and `LockFile` on Windows.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


_MOST_WORDS = 4096
_AT = 1 << 40  # Windows locks bytes: one that no file has, so that others may read.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class HeldError(ValueError):
    """Another process holds a lock; the message is what it says of itself."""


@contextmanager
def holding(path: Path, words: str) -> Iterator[bool]:
    """Hold a lock file, which is there only as long as the block runs.

    Args:
        path: Of the file, in a folder that can be written.
        words: Who holds it, for the message of those that come later.

    Yields:
        Whether the file system has locks: without them nothing is held.

    Raises:
        HeldError: Another process holds it.
        OSError: The file cannot be made.
    """
    opened, locks = _take(path)
    try:
        if locks:
            os.ftruncate(opened, 0)
            os.write(opened, words.encode()[:_MOST_WORDS])
        yield locks
    finally:
        if sys.platform != "win32":
            with suppress(OSError):
                path.unlink()
        os.close(opened)
        if sys.platform == "win32":
            with suppress(OSError):
                path.unlink()


def lock(opened: int) -> bool:
    """Lock an open file, without waiting; closing it ends the lock.

    Args:
        opened: Its descriptor.

    Returns:
        False where another one holds it.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(opened, _AT, os.SEEK_SET)
            msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
            os.lseek(opened, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


def _take(path: Path) -> tuple[int, bool]:
    """Open the file and lock it: the one that has the name, not one just removed."""
    # A link is not followed: what it leads to would be overwritten.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        opened = os.open(path, flags, 0o666)
        try:
            got = lock(opened)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return opened, False
            os.close(opened)
            raise
        if not got:
            words = os.read(opened, _MOST_WORDS).decode(errors="replace").strip()
            os.close(opened)
            raise HeldError(words or "another process")
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(opened), os.stat(path)):
                return opened, True
        os.close(opened)

"""How the C library hands out memory: large arrays stay with the program when freed.

By default glibc gets each array above some megabytes from the kernel and gives it back when
it is freed, so that the pages of the next one are made, and zeroed, anew. Solvers that
make such arrays many times a second spend up to a third of their time on that.
"""

import ctypes
import os
import sys
from collections.abc import Mapping


# Parameters of mallopt(3), and what they are set to.
_SETTINGS = (
    (-3, 1 << 30),  # M_MMAP_THRESHOLD: only larger ones come from the kernel.
    (-1, (1 << 31) - 1),  # M_TRIM_THRESHOLD: so much may be kept.
    (-8, 1),  # M_ARENA_MAX: one heap for all threads; those of others are small.
)


def keep_freed(environment: Mapping[str, str] = os.environ) -> bool:
    """Keep freed memory for what comes next, where the C library is glibc.

    Whoever has set variables of its allocator has decided, and nothing is changed.

    Returns:
        Whether it was set.
    """
    decided = ("GLIBC_TUNABLES", *(x for x in environment if x.startswith("MALLOC_")))
    if any(environment.get(name) for name in decided) or not _is_glibc():
        return False
    library = ctypes.CDLL(None)
    return all(library.mallopt(name, value) == 1 for name, value in _SETTINGS)


def _is_glibc() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):
        return False

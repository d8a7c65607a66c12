"""Intel's Math Kernel Library, which pypardiso brings along on x86-64."""

import ctypes
import functools
import logging
import os
import site
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


_log = logging.getLogger("tmsgrad")

_FILES = ("lib/libmkl_rt.so*", "lib/libmkl_rt*.dylib", "Library/bin/mkl_rt*.dll")
_BRANCH_OF_THIS_PROCESSOR = 2  # MKL_CBWR_AUTO


@functools.cache
def mkl() -> ctypes.CDLL | None:
    """Load the library where it is.

    Results are asked to be the same bit by bit in every run (MKL's conditional numerical
    reproducibility). MKL obeys only before it has computed anything: so it is asked here,
    and nothing else loads it.
    """
    place = _installed()
    if place is not None:
        # Else each of pypardiso's solvers, of which it makes one when it is imported,
        # searches all of Python's folders, for seconds where these hold much.
        os.environ.setdefault("PYPARDISO_MKL_RT", str(place))
    try:
        import pypardiso

        library = pypardiso.PyPardisoSolver(mtype=2).libmkl
    except ModuleNotFoundError:
        return None
    except (ImportError, OSError) as error:
        _log.warning("pypardiso is installed, but MKL cannot be loaded: %s", error)
        return None
    assert library is not None
    os.environ.setdefault("PYPARDISO_MKL_RT", library._name)
    status = library.MKL_CBWR_Set(ctypes.c_int(_BRANCH_OF_THIS_PROCESSOR))
    if status != 0:
        _log.info(
            "MKL was at work before: results may differ in their last digits from run to "
            "run (MKL_CBWR_Set: %d). Set the environment variable MKL_CBWR=AUTO.",
            status,
        )
    return library


def _installed() -> Path | None:
    """Find the library where pip and conda put it, or None."""
    for prefix in filter(None, (sys.prefix, site.USER_BASE)):
        for name in _FILES:
            found = sorted(Path(prefix).glob(name))
            if found:
                return found[0]
    return None


def on_one_thread(function: Callable, *arguments) -> Any:
    """Call a parallel routine of MKL from a thread that is the same for all calls.

    For every thread that calls such routines, MKL starts threads of its own, which stay
    with their buffers when it ends: 0.7 MB for each set-up in a thread of its own.
    """
    # A forked process has none of its parent's threads.
    process = os.getpid()
    if process not in _callers:
        _callers.setdefault(process, ThreadPoolExecutor(1, "tmsgrad-mkl"))
    return _callers[process].submit(function, *arguments).result()


_callers: dict[int, ThreadPoolExecutor] = {}


def pardiso_is_available() -> bool:
    """Check whether MKL's PARDISO can be loaded, which it can be on x86-64 only."""
    return mkl() is not None

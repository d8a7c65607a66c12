"""Work beside the solver, in a thread: NumPy, SciPy, MKL and XLA let others compute."""

import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable


_T = TypeVar("_T")


@runtime_checkable
class Beside(Protocol):
    """Begins a piece of work, and returns what waits for its result."""

    def __call__(self, work: Callable[..., _T], *given: object) -> Callable[[], _T]:
        """Begin."""
        ...


@contextmanager
def working_beside() -> Iterator[Beside]:
    """Do pieces of work one after the other in a thread.

    Warnings are heard as those of the caller; what a piece raises is raised where its
    result is waited for. All of them have ended when the block ends.
    """
    with ThreadPoolExecutor(1) as pool:

        def begin(work: Callable[..., _T], *given: object) -> Callable[[], _T]:
            return pool.submit(contextvars.copy_context().run, work, *given).result

        try:
            yield begin
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise

"""A process that ends with the one that started it, however that one ends.

The other process holds the writing end of a pipe that is this one's standard input. When
it dies, also by SIGKILL, the system closes the pipe, and reading from it ends.
"""

import contextlib
import os
import threading


_STATUS = 143  # As after SIGTERM.

#: What a tethered process runs: the command line, with the words after it.
TETHERED = (
    "from tmsgrad.cli.runtime.tether import hold; hold(); "
    "import sys; from tmsgrad.cli.main import main; sys.exit(main())"
)


def hold() -> None:
    """End this process as soon as its standard input ends."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    try:
        while os.read(0, 1):
            pass
    except OSError:
        pass
    # No clean-up: what is unfinished is a draft, which the next run removes.
    try:
        end_processes(os.getpid())
    finally:
        os._exit(_STATUS)


def end_processes(of: int) -> None:
    """End all that a process has started, such as SAMSEG, and what these have.

    Args:
        of: Its number.
    """
    import psutil

    with contextlib.suppress(psutil.Error):
        for each in psutil.Process(of).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                each.kill()

"""Where SAMSEG is, and how an environment with it is made in the user's data folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ...disk import write_whole
from ..progress import Progress, silent


VERSION = "0.4a0"
_PROGRAM = "run_samseg.exe" if sys.platform == "win32" else "run_samseg"
_PYTHONS = ("python3.11", "python3.10", "python3.9")
_PACKAGES = (f"samseg=={VERSION}", "numpy<2")
_COMPLETE = "tmsgrad.txt"  # In an environment that was made to its end.
_LINES = 60  # That pip prints, about.
_SHOWN = 400  # Characters of what failed.
_HELP = (
    "Is the Python package index within reach (behind a proxy, HTTPS_PROXY has to be "
    "set), are 0.5 GB free on the disk, and is there a C compiler, such as gcc, for "
    f"surfa, a part of it? Elsewhere `pip install samseg=={VERSION}` in an environment "
    "of Python 3.9 to 3.11 does the same: give its folder by --samseg."
)


@dataclass(frozen=True)
class Samseg:
    """Where SAMSEG is.

    Attributes:
        program: The file `run_samseg`.
    """

    program: Path


def asked_for(by: str | None, given: object, thorough: bool) -> bool:
    """Whether SAMSEG is to segment: as said, or as one of its own options says.

    Args:
        by: The segmenter that was named, or None.
        given: Where SAMSEG is said to be, or None.
        thorough: Whether it is to run with its own settings.
    """
    return by == "samseg" or given is not None or thorough


def environment() -> Path:
    """The folder in which `install` makes an environment, in the user's data folder."""
    return platformdirs.user_data_path("tmsgrad") / "samseg"


def find_samseg(given: str | os.PathLike[str] | None = None) -> Samseg | None:
    """Find SAMSEG: where the caller says, in the environment made for it, or on PATH.

    Args:
        given: `run_samseg`, or a folder that holds it, such as an environment.

    Returns:
        None where there is none.

    Raises:
        FileNotFoundError: `given` neither is nor holds the program.
    """
    if given is not None:
        place = Path(given)
        tried = (place, *_within(place))
        found = next((p for p in tried if p.is_file()), None)
        if found is None:
            raise FileNotFoundError(
                f"{place}: there is no {_PROGRAM} here. Give its path, or the environment "
                f"that `pip install samseg=={VERSION}` was run in."
            )
        return Samseg(found)
    own = installed()
    if own is not None:
        return own
    on_path = shutil.which(_PROGRAM)
    return None if on_path is None else Samseg(Path(on_path))


def installed() -> Samseg | None:
    """SAMSEG in the environment made for it, or None where that is not complete."""
    home = environment()
    if not (home / _COMPLETE).is_file():
        return None
    return next((Samseg(p) for p in _within(home) if p.is_file()), None)


def installation() -> tuple[list[list[str]], str]:
    """Say how an environment with SAMSEG would be made.

    Returns:
        The commands, and in words what they download.

    Raises:
        ValueError: There is neither uv nor a Python 3.9 to 3.11 that runs.
    """
    home, python = environment(), str(_python())
    words = (
        f"samseg {VERSION} with what it needs (numpy, scipy, scikit-learn, nibabel), some "
        "120 MB from the Python package index, 420 MB on the disk"
    )
    uv = shutil.which("uv")
    if uv is not None:
        made = [uv, "venv", "--python", "3.11", str(home)]
        filled = [uv, "pip", "install", "--python", python, *_PACKAGES]
        return [made, filled], f"{words}, and Python 3.11 where it is not there"
    for own in filter(None, map(shutil.which, _PYTHONS)):
        if _runs(own):
            made = [own, "-m", "venv", str(home)]
            return [made, [python, "-m", "pip", "install", *_PACKAGES]], words
    raise ValueError(
        f"samseg {VERSION} has wheels for Python 3.9 to 3.11 only, and neither uv nor such "
        "a Python is on PATH. Install uv (https://docs.astral.sh/uv), or give the program "
        "by --samseg."
    )


def install(progress: Progress | None = None) -> Samseg:
    """Make the environment anew.

    What is downloaded stays with pip or uv, so that a second try after an interruption
    does not fetch it again; of the environment nothing is left that is not complete.

    Args:
        progress: Called now and then.

    Raises:
        ValueError: It cannot be made; the message has the end of what was printed.
    """
    commands, _ = installation()
    home, report = environment(), progress or silent
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        # What cannot be imported, for want of a library, is to be known today.
        for command in [*commands, [str(_python()), "-c", "import samseg"]]:
            _follow(command, report)
        write_whole(home / _COMPLETE, f"samseg {VERSION}\n")
        found = installed()
        if found is None:
            raise ValueError(f"{home}: samseg was installed without {_PROGRAM}.")
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return found


@contextmanager
def running(command: list[str], stdout) -> Iterator[subprocess.Popen]:
    """Run a process that ends with the block, whatever ends that.

    Args:
        command: Program and words.
        stdout: Where what it prints goes: a file, or `subprocess.PIPE`.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()


def _within(folder: Path) -> tuple[Path, ...]:
    return folder / _PROGRAM, folder / "bin" / _PROGRAM, folder / "Scripts" / _PROGRAM


def _python() -> Path:
    name = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return environment() / name


def _runs(python: str) -> bool:
    """Whether it is a Python; what pyenv leaves on PATH may only say that there is none."""
    asked = [python, "-c", "import venv"]
    try:
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _follow(command: list[str], report: Progress) -> None:
    """Run a command, and tell what it says.

    Raises:
        ValueError: It fails.
    """
    lines: list[str] = []
    with running(command, subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.decode("utf-8", "replace").strip())
            report(min(len(lines) / _LINES, 0.95), lines[-1])
        process.wait()
    if process.returncode:
        said = " ".join(line for line in lines[-4:] if line)[-_SHOWN:]
        raise ValueError(
            f"`{' '.join(command)}` ended with {process.returncode}: {said}. {_HELP}"
        )

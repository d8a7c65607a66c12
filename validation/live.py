"""The user's own SimNIBS beside us: the same mesh, coil and poses, each in its process.

SimNIBS is never imported here. Its interpreter runs `simnibs_driver.py`, which takes a
request and leaves a response as JSON; fields come as the .msh files that SimNIBS writes.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .. import meshing
from ..coils import Pose
from ..meshing import HeadMesh


HOW_TO_GET = (
    "SimNIBS 4.5 and later are free at https://simnibs.github.io/simnibs; its interpreter "
    "is `simnibs_python` in the folder `bin` of the installation."
)

_DRIVER = Path(__file__).parent / "simnibs_driver.py"
_LAST_LINES = 3
_PROBE_TIMEOUT = 120.0  # SimNIBS takes seconds to import. [s]
_SAME_PLACE = 1e-6  # Files have some digits only. [m]

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class SimnibsRun:
    """What a run of SimNIBS left.

    Attributes:
        version: Of SimNIBS.
        seconds: The task took, without the start of the interpreter.
        peak_memory: Of SimNIBS' processes, None where the system does not say. [bytes]
        response: All that the driver said.
    """

    version: str
    seconds: float
    peak_memory: int | None
    response: Mapping[str, Any]


@dataclass(frozen=True)
class Simnibs:
    """An installed SimNIBS.

    Attributes:
        interpreter: Of the installation.
        timeout: For one task. [s]
    """

    interpreter: str
    timeout: float = 3600.0

    def probe(self, folder: Path) -> str:
        """Return the version.

        Raises:
            FileNotFoundError: There is no such interpreter.
            RuntimeError: It is not that of a SimNIBS.
        """
        quick = Simnibs(self.interpreter, _PROBE_TIMEOUT)
        return quick.run({"task": "probe"}, folder).version

    def run(
        self,
        request: Mapping[str, Any],
        folder: Path,
        progress: Progress = lambda share, what: None,
    ) -> SimnibsRun:
        """Have the driver do a task.

        Args:
            request: As `simnibs_driver` describes it, without `folder`.
            folder: For files; what SimNIBS prints is kept there in `simnibs.log`.
            progress: Called with the share done and what is being done.

        Raises:
            FileNotFoundError: There is no such interpreter.
            RuntimeError: SimNIBS failed or took too long; the message names the task, its
                last words and the log.
        """
        task, log = request["task"], folder / "simnibs.log"
        response = folder / "response.json"
        response.unlink(missing_ok=True)
        asked = folder / "request.json"
        asked.write_text(json.dumps({**request, "folder": str(folder)}), "utf-8")
        lines: list[str] = []
        try:
            with log.open("a", encoding="utf-8") as kept:
                status = self._watch(asked, kept, lines, progress)
        except (FileNotFoundError, PermissionError) as error:
            raise FileNotFoundError(
                f"{self.interpreter}: this interpreter cannot be run "
                f"({error.strerror}). {HOW_TO_GET}"
            ) from None
        except TimeoutError:
            raise RuntimeError(
                f"SimNIBS did not end `{task}` within {self.timeout / 60:.3g} minutes; see "
                f"{log}, or allow more by --timeout."
            ) from None
        said = _read_response(response)
        if said is None or "error" in said:
            last = "; ".join(lines[-_LAST_LINES:]) or "it printed nothing"
            why = last if said is None else said["error"]
            hint = (
                f" Is {self.interpreter} the interpreter of SimNIBS? {HOW_TO_GET}"
                if "simnibs" in why and "No module" in why
                else ""
            )
            raise RuntimeError(
                f"SimNIBS failed in `{task}` (status {status}): {why}. See {log}.{hint}"
            )
        return SimnibsRun(
            str(said.get("version", "unknown")),
            float(said["seconds"]),
            said.get("peak_memory_bytes"),
            said,
        )

    def _watch(
        self, asked: Path, log: IO[str], lines: list[str], progress: Progress
    ) -> int:
        """Start the driver, and follow what it prints until it ends."""
        end = time.monotonic() + self.timeout
        with _process([self.interpreter, str(_DRIVER), str(asked)]) as process:
            assert process.stdout is not None
            printed: queue.Queue[str | None] = queue.Queue()
            reader = threading.Thread(
                target=_pass_on, args=(process.stdout, printed), daemon=True
            )
            reader.start()
            while True:
                try:
                    line = printed.get(timeout=max(0.0, end - time.monotonic()))
                except queue.Empty:
                    raise TimeoutError from None
                if line is None:
                    return process.wait()
                log.write(line)
                words = line.split(maxsplit=2)
                if len(words) == 3 and words[0] == "progress":
                    progress(float(words[1]), words[2].strip())
                elif line.strip():
                    lines.append(line.strip())


def simnibs_field(path: str, head: HeadMesh) -> Float[ndarray, "tet 3"]:
    """Read a field that SimNIBS wrote. [V/m]

    Args:
        path: The .msh file.
        head: The head that SimNIBS was given.

    Raises:
        ValueError: The file holds another mesh, or no field E.
    """
    theirs = meshing.read_msh(path)
    same = theirs.tetrahedra.shape == head.tetrahedra.shape and np.array_equal(
        theirs.tags, head.tags
    )
    if not same or np.abs(theirs.centroids - head.centroids).max() > _SAME_PLACE:
        raise ValueError(
            f"{path}: SimNIBS wrote another mesh ({len(theirs.tags)} tetrahedra) than it "
            f"was given ({len(head.tags)}), so that fields cannot be compared."
        )
    fields = meshing.read_msh_data(path).in_tetrahedra
    if "E" not in fields:
        raise ValueError(f"{path}: there is no field E, only {', '.join(fields)}.")
    return np.asarray(fields["E"], np.float64)


def fields_request(mesh: Path, coil: Path, poses: Pose, rate: float) -> dict[str, Any]:
    """Ask for the fields of poses at one current rate. [A/s]"""
    return {
        "task": "fields",
        "mesh": str(mesh.resolve()),
        "coil": str(coil.resolve()),
        "poses_mm": np.asarray(poses.to_matsimnibs()).tolist(),
        "didt": rate,
    }


def search_request(
    mesh: Path, coil: Path, target: Float[ndarray, "3"], radius: float, method: str
) -> dict[str, Any]:
    """Ask for the best pose for a target [m], by the method `direct` or `ADM`."""
    return {
        "task": "search",
        "mesh": str(mesh.resolve()),
        "coil": str(coil.resolve()),
        "target_mm": (1e3 * np.asarray(target)).tolist(),
        "radius_mm": 1e3 * radius,
        "method": method,
        "didt": 1e6,
    }


def _read_response(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _pass_on(stream: Iterable[str], printed: "queue.Queue[str | None]") -> None:
    try:
        for line in stream:
            printed.put(line)
    finally:
        printed.put(None)


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen]:
    """A process that ends with us, and all that it started."""
    # Its own settings must not meet SimNIBS' libraries.
    kept = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")
    }
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=kept,
        start_new_session=os.name == "posix",
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            if os.name == "posix":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

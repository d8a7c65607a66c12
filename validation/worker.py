"""A field computed in a process of its own, whose settings differ from its parent's.

    python -m tmsgrad.validation.worker OUT.npz

Precision and device are chosen by JAX's own environment variables, as for any program.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .cases import template_case


_TIMEOUT = 600.0  # [s]


def field_elsewhere(**settings: str) -> dict[str, np.ndarray]:
    """Compute the shared case's field in a process with these environment variables.

    Raises:
        RuntimeError: The process failed; the message has its last words.
    """
    with tempfile.TemporaryDirectory(prefix="tmsgrad-") as folder:
        path = Path(folder) / "field.npz"
        command = [sys.executable, "-m", "tmsgrad.validation.worker", str(path)]
        done = subprocess.run(
            command,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise RuntimeError(
                f"the process with {settings} ended with status {done.returncode}: "
                f"{last[0]}"
            )
        with np.load(path) as stored:
            return dict(stored)


def main(path: str) -> None:
    """Compute the field and write it."""
    case = template_case()
    field = case.solve()
    np.savez(path, vectors=np.asarray(field.vectors), mean=field.mean(case.target()))


if __name__ == "__main__":
    main(sys.argv[1])

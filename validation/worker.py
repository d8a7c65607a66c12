"""A field computed in a process of its own, whose settings differ from its parent's.

    python -m tmsgrad.validation.worker REFERENCES OUT.npz

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


def field_elsewhere(references: Path, **settings: str) -> dict[str, np.ndarray]:
    """Compute the shared case's field in a process with these environment variables.

    Args:
        references: Folder of the case, as `Workbench.references` finds it.
        settings: The environment variables.

    Raises:
        RuntimeError: The process failed; the message has its last words.
    """
    with tempfile.TemporaryDirectory(prefix="tmsgrad-") as folder:
        path = Path(folder) / "field.npz"
        command = [sys.executable, "-m", "tmsgrad.validation.worker"]
        command += [str(references), str(path)]
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


def main(references: str, path: str) -> None:
    """Compute the field and write it."""
    case = template_case(Path(references))
    field = case.solve()
    np.savez(path, vectors=np.asarray(field.vectors), mean=field.mean(case.target()))


if __name__ == "__main__":
    main(*sys.argv[1:])

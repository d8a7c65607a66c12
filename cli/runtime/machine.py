"""What a command computes with: threads and a device, chosen before JAX starts."""

import os
import sys


# OpenMP and MKL, OpenBLAS, Apple's Accelerate, and the thread pool of XLA.
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",
)


def prepare(threads: int | None, device: str | None) -> None:
    """Set the environment that JAX, MKL and NumPy read when they are imported.

    Raises:
        ValueError: They are imported already, so that it would be in vain.
    """
    if threads is None and device is None:
        return
    if "jax" in sys.modules:
        name = "threads" if threads is not None else "device"
        raise ValueError(
            f"--{name} must be known before JAX is imported: run `tmsgrad` in a process "
            "of its own."
        )
    if threads is not None:
        os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    if device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
    elif device is not None:
        os.environ.pop("JAX_PLATFORMS", None)


def threads() -> int | None:
    """How many threads this process may use, or None where nothing says so."""
    word = os.environ.get(_THREADS[0], "").partition(",")[0]
    return int(word) if word.isdigit() and int(word) > 0 else None


def choose_device(device: str | None) -> None:
    """Compute on a device; call it after `prepare`, before anything is computed.

    Raises:
        ValueError: There is no such device.
    """
    if device is None or device == "cpu":
        return
    import jax

    number = int(device.partition(":")[2] or 0)
    try:
        found = jax.devices("gpu")
    except RuntimeError:
        raise ValueError(
            f"--device {device}: JAX finds no GPU. Install `tmsgrad[cuda]` on a machine "
            "that has one, or leave --device out."
        ) from None
    if number >= len(found):
        raise ValueError(
            f"--device {device}: there are {len(found)} GPUs, counted from 0."
        )
    jax.config.update("jax_default_device", found[number])

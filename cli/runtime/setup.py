"""Settings that belong to a program and not to a library."""

import hashlib
import os
import platform
from pathlib import Path

import jax

from ...disk import cache_folder
from .notices import detail, note
from .versions import versions


def set_up() -> None:
    """Set what belongs to a program and not to a library: float64, a compile cache."""
    jax.config.update("jax_enable_x64", True)
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        _keep_compiled_code()
    found = ", ".join(f"{name} {value}" for name, value in versions().items())
    detail(found)


def _keep_compiled_code() -> None:
    # Compiled code fits the processor that it was made for.
    machine = f"{jax.__version__} {platform.processor()} {_processor_flags()}"
    folder = cache_folder() / f"jax-{hashlib.sha256(machine.encode()).hexdigest()[:12]}"
    if _can_be_written(folder):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    else:
        note(
            f"{folder} cannot be written: compiled code is not kept, and each command "
            "starts slowly. Set TMSGRAD_CACHE to a folder that can be."
        )


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _processor_flags() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")

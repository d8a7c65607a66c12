"""Settings that belong to a program and not to a library."""

import hashlib
import platform
from pathlib import Path

import jax

from ...disk import cache_folder
from .notices import detail
from .versions import versions


def set_up() -> None:
    """Set what belongs to a program and not to a library: float64, a compile cache."""
    jax.config.update("jax_enable_x64", True)
    # Compiled code fits the processor that it was made for.
    machine = f"{jax.__version__} {platform.processor()} {_processor_flags()}"
    folder = cache_folder() / f"jax-{hashlib.sha256(machine.encode()).hexdigest()[:12]}"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    found = ", ".join(f"{name} {value}" for name, value in versions().items())
    detail(found)


def _processor_flags() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")

"""Where a result was measured: date, machine and versions."""

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

import jax


_PACKAGES = ("tmsgrad", "jax", "jaxlib", "numpy", "scipy", "pyamg", "pypardiso")


def environment() -> dict:
    """Describe the machine and what is installed."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next(
        (x.split(":")[1].strip() for x in lines if x.startswith("model name")), ""
    )
    return {
        "date": datetime.date.today().isoformat(),
        "device": str(jax.devices()[0].device_kind),
        "processor": model or platform.processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load_at_start": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": versions,
    }

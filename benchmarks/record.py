"""Results of benchmarks as JSON, with the machine, versions and date."""

import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path

import jax


RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("tmsgrad", "jax", "jaxlib", "numpy", "scipy", "pyamg", "pypardiso")


def machine() -> dict:
    """Describe where a benchmark runs."""
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
        else None,
        "load_at_start": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "versions": versions,
    }


def write(name: str, rows: list[dict]) -> Path:
    """Write `results/NAME-DEVICE.json`, replacing the result of an earlier run."""
    where = machine()
    device = "".join(c if c.isalnum() else "-" for c in where["device"].lower()).strip(
        "-"
    )
    path = RESULTS / f"{name}-{device}.json"
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": where, "rows": rows}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def table(rows: list[dict]) -> str:
    """Write rows as a table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = lambda x: f"{x:.3g}" if isinstance(x, float) else "" if x is None else str(x)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(text(row.get(n)) for n in names) + " |" for row in rows]
    return "\n".join(lines)

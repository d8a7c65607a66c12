"""The versions that results depend on."""

from importlib.metadata import version

import jax
import numpy as np


def versions() -> dict[str, str]:
    """Name the versions that a result depends on."""
    chosen = getattr(jax.config, "jax_default_device", None)
    return {
        "tmsgrad": version("tmsgrad"),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": str(chosen or jax.devices()[0]),
    }

"""Where what is made once is kept."""

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Where tmsgrad keeps what it builds once.

    The folder in the environment variable `TMSGRAD_CACHE`, or else the operating system's
    cache folder of this user.
    """
    chosen = os.environ.get("TMSGRAD_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("tmsgrad")

"""Make XLA compile in a hurry, as the tests compile much and run each program once."""

import os


# `xla_cpu_use_fusion_emitters=false` saves as much again, but maps so many small pieces
# of memory that a process which ran most of the tests runs out of them, and crashes.
_FLAGS = "--xla_backend_optimization_level=0"


def compile_in_a_hurry() -> None:
    """Set XLA_FLAGS, where the user does not, for this process and its children."""
    os.environ.setdefault("XLA_FLAGS", _FLAGS)

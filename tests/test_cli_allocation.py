"""Freed memory that stays with the program."""

import os
import subprocess
import sys

import pytest

from tmsgrad.cli.runtime import allocation


SCRIPT = """
import resource, sys
import numpy as np
from tmsgrad.cli.runtime.allocation import keep_freed
done = keep_freed()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(6_000_000)
before = faults()
for _ in range(20):
    np.ones(6_000_000)
print(int(done), faults() - before)
"""


def faults(**environment) -> tuple[bool, int]:
    """Make and free an array of 48 MB twenty times: whether memory is kept, page faults."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("MALLOC_") and k != "GLIBC_TUNABLES"
    }
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        **{"env": kept | environment, "check": True, "capture_output": True},
        text=True,
    )
    done, count = found.stdout.split()
    return bool(int(done)), int(count)


@pytest.mark.skipif(not allocation._is_glibc(), reason="the C library is not glibc")
def test_arrays_that_are_freed_are_not_fetched_from_the_kernel_again():
    done, count = faults()
    assert done
    left, usual = faults(MALLOC_ARENA_MAX="8")
    assert not left  # Whoever set a variable has decided.
    # Pages of 4 kB or, of kernels that give large ones, of 2 MB.
    assert usual > 20 * 15
    assert count < usual / 20


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocation.keep_freed({})

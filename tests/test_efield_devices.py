"""Placements shared between two devices give what one device gives."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


TESTS = Path(__file__).parent

# A process of its own, as the number of devices is set before JAX starts.
PROGRAM = """
import json

import jax
import jax.numpy as jnp
from heads import boxed_coil, five_layers, pose_over

from tmsgrad import efield, meshing

jax.config.update("jax_enable_x64", True)
conductor = efield.assemble(five_layers(), efield.isotropic(five_layers()))
target = meshing.ball(five_layers(), [0.02, -0.015, 0.058], 8e-3)
solver = efield.Multigrid(rtol=1e-12, throw=False)
poses = jax.tree.map(
    lambda *x: jnp.stack(x), *(pose_over([0.2, 0.1 * i, 1.0], 0.3 * i) for i in range(4))
)
solve = lambda poses: efield.solve(conductor, boxed_coil(), poses, solver=solver)
field = lambda poses: solve(poses).vectors
value = lambda poses: jnp.linalg.norm(solve(poses).mean(target), axis=-1)

auto = jax.sharding.AxisType.Auto
devices = jax.make_mesh((2,), ("placement",), axis_types=(auto,))
rows = jax.sharding.PartitionSpec("placement")
shared = lambda function: jax.shard_map(
    function, mesh=devices, in_specs=rows, out_specs=rows, check_vma=False
)
slopes = lambda function: jax.grad(lambda poses: function(poses).sum())
missed = lambda one, other: float(jnp.abs(one - other).max() / jnp.abs(one).max())
here, there = field(poses), jax.jit(shared(field))(poses)
each = zip(
    jax.tree.leaves(slopes(value)(poses)),
    jax.tree.leaves(jax.jit(slopes(shared(value)))(poses)),
    strict=True,
)
print(
    json.dumps(
        {
            "rows": [part.data.shape[0] for part in there.addressable_shards],
            "field": missed(here, there),
            "slopes": [missed(one, other) for one, other in each],
        }
    )
)
"""


@pytest.mark.long
def test_two_devices_share_placements_and_their_slopes():
    given = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        env=given,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["rows"] == [2, 2]
    assert found["field"] < 1e-10
    assert len(found["slopes"]) == 2
    assert max(found["slopes"]) < 1e-9

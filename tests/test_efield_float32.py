"""The ten-line script of the README as a user runs it, who has not switched x64 on."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import figure_of_eight, layered_sphere, relative_error

from tmsgrad import coils, efield, meshing, optimize


README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
# The first block of the page, with other files and another target.
SCRIPT = re.findall(r"```python\n(.*?)```", README, re.S)[0]
for theirs, ours in {
    "m2m_ernie/ernie.msh": "ernie.msh",
    "MagStim_D70.ccd": "coil.ccd",
    "[-0.041, -0.013, 0.066], radius=5e-3": "[0.02, -0.01, 0.055], radius=12e-3",
}.items():
    assert theirs in SCRIPT
    SCRIPT = SCRIPT.replace(theirs, ours)
SCRIPT += """
# For the test.
import jax
import jax.export
import numpy as np
solver = efield.Multigrid(1e-4, throw=False)
there = lambda pose: efield.solve(conductor, coil, pose, solver=solver).vectors
cuda = jax.export.export(jax.jit(there), platforms=["cuda"])(search.pose)
assert cuda.out_avals[0].dtype == "float32"
np.savez("found.npz", rotation=search.pose.rotation, value=search.value,
    translation=search.pose.translation, vectors=field.vectors, potential=field.potential,
    mean=field.mean(target), residual=field.report.residual)
"""


@pytest.mark.long
def test_the_script_works_as_it_stands_and_agrees_with_float64(tmp_path):
    meshing.write_msh(tmp_path / "ernie.msh", layered_sphere(0.016))
    coils.write_ccd(tmp_path / "coil.ccd", coils.Coil((figure_of_eight(),)))
    subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=tmp_path,
        env=os.environ | {"JAX_ENABLE_X64": "0"},
        check=True,
        timeout=300,
    )
    head = meshing.read_msh(tmp_path / "ernie.msh")
    coil = coils.read(tmp_path / "coil.ccd")
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, [0.02, -0.01, 0.055], 12e-3)
    found = np.load(tmp_path / "found.npz")
    exactly = lambda name: jnp.asarray(found[name], dtype=float)
    pose = coils.Pose(exactly("rotation"), exactly("translation"))
    field = efield.solve(conductor, coil, pose)

    assert found["vectors"].dtype == np.float32
    rtol = 1e-5  # What `assemble` promises.
    assert relative_error(found["vectors"], field.vectors) < rtol
    assert relative_error(found["potential"], field.potential) < rtol
    assert relative_error(found["mean"], field.mean(target)) < rtol
    value = float(jnp.linalg.norm(field.mean(target)))
    np.testing.assert_allclose(found["value"], value, rtol=rtol)
    written = meshing.read_msh_data(tmp_path / "best.msh").in_tetrahedra["magnE"]
    assert relative_error(written, field.magnitude) < rtol

    # The search in float64 finds as good an optimum; on facets of 16 mm there are several.
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    best = optimize.find_pose(objective, coil, meshing.scalp(head)).best
    np.testing.assert_allclose(value, best.value, rtol=1e-2)

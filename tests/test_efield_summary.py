"""Numbers about regions, and distances to the cortex."""

import jax.numpy as jnp
import numpy as np
import pytest
from heads import RADII, boxed_coil, five_layers, pose_over, scalp_of_five_layers

from tmsgrad import efield, meshing
from tmsgrad.coils import stack_poses
from tmsgrad.efield import ElectricField, SolverReport


def field_of(vectors):
    report = SolverReport(jnp.asarray(0), jnp.asarray(0.0))
    return ElectricField(
        jnp.asarray(vectors), jnp.zeros(len(five_layers().nodes)), report
    )


def test_a_field_that_grows_outwards_is_summarised():
    head = five_layers()
    selected = meshing.region(head, head.tags == 2)
    radius = np.linalg.norm(head.centroids, axis=1)
    field = field_of(head.centroids * 1e3)
    found = efield.summarise(head, field, selected, (0.0, 50.0, 100.0), (64.0, 1e3))
    volumes = head.volumes[selected.tetrahedra]
    inside = radius[selected.tetrahedra] * 1e3
    assert found.volume == pytest.approx(volumes.sum())
    assert found.mean == pytest.approx(np.average(inside, weights=volumes))
    assert found.maximum == pytest.approx(inside.max())
    assert np.linalg.norm(found.peak_position) * 1e3 == pytest.approx(inside.max())
    assert found.percentiles[0] == pytest.approx(inside.min())
    assert found.percentiles[2] == pytest.approx(inside.max())
    below = volumes[inside <= found.percentiles[1] * (1 + 1e-12)].sum() / volumes.sum()
    assert 0.5 <= below < 0.5 + volumes.max() / volumes.sum() + 1e-12
    assert found.volumes_above[0] == pytest.approx(volumes[inside >= 64].sum())
    assert found.volumes_above[1] == 0


def test_distances_are_those_between_spheres():
    measure = efield.CortexDistance(five_layers(), scalp_of_five_layers())
    coil, scalp = measure(pose_over([0.2, 0.3, 1.0], 0.3, 12e-3))
    # Nodes of gray matter lie on a sphere of 68 mm, 16 mm apart; triangles cut corners.
    assert coil == pytest.approx(RADII[-1] + 12e-3 - RADII[1], abs=2.5e-3)
    assert scalp == pytest.approx(RADII[-1] - RADII[1], abs=2.5e-3)
    away = pose_over([0.2, 0.3, 1.0]).moved(jnp.array([0.3, 0.0, 0.0]), jnp.zeros(3))
    coil, scalp = measure(away)
    assert coil > 0.2
    assert np.isnan(scalp)


def test_many_placements_are_each_alone(conductor, target):
    coil = boxed_coil()
    poses = [pose_over([0.2, 0.1 * i, 1.0], 0.2 * i) for i in range(5)]
    rates = np.array([1e6, 2e6, 0.0, 1e7, 1e6])
    reciprocal = efield.reciprocal(conductor, target)
    found = efield.mean_fields(reciprocal, coil, stack_poses(poses), rates, block=2)
    expected = [
        reciprocal.mean_field(coil, pose, rate)
        for pose, rate in zip(poses, rates, strict=True)
    ]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-12, atol=1e-15)


def test_percentiles_are_by_volume():
    values, volumes = np.array([3.0, 1.0, 2.0]), np.array([1.0, 98.0, 1.0])
    found = efield.volume_percentiles(values, volumes, [50.0, 98.5, 99.9])
    assert found == [1.0, 2.0, 3.0]

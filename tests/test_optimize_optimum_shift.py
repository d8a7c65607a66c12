import functools

import numpy as np
import pytest
from heads import boxed_coil, five_layers

from tmsgrad import efield, meshing, optimize
from tmsgrad.meshing import HeadMesh


@functools.cache
def head():
    """In a sphere the best pose does not depend on conductivities; in this it does."""
    whole = five_layers()
    x, y, z = whole.centroids.T
    changed = (x > 0.01) & (y > 0) & (z > 0) & (whole.tags == 3)
    return HeadMesh(whole.nodes, whole.tetrahedra, np.where(changed, 4, whole.tags))


@pytest.fixture(scope="module")
def conductor():
    return efield.assemble(head(), efield.isotropic(head()))


@pytest.fixture(scope="module")
def target():
    return meshing.ball(head(), [0.010, 0.015, 0.060], 10e-3)


@pytest.fixture(scope="module")
def prepared(target):
    return optimize.prepare_search(
        boxed_coil(),
        meshing.scalp(head()),
        target.centre,
        optimize.Domain(radius=25e-3),
        starts=2,
    )


@pytest.fixture(scope="module")
def pose(prepared, conductor, target):
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    return prepared.run(objective).pose


def shift(prepared, conductor, target, pose, spread, draws):
    tissues = efield.uncertain_tissues(
        head(), conductor, efield.relative_distributions(spread)
    )
    return optimize.optimum_shift(
        prepared, conductor, tissues, target, pose, optimize.MeanMagnitude, draws=draws
    )


@pytest.mark.long
def test_first_order_and_drawn_shifts_agree(prepared, conductor, target, pose):
    found = shift(prepared, conductor, target, pose, 0.1, 5)
    assert found.tissues[0] == "white matter"
    assert 0.02e-3 < found.position < 5e-3
    drawn = np.sqrt(np.mean(found.drawn_positions**2))
    turned = np.sqrt(np.mean(found.drawn_angles**2))
    # Five draws know a root mean square to a third.
    assert 0.5 < drawn / found.position < 2
    assert 0.4 < turned / found.angle < 2.5
    assert 0.2 < np.mean(found.drawn_losses) / found.loss < 5
    np.testing.assert_allclose(
        found.position, np.linalg.norm(found.position_by_tissue), rtol=1e-9
    )


def test_the_shift_is_in_proportion_to_the_spread(prepared, conductor, target, pose):
    small, large = (
        shift(prepared, conductor, target, pose, spread, 0) for spread in (0.05, 0.1)
    )
    np.testing.assert_allclose(2 * small.position, large.position, rtol=1e-3)
    np.testing.assert_allclose(2 * small.angle, large.angle, rtol=1e-3)
    np.testing.assert_allclose(4 * small.loss, large.loss, rtol=1e-3)
    assert len(small.drawn_positions) == 0


@pytest.mark.long
def test_a_pose_at_the_border_is_refused(conductor, target, pose):
    narrow = optimize.prepare_search(
        boxed_coil(),
        meshing.scalp(head()),
        target.centre + np.array([0.03, -0.02, 0.0]),
        optimize.Domain(radius=8e-3),
        starts=1,
    )
    with pytest.raises(ValueError, match="lies at the border of the search"):
        shift(narrow, conductor, target, pose, 0.1, 0)

"""Targets as options name them: where they lie, and what is said of it."""

import numpy as np
import pytest
from heads import five_layers

from tmsgrad import meshing
from tmsgrad.cli.inputs.targets import TargetRequest


RADIUS = 12e-3


@pytest.mark.parametrize("tissue", ["gray matter", "csf", "bone"])
def test_a_ball_that_reaches_over_a_border_takes_its_tissue_only(tissue, capsys):
    head, said = five_layers(), []
    mine = head.centroids[head.tags == meshing.tissue_tag(tissue)]
    for height in np.linspace(0.0, 0.11, 23):
        asked = TargetRequest((0.0, 0.0, float(height)), RADIUS, tissue)
        if np.linalg.norm(mine - asked.centre, axis=1).min() > RADIUS:
            with pytest.raises(
                ValueError, match=f"no {tissue} lies within 12 mm of the"
            ):
                asked.find(head)
            continue
        region = asked.find(head).region
        assert set(head.tags[region.tetrahedra]) == {meshing.tissue_tag(tissue)}
        middle = region.weights @ head.centroids[region.tetrahedra]
        off = np.linalg.norm(middle - asked.centre)
        note = capsys.readouterr().err
        assert ("at its edge only" in note) == (off > 0.6 * RADIUS)
        assert not note or f"{1e3 * off:.1f} mm off" in note
        said.append(bool(note))
    assert any(said)
    assert not all(said)

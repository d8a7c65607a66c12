"""Fields of CIFTI files, as docs/formats.md lists them."""

import nibabel
import numpy as np
import pytest
from format_examples import Fields
from nibabel.cifti2.cifti2 import Cifti2Image
from nibabel.cifti2.cifti2_axes import (
    BrainModelAxis,
    LabelAxis,
    ScalarAxis,
    SeriesAxis,
)

from tmsgrad.meshing import Surface, write_surface
from tmsgrad.optimize import targeting


KIND = "CIFTI series and networks"
field = Fields(KIND)
LEFT, RIGHT = "CIFTI_STRUCTURE_CORTEX_LEFT", "CIFTI_STRUCTURE_CORTEX_RIGHT"
# No vertex lies on a border of voxels.
PLACES = np.moveaxis(np.indices((6, 6, 1)), 0, -1).reshape(-1, 3) * 4e-3 + 1e-3
COUNT = len(PLACES)


def surface(folder, count=COUNT):
    path = folder / "lh.midthickness.surf.gii"
    corners = np.arange(count - count % 3, dtype=np.int32).reshape(-1, 3)
    write_surface(path, Surface(PLACES[:count], corners))
    return path


def cortex(vertices=None, side=LEFT):
    chosen = np.arange(COUNT) if vertices is None else vertices
    return BrainModelAxis.from_surface(chosen, COUNT, side)


def save(path, values, rows, brain):
    nibabel.save(Cifti2Image(np.asarray(values, np.float32), (rows, brain)), path)
    return path


def signals(count=COUNT, times=5):
    return np.random.default_rng(0).normal(size=(times, count))


def series(folder, step=2.0, unit="SECOND", brain=None):
    brain = cortex() if brain is None else brain
    values = signals(len(brain))
    rows = SeriesAxis(0, step, len(values), unit)
    return save(folder / "rest.dtseries.nii", values, rows, brain)


def labels(folder, values=None, table=None):
    names = {0: ("???", (1, 1, 1, 0)), 4: ("Salience", (1, 0, 0, 1))}
    row = 4 * (np.arange(COUNT) % 2) if values is None else values
    axis = LabelAxis(["networks"], [names if table is None else table])
    return save(folder / "own.dlabel.nii", row[None], axis, cortex())


def probabilities(folder, values):
    names = [f"map {k}" for k in range(len(values))]
    return save(folder / "p.dscalar.nii", values, ScalarAxis(names), cortex())


@field(KIND, "`SeriesStep`, `SeriesUnit`")
def step(folder):
    read = lambda file: targeting.read_surface_bold(file, [surface(folder)])
    assert read(series(folder, 1.5)).repetition_time == 1.5
    with pytest.raises(ValueError, match=r"rest\.dtseries\.nii: .*of 0 s"):
        read(series(folder, 1.5, "HERTZ"))


@field(KIND, "`BrainModel`, cortex")
def models(folder):
    found = targeting.read_surface_bold(series(folder), [surface(folder)])
    assert found.mask.sum() == len(np.unique(np.floor(PLACES / 6e-3), axis=0))
    other = series(folder, brain=cortex(side=RIGHT))
    with pytest.raises(ValueError, match="a surface of the right hemisphere"):
        targeting.read_surface_bold(other, [surface(folder)])


@field(KIND, "`BrainModel`, voxels")
def voxels(folder):
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [30, 30, 30]
    mask = np.zeros((4, 4, 4), bool)
    mask[1:3, 1, 1] = True
    both = cortex() + BrainModelAxis.from_mask(
        mask, name="CIFTI_STRUCTURE_THALAMUS_LEFT", affine=affine
    )
    alone = targeting.read_surface_bold(series(folder), [surface(folder)])
    found = targeting.read_surface_bold(series(folder, brain=both), [surface(folder)])
    assert found.mask.sum() > alone.mask.sum()
    assert found.positions.max() > 30e-3 > alone.positions.max()


@field(KIND, "`VertexIndices`")
def vertices(folder):
    every = targeting.read_surface_bold(series(folder), [surface(folder)])
    some = series(folder, brain=cortex(np.arange(COUNT // 2)))
    found = targeting.read_surface_bold(some, [surface(folder)])
    assert found.mask.sum() < every.mask.sum()
    for file, read in (
        (series(folder), targeting.read_surface_bold),
        (labels(folder), lambda name, on: targeting.read_network(name, "Salience", on)),
    ):
        with pytest.raises(
            ValueError, match=f"names vertex {COUNT - 1}, but .* 30 ver"
        ):
            read(file, [surface(folder, 30)])


@field(KIND, "`LabelTable`")
def table(folder):
    network = targeting.read_network(labels(folder), "Salience", [surface(folder)])
    np.testing.assert_array_equal(network.at(PLACES), np.arange(COUNT) % 2)
    with pytest.raises(ValueError, match=r"name one network: \?\?\?, Salience"):
        targeting.read_network(labels(folder), None, [surface(folder)])
    twice = {1: ("Salience", (1, 0, 0, 1)), 4: ("Salience", (0, 1, 0, 1))}
    with pytest.raises(ValueError, match="2 labels have the name 'Salience'"):
        targeting.read_network(
            labels(folder, table=twice), "Salience", [surface(folder)]
        )


@field(KIND, "maps")
def maps(folder):
    row = np.linspace(0, 1, COUNT)
    found = targeting.read_network(
        probabilities(folder, row[None]), None, [surface(folder)]
    )
    np.testing.assert_allclose(found.at(PLACES), row, rtol=1e-6)
    with pytest.raises(ValueError, match="it has 2 maps"):
        targeting.read_network(
            probabilities(folder, np.stack([row, row])), None, [surface(folder)]
        )


@field(KIND, "values")
def values(folder):
    row = np.full(COUNT, 0.5)
    row[3] = np.nan
    found = targeting.read_network(
        probabilities(folder, row[None]), None, [surface(folder)]
    )
    assert found.at(PLACES)[3] == 0
    row[3] = 1.5
    with pytest.raises(ValueError, match=r"between 0 and 1, and these from 0\.5 to 1"):
        targeting.read_network(
            probabilities(folder, row[None]), None, [surface(folder)]
        )


@pytest.mark.parametrize(("kind", "name"), field.checks)
def test_a_field_that_is_read_or_checked_has_an_effect(tmp_path, kind, name):
    field.checks[kind, name](tmp_path)


def test_all_such_fields_are_tested():
    field.assert_complete()

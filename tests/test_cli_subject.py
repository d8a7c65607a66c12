"""Targets in MNI space, EEG positions and tensors that an m2m_ folder brings."""

import argparse
import json

import nibabel
import numpy as np
import pytest
from cli_examples import run
from heads import RADII, five_layers, pose_over, write_coil
from subject_examples import (
    ELECTRODES,
    T1,
    T1_SHAPE,
    to_mni,
    to_subject,
    world,
    write_m2m,
    write_maps,
)

from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.commands.target_structural import Places
from tmsgrad.cli.inputs import goals
from tmsgrad.cli.inputs.files import way_to_mni
from tmsgrad.cli.inputs.maps import MapChoice
from tmsgrad.cli.inputs.targets import MniPlace, TargetRequest
from tmsgrad.cli.runtime.outcome import StepWords
from tmsgrad.coils import read_poses
from tmsgrad.meshing import ball, write_msh
from tmsgrad.optimize.targeting import read_map


pytestmark = pytest.mark.usefixtures("program_settings", "undrawn")

MNI = to_mni(np.array([30.0, -20.0, 50.0]))
MNI_GRID = np.diag([4.0, 4.0, 4.0, 1.0])
MNI_GRID[:3, 3] = [-80.0, -110.0, -60.0]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with an m2m_ folder, a coil and a pose."""
    folder = tmp_path_factory.mktemp("subject")
    write_m2m(folder)
    write_coil(folder)
    np.savetxt(folder / "pose.txt", pose_over([0.2, 0.3, 1.0]).to_matsimnibs())
    return folder


def simulate(files, out, *words, head=None):
    return run(
        *("simulate", head or files / "m2m_ball", "--coil", files / "boxed.ccd"),
        *("--out", out, *words),
    )


def words(*values):
    return ",".join(f"{value:.6f}" for value in values)


def test_a_target_in_mni_space_is_that_of_the_head(files, tmp_path):
    result = simulate(
        *(files, tmp_path / "out", "--target-mni", words(*MNI), "--radius", "9"),
        *("--pose", files / "pose.txt"),
    )
    assert result.status == 0, result.err
    assert "mm in the head (nonl: Conform2MNI_nonl.nii.gz and" in result.out
    found = json.loads((tmp_path / "out" / "summary.json").read_text())["target"]
    np.testing.assert_allclose(found["centre_mm"], to_subject(MNI), atol=0.1)
    target = ball(five_layers(), to_subject(MNI) * 1e-3, 9e-3)
    assert found["tetrahedra"] == len(target.tetrahedra)
    np.testing.assert_allclose(found["mni"]["centre_mni_mm"], MNI, atol=1e-5)
    assert found["mni"]["return_error_mm"] < 0.3


def test_the_way_to_mni_space_is_that_of_the_folder(files, tmp_path):
    way = way_to_mni(str(files / "m2m_ball"))
    assert way is not None
    point = np.array([30.0, -20.0, 50.0])
    np.testing.assert_allclose(1e3 * way(point * 1e-3), MNI, atol=0.1)
    template = way_to_mni("template:9999")
    assert template is not None
    np.testing.assert_array_equal(template(point), point)
    assert way_to_mni(str(files / "boxed.ccd")) is None


def test_a_search_goes_for_a_target_in_mni_space(files, tmp_path, monkeypatch):
    targets = []

    def asked(request, _):
        targets.append(request.target)
        return argparse.Namespace(answer=dict)

    monkeypatch.setattr("tmsgrad.cli.commands.optimize.find_placement", asked)
    no_words = lambda _: StepWords()
    monkeypatch.setattr("tmsgrad.cli.commands.optimize.placement_step", no_words)
    for head in (files / "m2m_ball", files / "m2m_ball" / "ball.msh", "template:9999"):
        result = run(
            *("optimize", head, "--coil", files / "boxed.ccd", "--radius", "9"),
            *("--target-mni", words(*MNI), "--out", tmp_path / "out"),
        )
        assert result.status == 0, result.err
    for target, place in zip(targets, [to_subject(MNI)] * 2 + [MNI], strict=True):
        np.testing.assert_allclose(np.multiply(target.centre, 1e3), place, atol=0.1)
        found = target.mni.to_json()
        np.testing.assert_allclose(found["centre_mni_mm"], MNI, atol=1e-5)
        assert target.settled["target"] == pytest.approx(place.tolist(), abs=0.1)


def test_mni_targets_that_cannot_be_are_refused(files, tmp_path):
    pose = ("--pose", files / "pose.txt", "--radius", "8")
    out = tmp_path / "out"
    lone = tmp_path / "ball.msh"
    write_msh(lone, five_layers())
    result = simulate(files, out, "--target-mni", "0,0,0", *pose, head=lone)
    assert result.status == 2
    assert "nothing else shows where MNI coordinates are in it" in result.err
    result = simulate(files, out, "--target-mni", "0,0,400", *pose)
    assert result.status == 2
    assert "mm of MNI space lies outside of the map" in result.err
    result = simulate(files, out, "--target-mni", "dysforic", *pose)
    assert result.status == 2
    assert "no direct target for 'dysforic'; symptoms are" in result.err
    both = ("--target", "0,0,0", "--target-mni", "0,0,0")
    result = simulate(files, out, *both, *pose)
    assert result.status == 2
    assert "not allowed with" in result.err
    assert not out.exists()


def test_a_symptom_has_a_published_target(capsys):
    place = MniPlace.of("dysphoric", "template")
    place.describe()
    np.testing.assert_allclose(place.place, [-0.032, 0.044, 0.034], rtol=1e-12)
    assert place.to_json()["centre_mni_mm"] == [-32.0, 44.0, 34.0]
    assert "doi:10.1176/appi.ajp.2019.19090915" in place.to_json()["published"]
    assert "numbers secondary" in capsys.readouterr().out


def test_transforms_that_disagree_at_the_target_are_refused(tmp_path, files):
    folder = write_m2m(tmp_path)
    # Right nearly everywhere, so that the reader's median is small.
    spoilt = lambda x: (
        to_subject(x)
        + 30 * np.exp(-np.sum((x - MNI) ** 2, axis=-1, keepdims=True) / 2 / 15**2)
    )
    write_maps(folder / "toMNI", back=spoilt)
    pose = ("--pose", files / "pose.txt", "--radius", "8")
    words_of = ("--target-mni", words(*MNI))
    result = simulate(files, tmp_path / "out", *words_of, *pose, head=folder)
    assert result.status == 2
    assert "the transforms do not belong together" in result.err


def test_a_coil_lies_over_an_eeg_position(files, tmp_path):
    result = simulate(files, tmp_path / "out", "--eeg", "C3,cp3")
    assert result.status == 0, result.err
    pose = read_poses(tmp_path / "out" / "pose.txt").matrices()[0]
    centre, towards = (np.array(ELECTRODES[name]) for name in ("C3", "CP3"))
    up = centre / np.linalg.norm(centre)
    # The scalp's nearest node, as the mesh is coarse.
    np.testing.assert_allclose(pose[:3, 3], (1e3 * RADII[-1] + 4) * up, atol=12)
    assert np.degrees(np.arccos(-pose[:3, 2] @ up)) < 10
    assert pose[:3, 1] @ (towards - centre) > 0.9 * np.linalg.norm(towards - centre)
    result = simulate(files, tmp_path / "no", "--eeg", "C3,C9")
    assert result.status == 2
    assert "there is no EEG position 'C9'" in result.err
    result = simulate(files, tmp_path / "no", "--eeg", "C3")
    assert "'C3' must be two names" in result.err


def write_tensors(path, inside=lambda x: np.ones(x.shape[:-1], bool)):
    index = np.moveaxis(np.indices(T1_SHAPE), 0, -1)
    where = index @ T1[:3, :3].T + T1[:3, 3]
    volumes = np.zeros((*T1_SHAPE, 6), np.float32)
    volumes[inside(where)] = np.array([1.5, 0, 0, 0.4, 0, 0.4]) * 1e-3
    nibabel.save(nibabel.Nifti1Image(volumes, T1), path)


def test_the_tensor_image_of_the_folder_is_taken(tmp_path, files):
    folder = write_m2m(tmp_path)
    pose = ("--pose", files / "pose.txt", "--anisotropy", "vn")
    result = simulate(files, tmp_path / "out", *pose, head=folder)
    assert result.status == 2
    assert "DTI_coregT1_tensor.nii.gz in the m2m_ folder" in result.err
    tensors = folder / "DTI_coregT1_tensor.nii.gz"
    write_tensors(tensors)
    result = simulate(files, tmp_path / "out", *pose, head=folder)
    assert result.status == 0, result.err
    assert "white matter: 100.0% of the volume has a tensor" in result.out
    assert "DTI_coregT1_tensor.nii.gz: Fibre coherence" in result.out
    # A part of the brain only: refused, unless asked otherwise.
    write_tensors(tensors, lambda x: x[..., 0] > 25)
    result = simulate(files, tmp_path / "out", *pose, head=folder)
    assert result.status == 2
    assert "less than the 50% of `minimum_coverage`" in result.err
    more = ("--tensor-coverage", "0.1")
    assert simulate(files, tmp_path / "out", *pose, *more, head=folder).status == 0


def test_head_check_and_info_name_the_folder(files):
    assert "nothing wrong" in run("head", "check", files / "m2m_ball").out
    result = run("head", "info", files / "m2m_ball", "--json")
    assert result.status == 0
    assert "to MNI space          nonl (Conform2MNI_nonl.nii.gz and" in result.out
    assert "EEG positions         EEG10-10_UI_Jurak_2007.csv" in result.out
    assert "diffusion tensors     none" in result.out
    assert result.json["folder"]["mni"] == "nonl"


def write_bump(path, centre):
    """A map in MNI space: a bump of 9 mm about a point."""
    apart = np.sum((world((40, 46, 40), MNI_GRID) - centre) ** 2, axis=-1)
    values = np.exp(-apart / (2 * 9.0**2)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(values, MNI_GRID), path)
    return path


def test_a_map_in_mni_space_weighs_the_tissue_of_the_head(files, tmp_path):
    path = write_bump(tmp_path / "z.nii.gz", MNI)
    head = five_layers()
    common = ["--coil", "x.ccd", "--out", "x", "--target-map", path, "--map-space=mni"]
    common += ["--map-threshold=0.3", "--objective=focality", "--avoid-map", path]
    options = parser().parse_args(
        [str(word) for word in ("optimize", files / "m2m_ball", *common)]
    )
    found = TargetRequest.of(options).find(head).region
    gray = np.flatnonzero(head.tags == 2)
    there = to_mni(head.centroids[gray] * 1e3) * 1e-3
    weights = read_map(path).above(0.3).at(there) * head.volumes[gray]
    of_all = np.zeros(len(head.tags))
    of_all[found.tetrahedra] = found.weights
    scale = weights.max() / weights.sum()
    np.testing.assert_allclose(of_all[gray], weights / weights.sum(), atol=0.05 * scale)
    assert of_all.sum() == pytest.approx(of_all[gray].sum())
    # Without the way to MNI space it would be elsewhere.
    assert np.linalg.norm(found.centre * 1e3 - to_subject(MNI)) < 6
    assert np.linalg.norm(found.centre * 1e3 - MNI) > 8
    (avoided, limit) = goals.Wishes.of(options).avoid_maps[0]
    assert limit is None
    spared = avoided.region(head, "gray matter").region.tetrahedra
    assert np.isin(found.tetrahedra, spared).all()
    lone = tmp_path / "ball.msh"
    write_msh(lone, head)
    with pytest.raises(ValueError, match=r"--map-space mni: .* is no m2m_ folder"):
        MapChoice(str(path), str(lone), space="mni").region(head, "gray matter")


def test_a_map_that_says_its_space_is_not_taken_as_in_another(files, tmp_path):
    path = write_bump(tmp_path / "z.nii.gz", MNI)
    choice = lambda head, space: MapChoice(str(path), str(head), space=space)
    subject = files / "m2m_ball"
    for code, name in ((4, "MNI"), (3, "Talairach"), (5, "template")):
        image = nibabel.Nifti1Image.from_filename(path)
        image.set_sform(image.affine, code=code)
        nibabel.save(image, path)
        with pytest.raises(
            ValueError, match=rf"z\.nii\.gz: .*space {name}.*--map-space"
        ):
            choice(subject, None).volume()
        assert choice(subject, "head").volume().values.max() == pytest.approx(
            1, rel=0.1
        )
        for head, space in ((subject, "mni"), ("template:1000", None)):
            if name == "MNI":
                assert choice(head, space).volume().values.any()
                continue
            with pytest.raises(ValueError, match=rf"space {name}.*--map-space head\."):
                choice(head, space).volume()


def test_places_of_mni_space_go_into_the_head_for_streamlines(files, tmp_path):
    path = write_bump(tmp_path / "z.nii.gz", MNI)
    head = str(files / "m2m_ball")
    places = Places(head, in_mni=True, radius=9e-3)
    middle = to_subject(MNI)
    points = (middle + np.array([[0, 0, 0], [7.0, 0, 0], [14.0, 0, 0]])) * 1e-3
    of_image = places.of(str(path), "--indirect")(points)
    apart = np.linalg.norm(to_mni(points * 1e3) - MNI, axis=1)
    np.testing.assert_allclose(of_image, np.exp(-(apart**2) / (2 * 81)), atol=0.04)
    of_words = places.of(words(*MNI), "--indirect")(points)
    np.testing.assert_array_equal(of_words, [1, 1, 0])
    other = Places(str(files / "boxed.ccd"), in_mni=True, radius=9e-3)
    with pytest.raises(ValueError, match="is no m2m_ folder"):
        other.of(words(*MNI), "--indirect")

"""Files of navigation systems: what they mean, and back."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from navigation_examples import (
    INSTRUMENTS,
    TRIGGER,
    TRIGGERS,
    angles_between,
    assert_same_poses,
    brainsight,
    brainsight_row,
    data_of,
    matrix_like,
    pose_contents,
    t1_image,
)

from tmsgrad.coils import PoseList, navigation, read_poses


WRITERS = {
    "ras.xml": navigation.write_localite,
    "lps.xml": lambda path, poses: navigation.write_localite(path, poses, space="LPS"),
    "triggers.xml": lambda path, poses: navigation.write_localite(
        path, poses, triggers=True
    ),
    "v14.txt": navigation.write_brainsight,
    "v12.txt": lambda path, poses: navigation.write_brainsight(
        path, poses, version=12, form="Scanner"
    ),
    "poses.mrk": lambda path, poses: navigation.write_ant(path, poses, t1_image()),
    "poses.json": navigation.write_matsimnibs,
    "poses.npz": navigation.write_matsimnibs,
    "matrices.txt": navigation.write_matsimnibs,
    "poses.csv": navigation.write_matsimnibs,
    "poses.npy": navigation.write_matsimnibs,
}
quickly = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@quickly
@given(drawn=pose_contents(least=1))
@pytest.mark.parametrize("name", WRITERS)
def test_what_was_written_is_read_again(tmp_path, name, drawn):
    # No format keeps spaces around a name, and Brainsight's has no # before one.
    names = [each.replace("#", "").strip() or "x" for each in drawn["names"]]
    poses = PoseList.of_matrices(**(drawn | {"names": names}))
    WRITERS[name](tmp_path / name, poses)
    found = read_poses(tmp_path / name)
    if name.startswith("v1"):
        # Targets come before samples in Brainsight's files.
        order = np.argsort([group != "target" for group in poses.groups], kind="stable")
        poses = PoseList.of_matrices(
            poses.matrices()[order],
            [poses.names[i] for i in order],
            outputs=poses.outputs[order],
        )
        pulses = np.array([group == "sample" for group in found.groups], dtype=bool)
        np.testing.assert_allclose(
            found.outputs[pulses], poses.outputs[pulses], atol=1e-6
        )
    if name == "triggers.xml":
        np.testing.assert_allclose(
            found.current_rates, poses.current_rates, rtol=1e-12, atol=1e-6
        )
        np.testing.assert_allclose(found.outputs, poses.outputs, atol=1e-12)
    assert_same_poses(found, poses)
    if name not in ("poses.npy", "triggers.xml"):
        assert found.names == poses.names
    assert found.frame == "head"


@pytest.mark.parametrize("name", ["ras.xml", "v14.txt", "poses.mrk"])
def test_an_empty_list_survives(tmp_path, name):
    WRITERS[name](tmp_path / name, PoseList.of_matrices(np.zeros((0, 4, 4))))
    assert len(read_poses(tmp_path / name)) == 0


def test_localite_has_x_into_the_head_and_y_along_the_handle(tmp_path):
    ours = matrix_like()
    theirs = ours.copy()
    theirs[:3, 0], theirs[:3, 1], theirs[:3, 2] = ours[:3, 2], -ours[:3, 1], ours[:3, 0]
    assert np.linalg.det(theirs[:3, :3]) == pytest.approx(1)
    file = tmp_path / "markers.xml"
    file.write_text(INSTRUMENTS.format(space="RAS", set="true", data=data_of(theirs)))
    found = read_poses(file)
    np.testing.assert_allclose(found.matrices()[0], ours, atol=1e-13)
    assert (found.names, found.groups) == (("hotspot",), ("marker",))
    # LPS: the patient's left and back are positive, for centres and axes alike.
    theirs[:2] *= -1
    file.write_text(INSTRUMENTS.format(space="LPS", set="true", data=data_of(theirs)))
    np.testing.assert_allclose(read_poses(file).matrices()[0], ours, atol=1e-13)
    file.write_text(INSTRUMENTS.format(space="LPS", set="false", data=data_of(theirs)))
    assert (len(read_poses(file)), read_poses(file).skipped) == (0, 1)


def test_triggers_come_with_what_was_recorded(tmp_path):
    pulse = TRIGGER.format(set="true", data=data_of(matrix_like()))
    unseen = TRIGGER.format(set="false", data=data_of(np.eye(4)))
    lost = TRIGGER.format(set="true", data=data_of(np.eye(4)))
    (tmp_path / "TriggerMarkers_Coil0_1.xml").write_text(
        TRIGGERS.format(unseen + pulse + lost)
    )
    found = read_poses(tmp_path / "TriggerMarkers_Coil0_1.xml")
    assert (found.names, found.groups, found.skipped) == (("pulse 2",), ("pulse",), 2)
    assert found.current_rates.tolist() == [84e6]
    np.testing.assert_allclose(found.outputs, [0.6])
    np.testing.assert_allclose(found.times, [98.768])
    # A file that names the lists of all coils is followed.
    (tmp_path / "TriggerMarkers_Coil1_1.xml").write_text(TRIGGERS.format(pulse * 2))
    names = "".join(
        f"<fileReferencePath>../../{x}</fileReferencePath>"
        for x in ("TriggerMarkers_Coil0_1.xml", "TriggerMarkers_Coil1_1.xml")
    )
    (tmp_path / "TriggerData1.xml").write_text(
        f"<LocTMSTriggerData>{names}</LocTMSTriggerData>"
    )
    assert len(read_poses(tmp_path / "TriggerData1.xml")) == 3


def test_brainsight_has_z_out_of_the_head_and_x_reversed(tmp_path):
    ours = matrix_like()
    theirs = ours @ np.diag([-1.0, 1, -1, 1])
    file = tmp_path / "targets.txt"
    null = "\t".join(["unset"] + 12 * ["(null)"])
    file.write_text(brainsight(f"{brainsight_row('M1', theirs)}\n{null}"))
    found = read_poses(file)
    assert (found.names, found.groups, found.skipped) == (("M1",), ("target",), 1)
    np.testing.assert_allclose(found.matrices()[0], ours, atol=1e-4)
    assert found.system == "Brainsight 2.4.9, NIfTI:Scanner"


@pytest.mark.parametrize("system", ["NIfTI:Aligned", "World"])
def test_landmarks_of_the_ears_distinguish_ras_from_lps(tmp_path, system):
    file = tmp_path / "targets.txt"
    row = brainsight_row("M1", matrix_like() @ np.diag([-1.0, 1, -1, 1]))
    for sign, centre in ((1, [-40, -20, 90]), (-1, [40, 20, 90])):
        ears = f"LPA\t{-75 * sign}\t0\t0\nRPA\t{75 * sign}\t0\t0"
        file.write_text(brainsight(row, system, 7, ears))
        found = read_poses(file)
        np.testing.assert_allclose(found.matrices()[0, :3, 3], centre)
        note = "DICOM" if sign < 0 and system != "World" else "coordinates"
        assert len(found.notes) == 1
        assert note in found.notes[0]
    file.write_text(brainsight(row, system, 7))
    if system == "World":
        with pytest.raises(ValueError, match="landmarks LPA and RPA"):
            read_poses(file)
    np.testing.assert_allclose(
        read_poses(file, space="LPS").matrices()[0, :3, 3], [40, 20, 90]
    )


def test_another_frame_needs_a_transformation(tmp_path):
    file = tmp_path / "targets.txt"
    file.write_text(brainsight(brainsight_row("M1", matrix_like()), "Brainsight"))
    found = read_poses(file)
    assert found.frame == "brainsight"
    assert "NIfTI" in found.notes[0]
    with pytest.raises(ValueError, match="not in the head's"):
        navigation.write_localite(tmp_path / "x.xml", found)
    moved = matrix_like((0.1, 0.2, 0.3), (5.0, 6.0, 7.0))
    carried = found.transformed(moved)
    expected = moved @ found.matrices()[0]
    np.testing.assert_allclose(carried.matrices()[0], expected, atol=1e-12)
    navigation.write_localite(tmp_path / "x.xml", carried)


def test_softaxic_has_z_into_the_head(tmp_path):
    matrix = matrix_like()
    numbers = " ".join(
        [f'm{i}{j}="{matrix[i, j]:.6g}"' for i in range(3) for j in range(3)]
        + [f'{c}="{matrix[i, 3]:.6g}"' for i, c in enumerate("xyz")]
    )
    (tmp_path / "points.stmpx").write_text(
        f'<!DOCTYPE stmp>\n<stmp><fmpm><fmp id="P1"><fp {numbers} ts="5"/></fmp>'
        '<fmp id="P2"/></fmpm></stmp>'
    )
    found = read_poses(tmp_path / "points.stmpx")
    assert (found.names, found.skipped) == (("P1",), 1)
    np.testing.assert_allclose(found.matrices()[0, :3, 2:], matrix[:3, 2:], atol=1e-4)
    np.testing.assert_allclose(found.matrices()[0, :3, 1], matrix[:3, 0], atol=1e-5)
    turned = found.turned(np.pi / 2)
    np.testing.assert_allclose(turned.matrices()[0, :3, 0], matrix[:3, 0], atol=1e-5)


@given(drawn=pose_contents(least=1), angle=st.floats(-7, 7))
@quickly
def test_a_turn_is_about_the_coils_axis(drawn, angle):
    poses = PoseList.of_matrices(**drawn)
    there = poses.turned(angle)
    np.testing.assert_allclose(
        there.matrices()[:, :3, 2:], poses.matrices()[:, :3, 2:], atol=1e-12
    )
    assert_same_poses(there.turned(-angle), poses)


@given(
    drawn=pose_contents(least=1), noise=st.floats(0.01, 0.3), seed=st.integers(0, 99)
)
@quickly
def test_repair_is_the_nearest_rotation_and_only_on_request(drawn, noise, seed):
    poses = PoseList.of_matrices(**drawn)
    spoiled = poses.matrices()
    stretch = np.random.default_rng(seed).normal(size=(len(poses), 3, 3))
    stretch = noise / 3 * (stretch + np.swapaxes(stretch, 1, 2)) + (1 + noise) * np.eye(
        3
    )
    spoiled[:, :3, :3] = spoiled[:, :3, :3] @ stretch
    with pytest.raises(ValueError, match=r"scale|shear|reflection"):
        PoseList.of_matrices(spoiled)
    eigenvalues = np.linalg.eigvalsh(stretch)
    if eigenvalues.min() < 0.2:
        return
    repaired = PoseList.of_matrices(spoiled, repair=True)
    # A symmetric positive stretch is what polar decomposition takes off again.
    assert angles_between(repaired.matrices(), poses.matrices()).max() < 1e-3
    assert "rigid" in repaired.notes[0]


def test_a_reflection_keeps_handle_and_normal():
    matrix = matrix_like()
    mirrored = matrix @ np.diag([-1.0, 1, 1, 1])
    with pytest.raises(ValueError, match=r"pose 0 \('pose 1'\) is a reflection"):
        PoseList.of_matrices(mirrored)
    found = PoseList.of_matrices(mirrored, repair=True)
    np.testing.assert_allclose(found.matrices()[0], matrix, atol=1e-12)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda m: m * np.nan, "not finite"),
        (lambda m: m * np.inf, "not finite"),
        (lambda m: m.T, "0 0 0 1"),
        (lambda m: m * np.array([0, 1, 1, 1]), "cannot be repaired"),
        (lambda m: m * np.array([1e-9, 1e-9, 1e-9, 1]), "cannot be repaired"),
        (lambda m: m * np.array([[1e200, 1e200, 1e200, 1]]), "cannot be repaired"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_no_repair_can_mend_is_refused(spoil, words):
    for repair in (False, True):
        with pytest.raises(ValueError, match=words if repair else "pose 0"):
            PoseList.of_matrices(spoil(matrix_like()), repair=repair)


def test_a_coil_half_a_metre_away_is_refused():
    with pytest.raises(ValueError, match=r"\('far'\).*in mm\?"):
        PoseList.of_matrices(matrix_like(centre=(0, 0, 900.0)), ["far"])


def test_groups_are_selected():
    matrices = [matrix_like()] * 3
    groups = ["target", "sample", "target"]
    poses = PoseList.of_matrices(matrices, ["a", "b", "c"], groups=groups)
    assert poses.selected("target").names == ("a", "c")
    with pytest.raises(ValueError, match=r"no pulse .* sample, target"):
        poses.selected("pulse")


# The structure of the vendors' files.


def shape_of(element):
    return element.tag, sorted(element.keys()), [shape_of(each) for each in element]


def localite_file(test_data, name):
    folder = test_data / "neuronavigation/localite/Session_20120925103137328"
    return ElementTree.parse(folder / name).getroot()


def test_localite_files_are_built_as_the_vendors(test_data, tmp_path):
    poses = PoseList.of_matrices([matrix_like()] * 6)
    for name, triggers in (
        ("InstrumentMarkers/RAS_InstrumentMarker20170316160859032.xml", False),
        ("TMSTrigger/TriggerMarkers_Coil1_20210409170817799.xml", True),
    ):
        navigation.write_localite(tmp_path / "x.xml", poses, triggers=triggers)
        ours = ElementTree.parse(tmp_path / "x.xml").getroot()
        theirs = localite_file(test_data, name)
        assert (ours.tag, ours.keys()) == (theirs.tag, theirs.keys())
        assert [shape_of(each) for each in ours] == [
            shape_of(each) for each in theirs[: len(ours)]
        ]


def test_brainsight_files_are_built_as_the_vendors(test_data, tmp_path):
    folder = test_data / "neuronavigation/brainsight"
    poses = PoseList.of_matrices([matrix_like()] * 2, groups=["target", "sample"])
    for version, name in (
        (14, "niiImage_niftialigned_q_coord_v14.txt"),
        (12, "niiImage_nifticoord_gridfolder.txt"),
    ):
        form = "Aligned" if version == 14 else "Scanner"
        path = tmp_path / "x.txt"
        navigation.write_brainsight(path, poses, version=version, form=form)
        heads = [
            [line for line in each.read_text().splitlines() if line.startswith("#")]
            for each in (path, folder / name)
        ]
        ours, theirs = (
            [line for line in lines if not line.startswith(("# Created", "# Planned"))]
            for lines in heads
        )
        assert ours == theirs


def test_ant_files_are_built_as_the_vendors(test_data, tmp_path):
    file = test_data / "neuronavigation/ant/ioJson3DMarker_example_SimNIBS.mrk"
    theirs = json.loads(file.read_text())
    poses = read_poses(file)
    navigation.write_ant(tmp_path / "x.mrk", poses, t1_image(), coil="MagStim_D70")
    ours = json.loads((tmp_path / "x.mrk").read_text())
    for each in (ours, theirs):
        each["Configuration"].pop("SourceInfo")
        for marker in each["TargetMarkers"]:
            marker["CoilTarget"]["CoilInfo"].pop("Id")
            rows = marker["CoilTarget"]["CoilPose"].pop("RigidTransformMatrix4x4")
            assert np.shape(rows) == (4, 4)
    assert ours == theirs


# Every file of the vendors.


POSES_IN = {
    "ant/ioJson3DMarker_example_SimNIBS.mrk": 7,
    "brainsight/dcmimage_brainsightcoord.txt": 19,
    "brainsight/dcmimage_niftialignedcoord.txt": 19,
    "brainsight/dcmimage_worldcoord.txt": 19,
    "brainsight/niiImage_brainsightcoord.txt": 108,
    "brainsight/niiImage_niftialigned_q_coord_v14.txt": 5,
    "brainsight/niiImage_niftialignedcoord.txt": 108,
    "brainsight/niiImage_niftialignedcoord_empty.txt": 0,
    "brainsight/niiImage_niftialignedcoord_no_samples.txt": 7,
    "brainsight/niiImage_niftialignedcoord_no_targets.txt": 101,
    "brainsight/niiImage_nifticoord.txt": 108,
    "brainsight/niiImage_nifticoord_gridfolder.txt": 28,
    "brainsight/niiImage_nifticoord_largefile.txt": 1394,
    "brainsight/niiImage_niifticoord_mixedtargets.txt": 33,
    "softaxic/neuronav_coil_test.stmpx": 4,
    "*/LPS_InstrumentMarker20120925123537421.xml": 4,
    "*/LPS_InstrumentMarker20120925124022687.xml": 4,
    "*/LPS_InstrumentMarker20120925130011296.xml": 4,
    "*/RAS_InstrumentMarker20170316160859032.xml": 6,
    "*/RAS_InstrumentMarker20170403154022328.xml": 6,
    "*/TriggerData20210409152823690.xml": 0,
    "*/TriggerData20210409170557579.xml": 1052,
    "*/TriggerData20210409170640075.xml": 0,
    "*/TriggerData20210409170817799.xml": 8,
    "*/TriggerMarkers_Coil0_20210409152823690.xml": 0,
    "*/TriggerMarkers_Coil0_20210409170557579.xml": 0,
    "*/TriggerMarkers_Coil0_20210409170640075.xml": 0,
    "*/TriggerMarkers_Coil0_20210409170817799.xml": 0,
    "*/TriggerMarkers_Coil1_20210409152823690.xml": 0,
    "*/TriggerMarkers_Coil1_20210409170557579.xml": 1052,
    "*/TriggerMarkers_Coil1_20210409170640075.xml": 0,
    "*/TriggerMarkers_Coil1_20210409170817799.xml": 8,
    "*/no_pos_data_TriggerMarkers_Coil0_20200220155529299.xml": 1,
}


@pytest.mark.parametrize("name", POSES_IN)
def test_every_vendor_file_is_read(test_data, name):
    pattern = name.replace("*", "localite/*/*")
    (file,) = (test_data / "neuronavigation").glob(pattern)
    found = read_poses(file)
    assert len(found) == POSES_IN[name]
    if len(found) == 0 or found.frame != "head":
        return
    # Each coil sits outside of the brain's middle and looks into the head.
    matrices = found.matrices()
    outward = matrices[:, :3, 3] / np.linalg.norm(matrices[:, :3, 3], axis=1)[:, None]
    cosines = np.einsum("pi,pi->p", outward, matrices[:, :3, 2])
    # Three of one file's were set with the mouse, and look straight down.
    assert cosines.max() < (-0.3 if "v14" in name else -0.7)


def test_files_of_a_session_without_poses_say_so(test_data):
    folder = test_data / "neuronavigation/localite/Session_20120925103137328"
    others = [
        each
        for each in sorted(folder.rglob("*.xml"))
        if each.parent.name not in ("InstrumentMarkers", "TMSTrigger")
    ]
    assert len(others) == 26
    for file in others:
        with pytest.raises(
            (ValueError, FileNotFoundError), match=r"no coil poses|it names"
        ):
            read_poses(file)


def test_two_exports_of_one_session_agree(test_data):
    folder = test_data / "neuronavigation/brainsight"
    scanner = read_poses(folder / "niiImage_nifticoord.txt")
    assert_same_poses(read_poses(folder / "niiImage_niftialignedcoord.txt"), scanner)
    # The image's own frame against the head's: one rigid motion relates all poses.
    own = read_poses(folder / "niiImage_brainsightcoord.txt")
    motion = scanner.matrices() @ np.linalg.inv(own.matrices())
    spread = motion[:, :3, :3] - motion[:1, :3, :3]
    np.testing.assert_allclose(spread, 0, atol=5e-3)
    carried = own.transformed(
        PoseList.of_matrices(motion[5:6], frame="x").matrices()[0]
    )
    np.testing.assert_allclose(
        carried.matrices()[:, :3, 3], scanner.matrices()[:, :3, 3], atol=0.5
    )


def test_a_session_of_the_same_image_as_dicom_lies_in_the_same_frame(test_data):
    folder = test_data / "neuronavigation/brainsight"
    for name in ("dcmimage_worldcoord.txt", "dcmimage_niftialignedcoord.txt"):
        dicom = read_poses(folder / name)
        own = read_poses(folder / "dcmimage_brainsightcoord.txt")
        nifti = read_poses(folder / "niiImage_nifticoord.txt")
        nifti_own = read_poses(folder / "niiImage_brainsightcoord.txt")
        first = dicom.matrices()[3] @ np.linalg.inv(own.matrices()[3])
        second = nifti.matrices()[3] @ np.linalg.inv(nifti_own.matrices()[3])
        np.testing.assert_allclose(first[:3, :3], second[:3, :3], atol=5e-3)
        np.testing.assert_allclose(first[:3, 3], second[:3, 3], atol=0.5)

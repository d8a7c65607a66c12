from pathlib import Path

import numpy as np
import pytest

from tmsgrad.meshing import (
    FREESURFER_LABELS,
    SIMNIBS_LABELS,
    SPM_LABELS,
    TISSUE_NAMES,
    LabelTable,
    read_label_table,
)


def color_table():
    mne = pytest.importorskip("mne")
    path = Path(mne.__file__).parent / "data" / "FreeSurferColorLUT.txt"
    lines = (line.split() for line in path.read_text().splitlines())
    return {int(w[0]): w[1].lower() for w in lines if w and w[0].isdigit()}


@pytest.mark.parametrize(
    ("table", "label", "tissue"),
    [
        (SIMNIBS_LABELS, 1, "white matter"),
        (SIMNIBS_LABELS, 7, "compact bone"),
        (SPM_LABELS, 1, "gray matter"),
        (SPM_LABELS, 2, "white matter"),
        (SPM_LABELS, 5, "scalp"),
        (FREESURFER_LABELS, 41, "white matter"),
        (FREESURFER_LABELS, 1035, "gray matter"),
        (FREESURFER_LABELS, 12175, "gray matter"),
        (FREESURFER_LABELS, 142, "spongy bone"),
    ],
)
def test_presets_know_their_labels(table, label, tissue):
    assert TISSUE_NAMES[table.tags[label]] == tissue


def test_air_is_no_tissue():
    assert SPM_LABELS.tags[6] == 0
    assert FREESURFER_LABELS.tags[130] == 0
    assert all(table.tags[0] == 0 for table in (SIMNIBS_LABELS, SPM_LABELS))


def test_names_in_the_color_table_agree_with_the_tissues():
    names = color_table()
    said = {
        1: ("white-matter", "wm-hypo", "corpus_callosum", "brain-stem", "-wm-", "wm-"),
        2: ("cortex", "ctx", "thalamus", "caudate", "putamen", "hippocampus", "insula"),
        3: ("ventricle", "csf", "choroid", "lat-vent"),
        4: ("skull", "cranium", "bone", "table"),
        5: ("scalp", "epidermis", "fat", "adipose"),
        6: ("globe", "lens", "cornea", "humor"),
    }
    checked = 0
    for label, tag in FREESURFER_LABELS.tags.items():
        name = names.get(label, "")
        if label > 5000 or "non-wm" in name or "muscle" in name or "lateral" in name:
            continue
        for tissue, words in said.items():
            if any(word in name for word in words) and not name.startswith("wm-lh"):
                kind = 1 if label in range(3000, 4036) else tissue
                assert tag == kind, (label, name, tag)
                checked += 1
    assert checked > 100


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64])
def test_a_table_is_applied(kind):
    table = LabelTable("mine", {3: 2, 70: 5})
    labels = np.array([0, 3, 70, 3], kind).reshape(2, 2, 1)
    np.testing.assert_array_equal(table.apply(labels).ravel(), [0, 2, 5, 2])


def test_a_table_of_huge_labels_is_applied():
    table = LabelTable("mine", {3: 2, 1 << 40: 5})
    labels = np.array([0, 1 << 40, 3, 3], np.int64).reshape(2, 2, 1)
    np.testing.assert_array_equal(table.apply(labels).ravel(), [0, 5, 2, 2])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 12, 12], r"table `simnibs` lacks: 12 \(2 voxels\).*Write a table"),
        ([0, 2, 41, 42], r"lacks: 41 \(1 voxels\), 42.*table `freesurfer` has all"),
        ([0, 1, -1, -3], r"lacks: -3 \(1 voxels\), -1"),
    ],
)
def test_labels_that_are_not_in_the_table_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        SIMNIBS_LABELS.apply(np.array(labels).reshape(2, 2, 1))


def test_a_table_is_read_from_a_file(tmp_path):
    file = tmp_path / "table.txt"
    file.write_text(
        "# label tissue\n1 gm\n2,white matter\n3\tcompact bone # hard\n\n"
        "1000-1003 = gray_matter\n9 air\n10 5\n"
    )
    table = read_label_table(file)
    expected = {0: 0, 1: 2, 2: 1, 3: 7, 9: 0, 10: 5}
    assert table.tags == expected | dict.fromkeys(range(1000, 1004), 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the table is empty"),
        ("1 gm\n1 wm", "line 2: the label 1 occurs twice"),
        ("one gm", "line 1: 'one' is no label"),
        ("1", "line 1: there is a label, but no tissue"),
        ("1 cheese", "line 1: `tissue` is 'cheese', which is not known"),
        ("9-2 gm", "line 1: '9-2' is no range"),
        ("1 42", "line 1: `tissue` is '42'"),
    ],
)
def test_bad_files_are_refused_with_the_line(tmp_path, text, message):
    file = tmp_path / "table.txt"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_label_table(file)


def test_a_missing_file_brings_the_names_of_presets(tmp_path):
    with pytest.raises(FileNotFoundError, match="one of simnibs, spm, freesurfer"):
        read_label_table(tmp_path / "fs")


@pytest.mark.parametrize(
    ("tags", "message"), [({1: 11}, "given the tissue 11"), ({-1: 1}, "is negative")]
)
def test_impossible_tables_are_refused(tags, message):
    with pytest.raises(ValueError, match=message):
        LabelTable("mine", tags)

import numpy as np
import pytest
from cli_examples import run
from nibabel import Nifti1Image

from tmsgrad.cli.inputs.targets import MniPlace
from tmsgrad.optimize import targeting


ROW = """[[target]]
symptom = "pain"
kind = "direct"
centre = [-37, -21, 58]
name = "left motor cortex"
source = "unpublished: our own series"
evidence = "five people"
certainty = "very low"
"""


def row(**changes):
    values = {
        "symptom": "pain",
        "kind": "direct",
        "centre": (-36.0, -20.0, 58.0),
        "name": "M1",
        "source": "PMC1",
        "evidence": "five people",
    }
    return targeting.SymptomTarget(**values | changes)


def test_every_row_has_a_citation_evidence_and_what_speaks_against_it():
    for each in targeting.SYMPTOM_TARGETS:
        assert "doi:10." in each.source or "PMC" in each.source
        assert each.evidence
        assert each.against
        # None was compared with the text of its source: it says through what it is known.
        assert each.secondary
    for place in (*targeting.SEEDS.values(), *targeting.SEARCH_REGIONS.values()):
        assert "doi:10." in place.source or "PMC" in place.source


def test_targets_are_chosen_by_symptom():
    medial, lateral = targeting.symptom_targets("anxiosomatic")
    assert "but a single small trial" in medial.words
    assert "certainty very low" in lateral.words
    assert medial.centre == (0.0, 48.0, 46.0)
    assert lateral.centre == (-37.0, 22.0, 54.0)
    (seed,) = targeting.symptom_targets("depression", "indirect")
    assert targeting.SEEDS["sgACC"].centres == (seed.centre,)
    order = [
        targeting.CERTAINTIES.index(each.certainty)
        for each in targeting.symptom_targets("depression", "direct")
    ]
    assert order == sorted(order, reverse=True)
    with pytest.raises(
        ValueError, match=r"no indirect target for 'dysphoric'.*anxiosom"
    ):
        targeting.symptom_targets("dysphoric", "indirect")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "my book"}, "must hold a citation"),
        ({"kind": "both"}, "direct or indirect"),
        ({"evidence": " "}, "`evidence` of 'M1' is empty"),
        ({"certainty": "sure"}, "one of very low, low"),
        ({"centre": None}, "either `centre` or `map`"),
        ({"map": "a.nii"}, "either `centre` or `map`"),
        ({"map": "a.nii", "centre": None}, "of an indirect target"),
        ({"centre": (-0.036, 0.0, 300.0)}, "MNI mm"),
        ({"weight": 0.0}, "`weight` must be positive"),
        ({"sign": 0}, "1 or -1"),
        ({"symptom": "a:b"}, "one word"),
    ],
)
def test_rows_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        row(**changes)


def test_scores_weigh_rows_by_symptom():
    rows = [
        row(weight=3.0),
        row(name="other"),
        row(symptom="fear"),
        row(symptom="fear", kind="indirect"),
    ]
    found = targeting.weighed_targets(rows, {"pain": 2.0, "fear": 6.0})
    assert [each.share for each in found] == [0.1875, 0.0625, 0.75, 1.0]
    found = targeting.weighed_targets(rows, {"pain": 1.0, "fear": 0.0})
    assert [each.share for each in found[:2]] == [0.75, 0.25]
    with pytest.raises(ValueError, match="all are zero"):
        targeting.weighed_targets(rows, {"pain": 0.0, "fear": 0.0})
    with pytest.raises(ValueError, match="pain must be zero or more"):
        targeting.weighed_targets(rows, {"pain": np.nan, "fear": 1.0})


def test_places_become_a_map_whose_centre_is_their_mean():
    places = np.array([[-36.0, -20.0, 58.0], [20.0, 40.0, 10.0]])
    rows = [row(), row(symptom="fear", centre=tuple(places[1].tolist()))]
    weighed = targeting.weighed_targets(rows, {"pain": 1.0, "fear": 3.0})
    found = targeting.places_map(weighed, 6e-3)
    np.testing.assert_allclose(found.centre * 1e3, [0.25, 0.75] @ places, atol=1e-9)
    assert found.at(places * 1e-3) == pytest.approx([1 / 3, 1.0])
    assert targeting.farthest(weighed) * 1e3 == pytest.approx(
        np.linalg.norm(places[1] - places[0])
    )


def test_a_circuit_counts_as_much_as_a_ball_whatever_its_extent(tmp_path):
    values = np.zeros((40, 40, 40), dtype=np.float32)
    values[5:35, 5:35, 5:35] = 7.0
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -60.0, -20.0, -30.0
    Nifti1Image(values, affine).to_filename(tmp_path / "circuit.nii.gz")
    rows = [
        row(kind="indirect", centre=(40.0, -80.0, 0.0)),
        row(
            kind="indirect", centre=None, map=str(tmp_path / "circuit.nii.gz"), sign=-1
        ),
    ]
    found = targeting.circuit_map(
        targeting.weighed_targets(rows, {"pain": 1.0}), 10e-3
    ).values
    assert found.max() == 1.0
    assert found[found < 0].sum() == pytest.approx(-found[found > 0].sum())
    assert (found < -1e-9).sum() == 30**3


def test_rows_of_a_file_replace_ours_of_the_same_symptom(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(ROW + ROW.replace("pain", "anxiosomatic"))
    own = targeting.read_symptom_targets(file)
    assert own[0].centre == (-37.0, -21.0, 58.0)
    assert targeting.symptom_targets("anxiosomatic", None, own) == own[1:]
    assert len(targeting.symptom_targets("depression", "direct", own)) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "centre = [-37, -21, 58]",
            "centre = [1, 2]",
            "target 1: centre must be three",
        ),
        ("centre = [-37, -21, 58]", 'map = "none.nii"', "none.nii: there is no such"),
        ("certainty", "certain", "no key 'certain'; keys are symptom"),
        ('certainty = "very low"', "", "target 1: certainty missing"),
        ('name = "left motor cortex"', "name = 3", "name cannot be 3"),
        ("unpublished: ", "", "target 1: `source` of"),
        ("[[target]]", "[target]", r"write a table \[\[target\]\]"),
        ("kind", "kind =", "this is no TOML file"),
    ],
)
def test_files_that_are_wrong_are_refused(tmp_path, old, new, message):
    file = tmp_path / "own.toml"
    file.write_text(ROW.replace(old, new))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        targeting.read_symptom_targets(file)


def test_the_command_line_takes_one_of_several_places(tmp_path, capsys):
    file = tmp_path / "own.toml"
    file.write_text(ROW)
    MniPlace.of("depression:2", "template").describe()
    shown = capsys.readouterr().out
    assert "Weigand" in shown
    assert "another        depression:1 at MNI (-38, 44, 26) mm" in shown
    own = MniPlace.of("pain", "template", str(file))
    assert own.to_json()["centre_mni_mm"] == [-37.0, -21.0, 58.0]
    for given, source, message in (
        ("depression:4", None, "depression:1 to depression:3"),
        ("pain:0", str(file), "write pain:1[.]"),
        ("pain", None, "no direct target for 'pain'"),
        ((1.0, 2.0, 3.0), str(file), "--symptoms-file needs"),
    ):
        with pytest.raises(ValueError, match=message):
            MniPlace.of(given, "template", source)


def test_scores_make_a_map_and_a_seed(tmp_path):
    out = tmp_path / "target"
    words = ("target", "symptoms", "--out", out, "--json")
    result = run(*words, "--score", "depression=2", "--score", "anxiosomatic=1")
    assert result.status == 0, result.err
    assert "no coil reaches all of them" in result.err
    answer = result.json
    shares = [each["share"] for each in answer["targets"]]
    assert shares == pytest.approx([2 / 9, 2 / 9, 2 / 9, 1 / 6, 1 / 6, 1.0])
    assert answer["targets"][-1]["centre_mni_mm"] == [6.0, 16.0, -10.0]
    places = targeting.read_map(out / "target.nii.gz")
    of_table = [targeting.symptom_targets("anxiosomatic")[0].centre]
    assert places.at(np.array(of_table) * 1e-3) > 0
    seed = targeting.read_map(out / "seed.nii.gz")
    np.testing.assert_allclose(seed.centre, [6e-3, 16e-3, -10e-3], atol=1e-9)
    for scores, message in (
        (("--score", "pain=3"), "no published target for 'pain'"),
        (("--score", "depression=0"), "all are zero"),
        (("--score", "depression"), "no score such as dysphoric=18"),
        (("--score", "depression=1", "--score", "depression=2"), "given twice"),
    ):
        result = run(*words[:2], *scores, "--out", tmp_path / "none")
        assert result.status == 2
        assert message in result.err
    assert not (tmp_path / "none").exists()

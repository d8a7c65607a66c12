import pytest

from tmsgrad.optimize import targeting


def test_every_row_has_a_citation_and_evidence():
    for row in targeting.SYMPTOM_TARGETS:
        assert "doi:10." in row.source or "PMC" in row.source
        assert row.evidence
    for place in (*targeting.SEEDS.values(), *targeting.SEARCH_REGIONS.values()):
        assert "doi:10." in place.source or "PMC" in place.source


def test_targets_are_chosen_by_symptom():
    (found,) = targeting.symptom_targets("anxiosomatic")
    assert "but a review has it more medial" in found.words
    assert found.centre[1] < targeting.symptom_targets("dysphoric")[0].centre[1]
    (seed,) = targeting.symptom_targets("depression", "indirect")
    assert targeting.SEEDS["sgACC"].centres == (seed.centre,)
    with pytest.raises(
        ValueError, match=r"no indirect target for 'dysphoric'.*anxiosom"
    ):
        targeting.symptom_targets("dysphoric", "indirect")
    with pytest.raises(ValueError, match="must hold a citation"):
        targeting.SymptomTarget("x", "direct", (0.0, 0.0, 0.0), "y", "my book", "none")

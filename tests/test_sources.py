"""Every published number that the project carries names its source, and how it was read."""

import re

import pytest

from tmsgrad.optimize import targeting
from tmsgrad.optimize.dosing import rules, safety


CITED = re.compile(r"doi:10\.\d+/\S+|PMC\d+")
READ = re.compile(r"not checked|abstract|secondary|was read", re.IGNORECASE)


@pytest.mark.parametrize("row", targeting.SYMPTOM_TARGETS, ids=lambda x: x.name)
def test_targets_by_symptom_say_what_of_their_source_was_read(row):
    assert CITED.search(row.source)
    assert READ.search(row.secondary)
    assert row.against


@pytest.mark.parametrize(
    "place",
    [*targeting.SEEDS.values(), *targeting.SEARCH_REGIONS.values()],
    ids=lambda x: x.name,
)
def test_seeds_and_regions_say_whether_they_were_checked(place):
    assert CITED.search(place.source)
    assert place.checked or "not checked" in place.source


@pytest.mark.parametrize("source", [safety.SOURCE, safety.INTERVAL_SOURCE])
def test_safety_tables_say_what_was_read(source):
    assert CITED.search(source)
    assert READ.search(source)


def test_factors_and_slopes_of_a_dose_say_where_they_are_from():
    words = rules.fixed.__doc__ or ""
    assert len(CITED.findall(words)) == 2
    assert READ.search(words)
    assert rules.STOKES_2005 == 30.0
    assert rules.STOKES_2007 == 28.0

"""Published targets by symptom. A row without a citation is no row.

What of a source was read, and how sure a row is, stands in each row; the grades are ours.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


CERTAINTIES = ("very low", "low", "moderate", "high")
_CITED = re.compile(r"doi:10\.\d+/\S+|PMC\d+|^unpublished: \S")


@dataclass(frozen=True)
class SymptomTarget:
    """A place, or a circuit, that was related to a symptom or to the response to treatment.

    Attributes:
        symptom: By which it is chosen.
        kind: `direct`, cortex to stimulate, or `indirect`, a seed whose network to reach.
        centre: MNI coordinates; None where a map says more. [mm]
        name: Of the place.
        source: Citation with DOI or PMC number, or `unpublished: ` and whose it is.
        evidence: What kind of study says so.
        certainty: That stimulating there treats this symptom: one of `CERTAINTIES`.
        secondary: Through which literature the numbers are known; empty where they were
            compared with the source.
        against: What speaks against the place, or for another; may be empty.
        map: Image in MNI space, of an indirect target only: a circuit or a lesion map.
        weight: Beside other rows of the same symptom and kind.
        sign: 1 where cortex that is anticorrelated with it is to be stimulated, as with the
            subgenual cingulate; -1 where correlated cortex is, as of many circuit maps.

    Raises:
        ValueError: One of these is out of its range.
    """

    symptom: str
    kind: str
    centre: tuple[float, float, float] | None
    name: str
    source: str
    evidence: str
    certainty: str = "very low"
    secondary: str = ""
    against: str = ""
    map: str = ""
    weight: float = 1.0
    sign: int = 1

    def __post_init__(self):
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        """What is wrong with the values, as sentences."""
        if self.kind not in ("direct", "indirect"):
            yield f"`kind` must be direct or indirect, got {self.kind!r}."
        if not re.search(_CITED, self.source):
            yield (
                f"`source` of {self.name!r} must hold a citation with a DOI (doi:10.…) or "
                f"PMC number, or begin with 'unpublished: ', got {self.source!r}."
            )
        for name in ("symptom", "name", "evidence"):
            if not getattr(self, name).strip():
                yield f"`{name}` of {self.name or self.symptom!r} is empty."
        if re.search(r"[:=,\s]", self.symptom):
            yield f"`symptom` must be one word without : = or comma, got {self.symptom!r}."
        if self.certainty not in CERTAINTIES:
            known = ", ".join(CERTAINTIES)
            yield f"`certainty` must be one of {known}; got {self.certainty!r}."
        if (self.centre is None) != bool(self.map):
            yield f"{self.name!r} needs either `centre` or `map`, and not both."
        if self.map and self.kind != "indirect":
            yield f"`map` of {self.name!r} is of an indirect target; got {self.kind!r}."
        if self.centre is not None and not all(-130 <= x <= 110 for x in self.centre):
            yield f"`centre` must be in MNI mm, got {self.centre!r}."
        if not 0 < self.weight < float("inf"):
            yield f"`weight` must be positive, got {self.weight!r}."
        if self.sign not in (1, -1):
            yield f"`sign` must be 1 or -1, got {self.sign!r}."

    @property
    def words(self) -> str:
        """The place, where it was published, and what supports it."""
        doubt = f"; numbers secondary: {self.secondary}" if self.secondary else ""
        but = f"; but {self.against}" if self.against else ""
        about = f"{self.source} ({self.evidence}; certainty {self.certainty})"
        return f"{self.name} for {self.symptom}: {about}{doubt}{but}"


_SIDDIQI = "Siddiqi et al. 2020, doi:10.1176/appi.ajp.2019.19090915"
_CIRCUITS = (
    "retrospective, two cohorts (30 and 81 with active TMS), replicated, not randomised"
)
_TRIAL = (
    "'Symptom-specific brain circuit stimulation: a head-to-head randomized trial', "
    "preprint, doi:10.21203/rs.3.rs-4791291/v1"
)
_FOX = "Fox et al. 2012, doi:10.1016/j.biopsych.2012.04.028"
_ABSTRACT = "the abstract was read, which has no coordinates; they are those quoted in "
_QUOTED = (
    _ABSTRACT + "later literature and program code, and not compared with the text"
)
_DYSPHORIC = (-32.0, 44.0, 34.0)
_OF_TRIAL = (
    "a randomised trial (40 people with depression and anxiety, 36 of them counted) moved "
    "anxiety and depression apart, as expected, mostly by what it did to anxiety with the "
    "other target"
)
_NO_DIFFERENCE = (
    "a randomised trial of 169 people found similar responses to lateral and medial "
    "prefrontal stimulation by other coils, 61% and 64% (doi:10.1172/jci.insight.165271)"
)
_PROSPECTIVE = (
    "a prospective study of 66 people at several sites found no relation between response "
    "and the normative connectivity of the stimulated place with the subgenual cingulate, "
    "r = 0.1 (doi:10.1038/s41380-025-03153-3, abstract)"
)

SYMPTOM_TARGETS = (
    SymptomTarget(
        *("dysphoric", "direct", _DYSPHORIC),
        "peak of the dysphoric circuit in left prefrontal cortex",
        *(_SIDDIQI, _CIRCUITS, "low", _QUOTED),
        against=f"{_OF_TRIAL}; {_NO_DIFFERENCE}",
    ),
    # "Sadness and anhedonia" responded best to one circuit (abstract of the source).
    SymptomTarget(
        *("anhedonic", "direct", _DYSPHORIC),
        "peak of the dysphoric circuit in left prefrontal cortex",
        *(_SIDDIQI, _CIRCUITS, "very low", _QUOTED),
        against="the source finds it for a group of symptoms, not for anhedonia alone",
    ),
    SymptomTarget(
        *("anxiosomatic", "direct", (0.0, 48.0, 46.0)),
        "dorsomedial prefrontal cortex, as in the trial of two targets",
        *(_TRIAL, "randomised, 40 people, 36 counted, of whom 20 had this target"),
        *("low", _QUOTED),
        against="a single small trial, against another target and not against sham; "
        f"{_NO_DIFFERENCE}",
    ),
    SymptomTarget(
        *("anxiosomatic", "direct", (-37.0, 22.0, 54.0)),
        "peak of the anxiosomatic circuit in left prefrontal cortex",
        *(_SIDDIQI, _CIRCUITS, "very low", _QUOTED),
        against="a review has it more medial and posterior, in area 8 (secondary), and "
        "the trial stimulated dorsomedial prefrontal cortex instead",
    ),
    SymptomTarget(
        *("depression", "direct", (-38.0, 44.0, 26.0)),
        "left prefrontal place most anticorrelated with the subgenual cingulate",
        *(_FOX, "retrospective, between published sites; 98 healthy people", "low"),
        _QUOTED,
        against="another seed map gives (-44, 38, 34) in the same paper, as quoted; "
        f"{_PROSPECTIVE}; a group's place is not a person's",
    ),
    SymptomTarget(
        *("depression", "direct", (-42.0, 44.0, 30.0)),
        "left prefrontal place of a later and larger connectome",
        "Weigand et al. 2018, doi:10.1016/j.biopsych.2017.10.028",
        "between sites of 25 and 16 people of earlier trials, not randomised",
        "low",
        "the numbers are those quoted in later literature and program code; nothing of "
        "the paper was read",
        against=f"{_PROSPECTIVE}; a group's place is not a person's",
    ),
    SymptomTarget(
        *("depression", "direct", (-44.0, 40.0, 29.0)),
        "middle of Brodmann area 46, left, one of the sites that were compared",
        _FOX,
        "chosen before, no optimum; retrospective, between published sites",
        *("very low", _QUOTED),
        against="it was a candidate and is no optimum, as the rows before are; "
        f"{_PROSPECTIVE}",
    ),
    SymptomTarget(
        *("depression", "indirect", (6.0, 16.0, -10.0)),
        "subgenual cingulate",
        *(_FOX, "retrospective, between published sites", "low", _QUOTED),
        against="the signal of images is weak there, and other seeds and circuits of the "
        f"same cohort predict responses too; {_PROSPECTIVE}",
    ),
)


def symptom_targets(
    symptom: str,
    kind: str | None = None,
    own: Sequence[SymptomTarget] = (),
) -> tuple[SymptomTarget, ...]:
    """Choose published targets by symptom.

    Args:
        symptom: Such as `dysphoric`.
        kind: `direct`, `indirect`, or None for both.
        own: Rows of the user's, which take the place of ours of the same symptom and kind.

    Raises:
        ValueError: The table has none.
    """
    replaced = {(row.symptom, row.kind) for row in own}
    rows = (
        *own,
        *(row for row in SYMPTOM_TARGETS if (row.symptom, row.kind) not in replaced),
    )
    found = tuple(
        row for row in rows if row.symptom == symptom and kind in (None, row.kind)
    )
    if not found:
        known = ", ".join(sorted({row.symptom for row in rows}))
        raise ValueError(
            f"there is no {kind or 'published'} target for {symptom!r}; symptoms are "
            f"{known}."
        )
    return found

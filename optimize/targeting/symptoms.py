"""Published targets by symptom. A row without a citation is no row.

Coordinates that we have not compared with the original are marked so; check them before
you rely on them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SymptomTarget:
    """A place that was related to a symptom or to the response to treatment.

    Attributes:
        symptom: By which it is chosen.
        kind: `direct`, cortex to stimulate, or `indirect`, a seed whose network to reach.
        centre: MNI coordinates. [mm]
        name: Of the place.
        source: Citation with DOI or PMC number.
        evidence: What kind of study says so.
        checked: Whether we compared the coordinates with the source.
        against: What speaks against the place, or for another; empty where we know nothing.
    """

    symptom: str
    kind: str
    centre: tuple[float, float, float]
    name: str
    source: str
    evidence: str
    checked: bool = False
    against: str = ""

    def __post_init__(self):
        if self.kind not in ("direct", "indirect"):
            raise ValueError(f"`kind` must be direct or indirect, got {self.kind!r}.")
        if "doi:" not in self.source and "PMC" not in self.source:
            raise ValueError(
                f"`source` of {self.name!r} must hold a citation with a DOI or PMC number, "
                f"got {self.source!r}."
            )
        if not all(-100 <= x <= 100 for x in self.centre):
            raise ValueError(f"`centre` must be in MNI mm, got {self.centre!r}.")

    @property
    def words(self) -> str:
        """The place, where it was published, and what supports it."""
        doubt = "" if self.checked else "; coordinates as quoted, not checked"
        but = f"; but {self.against}" if self.against else ""
        about = f"{self.source} ({self.evidence}){doubt}{but}"
        return f"{self.name} for {self.symptom}: {about}"


_SIDDIQI = "Siddiqi et al. 2020, doi:10.1176/appi.ajp.2019.19090915"
_CIRCUITS = (
    "retrospective, two cohorts (30 and 81 with active TMS), replicated, not randomised"
)

SYMPTOM_TARGETS = (
    SymptomTarget(
        "dysphoric",
        "direct",
        (-32.0, 44.0, 34.0),
        "peak of the dysphoric circuit in left prefrontal cortex",
        _SIDDIQI,
        _CIRCUITS,
    ),
    # "Sadness and anhedonia" responded best to one circuit (abstract of the source).
    SymptomTarget(
        "anhedonic",
        "direct",
        (-32.0, 44.0, 34.0),
        "peak of the dysphoric circuit in left prefrontal cortex",
        _SIDDIQI,
        _CIRCUITS,
    ),
    SymptomTarget(
        "anxiosomatic",
        "direct",
        (-37.0, 22.0, 54.0),
        "peak of the anxiosomatic circuit in left prefrontal cortex",
        _SIDDIQI,
        _CIRCUITS,
        against="a review has it more medial and posterior, in area 8, and a trial head to "
        "head stimulated dorsomedial prefrontal cortex at (0, 48, 46) (secondary)",
    ),
    SymptomTarget(
        "depression",
        "indirect",
        (6.0, 16.0, -10.0),
        "subgenual cingulate",
        "Fox et al. 2012, doi:10.1016/j.biopsych.2012.04.028",
        "retrospective, between published sites",
    ),
    SymptomTarget(
        "depression",
        "direct",
        (-44.0, 40.0, 29.0),
        "middle of Brodmann area 46, left, one of the sites that were compared",
        "Fox et al. 2012, doi:10.1016/j.biopsych.2012.04.028",
        "chosen before, no optimum; retrospective, between published sites",
        against="optima are quoted at (-38, 44, 26), and of Weigand et al. at "
        "(-42, 44, 30) (secondary)",
    ),
)


def symptom_targets(symptom: str, kind: str | None = None) -> tuple[SymptomTarget, ...]:
    """Choose published targets by symptom.

    Args:
        symptom: Such as `dysphoric`.
        kind: `direct`, `indirect`, or None for both.

    Raises:
        ValueError: The table has none.
    """
    found = tuple(
        row
        for row in SYMPTOM_TARGETS
        if row.symptom == symptom and kind in (None, row.kind)
    )
    if not found:
        known = ", ".join(sorted({row.symptom for row in SYMPTOM_TARGETS}))
        raise ValueError(
            f"there is no {kind or 'published'} target for {symptom!r}; symptoms are "
            f"{known}."
        )
    return found

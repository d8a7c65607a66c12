"""`tmsgrad target symptoms`: published targets, weighed by symptom scores."""

import argparse

from ...disk.as_json import write_json
from ...optimize import targeting
from ...optimize.targeting import SymptomTarget
from ..inputs.symptoms import own_targets
from ..results.symptoms_result import SymptomsResult
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_REACH = 30e-3  # Apart, places do not share the field of a figure-of-eight coil. [m]


def target_symptoms(options: argparse.Namespace) -> Outcome:
    """Weigh published targets by symptom scores, and write them as maps."""
    scores = _scores(options.score)
    rows = _rows(scores, own_targets(options.symptoms_file))
    try:
        weighed = targeting.weighed_targets(rows, scores)
    except ValueError as error:
        raise ValueError(f"--score: {error}") from None
    radius = options.radius * 1e-3
    kinds = {each.row.kind for each in weighed}
    makers = {"direct": targeting.places_map, "indirect": targeting.circuit_map}
    maps = {
        kind: make(weighed, radius) for kind, make in makers.items() if kind in kinds
    }
    apart = targeting.farthest(weighed)
    if apart > _REACH:
        warn(
            f"the places are up to {apart * 1e3:.0f} mm apart: no coil reaches all of them "
            "at once. One placement for all is a compromise; plan each by --target-mni "
            "SYMPTOM as well, and compare."
        )
    with output_folder(options.out) as folder:
        result = SymptomsResult(
            scores, weighed, maps, radius, apart, Provenance.of(options)
        )
        write_json(folder / "target.json", result.to_json())
        result.write_maps(folder)
    result.describe(options.out)
    return Outcome(result.to_json(), result.step())


def _scores(given: list[tuple[str, float]]) -> dict[str, float]:
    scores = dict(given)
    if len(scores) < len(given):
        raise ValueError("--score: a symptom is given twice.")
    return scores


def _rows(
    scores: dict[str, float], own: tuple[SymptomTarget, ...]
) -> list[SymptomTarget]:
    """All rows of the symptoms that are scored."""
    try:
        return [
            row for name in scores for row in targeting.symptom_targets(name, None, own)
        ]
    except ValueError as error:
        raise ValueError(f"--score: {error}") from None

"""Symptom targets of the user's, in a TOML file.

[[target]]
symptom = "anxiosomatic"
kind = "direct"
centre = [0, 48, 46]
name = "dorsomedial prefrontal cortex"
source = "..., doi:10...."
evidence = "randomised, 40 people"
certainty = "low"
"""

import os
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path

from ...disk import read_text
from .symptoms import SymptomTarget


_FIELDS = {each.name: each for each in fields(SymptomTarget)}
_TEXTS = ("symptom", "kind", "name", "source", "evidence", "certainty", "secondary")
_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys((*_TEXTS, "against", "map"), str),
    "centre": list,
    "weight": (int, float),
    "sign": int,
}


def read_symptom_targets(path: str | os.PathLike[str]) -> tuple[SymptomTarget, ...]:
    """Read rows of symptom targets.

    Args:
        path: TOML file of tables `[[target]]`, whose keys are the attributes of
            `SymptomTarget`, `centre` in MNI mm; a `map` is looked for beside the file.

    Raises:
        OSError: The file cannot be read, or a map is missing.
        ValueError: It is no such file; the message names the row and what to write.
    """
    file = Path(path)
    try:
        content = tomllib.loads(read_text(file))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"{file}: this is no TOML file ({error}).") from None
    rows = content.get("target")
    if set(content) != {"target"} or not isinstance(rows, list) or not rows:
        raise ValueError(
            f"{file}: write a table [[target]] for each row, and nothing else; found "
            f"{', '.join(content) or 'nothing'}."
        )
    return tuple(_row(file, number, row) for number, row in enumerate(rows, 1))


def _row(file: Path, number: int, row: object) -> SymptomTarget:
    """One row, with the place of its map made absolute by the file's."""
    where = f"{file}: target {number}"
    if not isinstance(row, dict):
        raise ValueError(f"{where}: write [[target]], with two brackets.")
    for key, value in row.items():
        if key not in _KINDS:
            raise ValueError(
                f"{where}: there is no key {key!r}; keys are {', '.join(_KINDS)}."
            )
        if not isinstance(value, _KINDS[key]) or isinstance(value, bool):
            raise ValueError(f"{where}: {key} cannot be {value!r}.")
    needed = {name for name, each in _FIELDS.items() if each.default is MISSING}
    needed = (needed | {"certainty"}) - {"centre"}
    missing = sorted(needed - set(row))
    if missing:
        raise ValueError(f"{where}: {', '.join(missing)} missing.")
    values = {"centre": None, **row, "weight": float(row.get("weight", 1.0))}
    if "centre" in row:
        values["centre"] = _point(where, row["centre"])
    if "map" in row:
        image = file.parent / row["map"]
        if not image.is_file():
            raise FileNotFoundError(f"{where}: {image}: there is no such file.")
        values["map"] = str(image)
    try:
        return SymptomTarget(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _point(where: str, values: list) -> tuple[float, float, float]:
    numbers = [x for x in values if isinstance(x, int | float) and type(x) is not bool]
    if len(values) != 3 or len(numbers) != 3:
        raise ValueError(f"{where}: centre must be three numbers, got {values!r}.")
    x, y, z = map(float, numbers)
    return x, y, z

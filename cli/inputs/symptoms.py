"""Targets by symptom, as the command line names them."""

from dataclasses import dataclass

from ...optimize.targeting import (
    SymptomTarget,
    read_symptom_targets,
    symptom_targets,
)


@dataclass(frozen=True)
class PublishedPlace:
    """One of the published places for a symptom.

    Attributes:
        row: That one.
        others: The other ones, in words with their coordinates.
    """

    row: SymptomTarget
    others: tuple[str, ...]

    @property
    def centre(self) -> tuple[float, float, float]:
        """In MNI space. [mm]"""
        assert self.row.centre is not None, "a direct target is a place"
        return self.row.centre

    @property
    def words(self) -> str:
        """The place, its source and what supports it."""
        return self.row.words

    @classmethod
    def of(cls, given: str, file: str | None) -> "PublishedPlace":
        """Choose it.

        Args:
            given: A symptom, or `symptom:2` for the second of its places.
            file: Of the user's own targets, or None.

        Raises:
            ValueError: There is no such symptom, or it has fewer places.
            OSError: The file cannot be read.
        """
        symptom, _, word = given.partition(":")
        try:
            rows = symptom_targets(symptom, "direct", own_targets(file))
        except ValueError as error:
            raise ValueError(f"--target-mni: {error}") from None
        if word and not (word.isdigit() and 1 <= int(word) <= len(rows)):
            raise ValueError(
                f"--target-mni {given}: {symptom} has {len(rows)} published places: write "
                f"{symptom}:1{'' if len(rows) == 1 else f' to {symptom}:{len(rows)}'}."
            )
        chosen = int(word or 1) - 1
        others = (
            f"{symptom}:{number + 1} at MNI {_at(row)} mm, {row.name} "
            f"(certainty {row.certainty})"
            for number, row in enumerate(rows)
            if number != chosen
        )
        return cls(rows[chosen], tuple(others))


def own_targets(file: str | None) -> tuple[SymptomTarget, ...]:
    """Read the user's own targets by symptom; without a file there are none.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.
    """
    return () if file is None else read_symptom_targets(file)


def _at(row: SymptomTarget) -> str:
    return f"({', '.join(f'{x:g}' for x in row.centre or ())})"

"""What a command gives back to the program: its answer, and its words for a plan's page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Protocol, runtime_checkable


RESEARCH = "for research use only; no medical device"


@runtime_checkable
class Result(Protocol):
    """What a command found; the program prints it."""

    def describe(self) -> None:
        """Print it."""
        ...

    def to_json(self) -> dict:
        """For `--json`."""
        ...


@dataclass(frozen=True)
class StepWords:
    """A finished command in words, as a step of a plan.

    Attributes:
        title: What is decided: target, placement, dose, timing or files.
        chosen: What was.
        evidence: What that rests on.
        uncertainty: How sure it is.
    """

    title: str = "Files"
    chosen: str = ""
    evidence: str = ""
    uncertainty: str = ""

    @classmethod
    def from_json(cls, content: Mapping[str, object]) -> "StepWords":
        """Take it from what `to_json` gave.

        Raises:
            KeyError: It is not from there.
        """
        return cls(*(str(content[each.name]) for each in fields(cls)))

    def to_json(self) -> dict[str, str]:
        """For a record."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What a command gives back.

    Attributes:
        answer: What `--json` prints.
        step: In words.
    """

    answer: dict
    step: StepWords = StepWords()

    @property
    def failed(self) -> bool:
        """Whether a check of the command failed."""
        return bool(self.answer.get("failed"))

"""Checks: what is compared, how far it may be apart, and what was found.

A check states its limit before it is run. Limits of accuracy are within three times of what
is measured, so that a loss shows. Where two ways must agree but for rounding the limit has
more room, as rounding depends on the processor.
"""

import abc
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar


T = TypeVar("T")

_SLACK = 3.0  # Between a limit of accuracy and what is measured.
_SLACK_OF_ROUNDING = 1000.0

# Where the repository and the source archive have them; the wheel goes without.
_REFERENCES = Path(__file__).resolve().parents[1] / "tests" / "data" / "references"


class NotHereError(Exception):
    """What a check needs is not on this machine; the message says what."""


@dataclass(frozen=True)
class AbstractLimit(abc.ABC):
    """What a measured number must keep.

    Attributes:
        value: The limit.
    """

    value: float

    @abc.abstractmethod
    def holds(self, measured: float) -> bool:
        """Check whether a number keeps the limit; NaN never does."""

    @abc.abstractmethod
    def slack(self, measured: float) -> float:
        """How many times what is measured the limit allows."""


@dataclass(frozen=True)
class AtMost(AbstractLimit):
    """An error that may not be larger."""

    def holds(self, measured: float) -> bool:
        """Check whether it is not larger."""
        return measured <= self.value

    def slack(self, measured: float) -> float:
        """The limit over the error."""
        return self.value / measured if measured else float("inf")

    def __str__(self) -> str:
        return f"≤ {self.value:.3g}"


@dataclass(frozen=True)
class AtLeast(AbstractLimit):
    """A quality, such as an order of convergence, that may not be smaller."""

    def holds(self, measured: float) -> bool:
        """Check whether it is not smaller."""
        return measured >= self.value

    def slack(self, measured: float) -> float:
        """The quality over the limit."""
        return measured / self.value

    def __str__(self) -> str:
        return f"≥ {self.value:.3g}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Check:
    """One comparison.

    Attributes:
        name: Unique, for tables and for `Suite.named`.
        group: `sphere`, `charges`, `simnibs` or `self`.
        compares: What with what, in words.
        limit: Stated beforehand.
        measure: Finds the number; studies that serve several checks are shared by
            `Workbench.once`.
        unit: Of the number, empty where it has none.
        rounding: Whether only rounding may lie between.
        quick: Whether it is among the quick ones.
    """

    name: str
    group: str
    compares: str
    limit: AbstractLimit
    measure: Callable[["Workbench"], float]
    unit: str = ""
    rounding: bool = False
    quick: bool = False

    def fits(self, measured: float) -> bool:
        """Check whether the limit is as near to what is measured as it should be."""
        allowed = _SLACK_OF_ROUNDING if self.rounding else _SLACK
        exact = self.rounding and measured == 0
        return exact or self.limit.slack(measured) <= allowed


class Verdict(Enum):
    """How a check ended."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Outcome:
    """What became of a check.

    Attributes:
        name: Of the check.
        group: Of the check.
        compares: What with what.
        measured: The number, None where there is none.
        limit: In words.
        unit: Of both.
        verdict: Whether it holds.
        seconds: It took, with what it was first to need.
        note: Why it was not run, or the error it met.
    """

    name: str
    group: str
    compares: str
    measured: float | None
    limit: str
    unit: str
    verdict: Verdict
    seconds: float
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "verdict": self.verdict.value}


@dataclass(eq=False)
class Workbench:
    """What checks of one run share.

    Attributes:
        data: A folder with large references, laid out as the tests' data, or None.
        progress: Called with what is being done.
        pictures: What studies leave for the report, by name.
    """

    data: Any = None
    progress: Callable[[str], None] = lambda what: None
    pictures: dict[str, Any] = field(default_factory=dict)
    _known: dict[Any, Any] = field(default_factory=dict)

    def once(self, make: Callable[..., T], *arguments) -> T:
        """Make a study, or return it where another check has made it.

        Studies should return numbers, not heads: they are kept until the end. One that
        failed fails again at once.
        """
        key = (make, arguments)
        if key not in self._known:
            try:
                self._known[key] = True, make(self, *arguments)
            except Exception as error:
                self._known[key] = False, error
        made, result = self._known[key]
        if not made:
            raise result
        return result

    def references(self) -> Path:
        """Return the folder with SimNIBS' fields on the template head.

        Raises:
            NotHereError: It is neither in `data` nor in the repository.
        """
        given = () if self.data is None else (Path(self.data) / "references",)
        for folder in (*given, _REFERENCES):
            if (folder / "template_simnibs45.npz").is_file():
                return folder
        raise NotHereError(
            "the template head's references (6 MB) are in tmsgrad's repository and source "
            "archive, not in what pip installs; name their folder tests/data by --data"
        )

    def folder(self):
        """Return the folder with the New York head's references.

        Raises:
            NotHereError: No such folder was given.
        """
        if self.data is None or not (Path(self.data) / "simnibs_reference").is_dir():
            raise NotHereError(
                "the New York head's references are not part of tmsgrad; name their "
                "folder by --data or TMSGRAD_TEST_DATA"
            )
        return self.data


def run(
    checks: Sequence[Check],
    bench: Workbench,
    report: Callable[[Outcome, int], None] = lambda outcome, number: None,
) -> list[Outcome]:
    """Run checks one after the other; an error of one is its verdict, not the end.

    Args:
        checks: Which.
        bench: What they share.
        report: Called with each outcome and its number, from 1.
    """
    outcomes = []
    for check in checks:
        bench.progress(check.name)
        outcomes.append(_run(check, bench))
        report(outcomes[-1], len(outcomes))
    return outcomes


def all_hold(outcomes: Iterable[Outcome]) -> bool:
    """Check whether none fails and at least one holds."""
    verdicts = [outcome.verdict for outcome in outcomes]
    return Verdict.FAILS not in verdicts and Verdict.HOLDS in verdicts


def _run(check: Check, bench: Workbench) -> Outcome:
    begin, measured, note = time.perf_counter(), None, ""
    try:
        measured = float(check.measure(bench))
        verdict = Verdict.HOLDS if check.limit.holds(measured) else Verdict.FAILS
    except NotHereError as missing:
        verdict, note = Verdict.NOT_RUN, str(missing)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        verdict = Verdict.FAILS
        note = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
    return Outcome(
        check.name,
        check.group,
        check.compares,
        measured,
        str(check.limit),
        check.unit,
        verdict,
        round(time.perf_counter() - begin, 3),
        note,
    )

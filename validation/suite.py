"""All checks by group, and what a run of them leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import charge_checks, self_checks, simnibs_checks, sphere_checks
from .checks import Check, Outcome, Workbench, all_hold
from .environment import environment


GROUPS = ("sphere", "charges", "simnibs", "self")
_MODULES = {
    "sphere": sphere_checks,
    "charges": charge_checks,
    "simnibs": simnibs_checks,
    "self": self_checks,
}
_KEPT = ("accuracy", "surfaces", "refinement")  # Pictures that are rows of numbers.


def checks_of(group: str = "all", quick: bool = False) -> list[Check]:
    """List checks.

    Args:
        group: `sphere`, `charges`, `simnibs`, `self` or `all`.
        quick: Only those that take two minutes together.

    Raises:
        ValueError: There is no such group.
    """
    if group not in (*GROUPS, "all"):
        raise ValueError(
            f"`group` must be one of {', '.join((*GROUPS, 'all'))}, got {group!r}."
        )
    chosen = GROUPS if group == "all" else (group,)
    found = [check for name in chosen for check in _MODULES[name].checks()]
    return [check for check in found if check.quick or not quick]


def named(names: Sequence[str]) -> list[Check]:
    """Take checks by their names.

    Raises:
        ValueError: There is no check of this name.
    """
    every = {check.name: check for check in checks_of()}
    unknown = [name for name in names if name not in every]
    if unknown:
        raise ValueError(f"there is no check {unknown[0]!r}.")
    return [every[name] for name in names]


@dataclass(frozen=True, eq=False)
class Record:
    """A run of checks.

    Attributes:
        group: Of the checks.
        quick: Whether only the quick ones were run.
        outcomes: What became of each.
        environment: Machine and versions.
        tables: Rows of numbers that studies left, by name.
    """

    group: str
    quick: bool
    outcomes: tuple[Outcome, ...]
    environment: Mapping[str, Any]
    tables: Mapping[str, Any]

    @property
    def all_hold(self) -> bool:
        """Whether no check failed."""
        return all_hold(self.outcomes)

    @property
    def seconds(self) -> float:
        """All checks took together."""
        return round(sum(outcome.seconds for outcome in self.outcomes), 1)

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "group": self.group,
            "quick": self.quick,
            "all_hold": self.all_hold,
            "seconds": self.seconds,
            "environment": self.environment,
            "checks": [outcome.as_dict() for outcome in self.outcomes],
            "tables": self.tables,
        }


def record(
    outcomes: Sequence[Outcome], bench: Workbench, group: str, quick: bool
) -> Record:
    """Put a run together with the machine, the versions and the tables it left."""
    tables = {name: bench.pictures[name] for name in _KEPT if name in bench.pictures}
    return Record(group, quick, tuple(outcomes), environment(), tables)

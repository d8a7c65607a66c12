"""How far a field can be relied on: three words, and the limits that decide."""

from dataclasses import dataclass


#: Up to the first a field is good, up to the second it is usable. Relative.
LIMITS = (0.05, 0.15)
GOOD, USABLE, UNSURE = "good", "usable", "do not rely on it"


@dataclass(frozen=True)
class Verdict:
    """A word on a field, and why.

    Attributes:
        word: `GOOD`, `USABLE` or `UNSURE`.
        reasons: What speaks against it, in words.
    """

    word: str
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the field can be used."""
        return self.word != UNSURE


def of_error(error: float | None) -> str:
    """The word on a relative error; none can be given where there is none."""
    if error is None:
        return USABLE
    return GOOD if error <= LIMITS[0] else USABLE if error <= LIMITS[1] else UNSURE


def words_of_limits() -> str:
    """The limits in words."""
    good, usable = LIMITS
    return f"good up to {good:.0%}, usable up to {usable:.0%}, beyond: {UNSURE}"


def verdict(error: float | None, others: tuple[str, ...] = ()) -> Verdict:
    """Judge a field.

    Args:
        error: Relative, of the mesh in the target.
        others: What else speaks against it, in words: with any the field is usable at
            best.
    """
    word = of_error(error)
    reasons = list(others)
    if word != GOOD and error is not None:
        reasons.insert(0, f"the mesh errs by {error:.0%} ({words_of_limits()})")
    if word == GOOD and others:
        word = USABLE
    return Verdict(word, tuple(reasons))

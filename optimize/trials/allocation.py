"""Which person gets which arm: drawn once, sealed, and shown one at a time.

Blocks of random lengths keep the arms even without letting the last of a block be guessed
[Schulz and Grimes 2002, doi:10.1016/S0140-6736(02)07683-3, as quoted, not checked]. The
digest of the sealed list can be published beforehand: it shows later that nothing was
changed, and says nothing of the list, as a secret key is part of it.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


_KEY_BYTES = 32


@dataclass(frozen=True)
class Allocation:
    """The sealed list of a trial.

    Attributes:
        arms: Their names.
        numbers: Of the arm of each place, in the order of enrolment.
        key: Secret, in hexadecimal digits.

    Raises:
        ValueError: It is no such list.
    """

    arms: tuple[str, str]
    numbers: tuple[int, ...]
    key: str

    def __post_init__(self):
        first, second = self.arms
        if not first.strip() or not second.strip() or first == second:
            raise ValueError(f"`arms` must be two names, got {self.arms!r}.")
        if not self.numbers or not set(self.numbers) <= {0, 1}:
            raise ValueError("`numbers` must be 0 or 1 for each place, and not none.")
        try:
            size = len(bytes.fromhex(self.key))
        except ValueError:
            size = 0
        if size != _KEY_BYTES:
            raise ValueError(f"`key` must be {2 * _KEY_BYTES} hexadecimal digits.")

    @property
    def digest(self) -> str:
        """SHA-256 of the list, which may be published."""
        text = json.dumps([self.arms, self.numbers, self.key], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def letters(self, person: str) -> tuple[str, str]:
        """The neutral letters of a person's plans, in the order of the arms.

        They are turned by chance from person to person, so that one who knows the arm of
        one person knows nothing of the next.
        """
        mark = hmac.new(bytes.fromhex(self.key), person.encode(), "sha256").digest()
        return ("a", "b") if mark[0] % 2 else ("b", "a")

    def letter(self, place: int, person: str) -> str:
        """Which of a person's plans is to be used.

        Args:
            place: In the order of enrolment, from 0.
            person: As named when the letters were drawn.

        Raises:
            ValueError: The list is at its end.
        """
        if place >= len(self.numbers):
            raise ValueError(
                f"the list has {len(self.numbers)} places, and all are taken."
            )
        return self.letters(person)[self.numbers[place]]


def allocated(
    people: int,
    arms: tuple[str, str],
    seed: int,
    blocks: Sequence[int] = (4, 6, 8),
) -> Allocation:
    """Draw a list.

    Args:
        people: How many places it has.
        arms: Their names.
        seed: The same one gives the same list and key: it is as secret as they are.
        blocks: Lengths of blocks, drawn at random; in each the arms are even.

    Raises:
        ValueError: There are no people, or a length is not even.
    """
    if people < 2:
        raise ValueError(f"`people` must be two at least, got {people!r}.")
    if not blocks or not all(each >= 2 and each % 2 == 0 for each in blocks):
        raise ValueError(f"`blocks` must be even numbers from 2 on, got {blocks!r}.")
    source = np.random.default_rng(seed)
    key = source.bytes(_KEY_BYTES).hex()
    numbers: list[int] = []
    while len(numbers) < people:
        length = int(source.choice(np.asarray(blocks)))
        numbers += source.permutation(np.arange(length) % 2).tolist()
    return Allocation(arms, tuple(numbers[:people]), key)

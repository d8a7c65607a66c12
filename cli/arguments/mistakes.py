"""A parser of the command line that explains a mistake in two lines."""

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence

from .tiers import first_tier


class TerseParser(argparse.ArgumentParser):
    """Names the nearest known word, and where to read on, not all that there is."""

    #: Options of the first tier of the help; None where all are shown at once.
    basic: tuple[str, ...] | None = None

    def print_help(self, file=None):
        """Print the first tier of the help, where it has two; `--help-all` prints all."""
        if self.basic is None:
            super().print_help(file)
            return
        with first_tier(self, self.basic) as hidden:
            words = self.format_help()
        more = f"{hidden} more options: {self.prog} --help-all\n"
        self._print_message(f"{words}\n{more}", file or sys.stdout)

    def error(self, message: str):
        """Print what is wrong to standard error, and exit with 2."""
        self.exit(
            2,
            f"{self.prog}: error: {message}{_nearest_choice(message)}\n"
            f"`{self.prog} {self._full_help}` lists what it takes, with examples.\n",
        )

    @property
    def _full_help(self) -> str:
        return "--help" if self.basic is None else "--help-all"

    # The type of the base is a set of overloads, which no single method can have.
    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args=None, namespace=None
    ):
        """Refuse what a command does not have, before the words above it are asked."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [word for each in self._actions for word in each.option_strings]
            self.error(_unknown(unknown, known))
        return found, unknown


def _unknown(words: Sequence[str], known: Sequence[str]) -> str:
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    if not options:
        return f"nothing is to be done with {' '.join(words)}"
    return f"there is no option {options[0]}{nearest(options[0], known)}"


def _nearest_choice(message: str) -> str:
    # Versions of Python differ in whether choices stand in quotation marks.
    found = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
    if found is None:
        return ""
    return nearest(found[1], [word.strip(" '") for word in found[2].split(",")])


def nearest(word: str, known: Iterable[str], alike: float = 0.6) -> str:
    """Ask whether the known word was meant that is most like another, if any is."""
    near = difflib.get_close_matches(word, list(known), 1, alike)
    return f"; did you mean {near[0]}?" if near else ""

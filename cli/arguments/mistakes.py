"""A parser of the command line that explains a mistake in two lines."""

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence


class TerseParser(argparse.ArgumentParser):
    """Names the nearest known word, and where to read on, not all that there is."""

    def error(self, message: str):
        """Print what is wrong to standard error, and exit with 2."""
        self.exit(
            2,
            f"{self.prog}: error: {message}{_nearest_choice(message)}\n"
            f"`{self.prog} --help` lists what it takes, with examples.\n",
        )

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

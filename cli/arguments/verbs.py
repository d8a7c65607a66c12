"""The verbs of a parser."""

import argparse
from collections.abc import Iterator


def verbs(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """List the verbs with their parsers, in order."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                below = [(f"{name} {under}", verb) for under, verb in verbs(child)]
                yield from below or [(name, child)]

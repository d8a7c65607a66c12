"""`tmsgrad completion`: a script that completes commands and options in a shell."""

import argparse

import shtab

from . import words
from .parser import parser
from .verbs import verbs


def completion(options: argparse.Namespace) -> dict:
    """Print the script."""
    root = parser()
    for _, verb in verbs(root):
        for action in verb._actions:
            if action.type in (words.path, words.source, words.output):
                action.complete = shtab.FILE  # pyright: ignore[reportAttributeAccessIssue]
    print(shtab.complete(root, options.shell))
    return {"shell": options.shell}

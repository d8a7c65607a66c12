"""Options that had another name: the old ones live on for a release, with a notice."""

from collections.abc import Mapping, Sequence


_MAP = {"threshold": "map-threshold"}
#: By command, old names and new ones.
FORMER: Mapping[str, Mapping[str, str]] = {
    # Its --threshold is now that of the motor cortex, as in all commands.
    "optimize": {
        "stimulator": "max-didt",
        "motor": "hotspot",
        "motor-pose": "hotspot-pose",
    },
    "sweep": _MAP,
    "simulate": _MAP,
    "dose": {"maximum": "max-didt", "target-maximum": "target-max-didt"},
}


def renewed(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Write a command with the names that its options have now.

    Args:
        words: As after `tmsgrad` in a shell.

    Returns:
        The words, and a notice for each that was renamed.
    """
    known = FORMER.get(words[0] if words else "", {})
    found, notices = [], []
    for word in words:
        name, equals, value = word.partition("=")
        new = known.get(name.removeprefix("--")) if name.startswith("--") else None
        if new is None:
            found.append(word)
            continue
        found.append(f"--{new}{equals}{value}")
        notices.append(notice(name, f"--{new}"))
    return found, notices


def renewed_key(command: str, key: str) -> str:
    """What a key of a plan file is called now."""
    return FORMER.get(command, {}).get(key, key)


def notice(old: str, new: str) -> str:
    """Say that a name has changed."""
    return f"{old} is called {new} now; the old name goes after version 0.1."

"""Options that had another name: the old ones live on for a release, with a notice."""

from collections.abc import Mapping, Sequence


_MAP = {"threshold": "map-threshold"}
#: By command, old names and new ones.
FORMER: Mapping[str, Mapping[str, str]] = {
    # Its --threshold is now that of the motor cortex, as in all commands.
    "optimize": {
        "motor": "hotspot",
        "motor-pose": "hotspot-pose",
    },
    "sweep": _MAP,
    "simulate": _MAP,
    "dose": {"maximum": "max-didt", "target-maximum": "target-max-didt"},
}
#: The same of options whose name has another meaning now: a number is of the old one.
FORMER_NUMBERS: Mapping[str, Mapping[str, str]] = {
    "optimize": {"stimulator": "max-didt"},
}


def renewed(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Write a command with the names that its options have now.

    Args:
        words: As after `tmsgrad` in a shell.

    Returns:
        The words, and a notice for each that was renamed.
    """
    command = words[0] if words else ""
    found, notices = [], []
    for word, after in zip(words, [*words[1:], ""], strict=False):
        name, equals, value = word.partition("=")
        key = name.removeprefix("--")
        new = renewed_key(command, key, value if equals else after)
        new = new if name.startswith("--") and new != key else None
        if new is None:
            found.append(word)
            continue
        found.append(f"--{new}{equals}{value}")
        notices.append(notice(name, f"--{new}"))
    return found, notices


def renewed_key(command: str, key: str, value: object = None) -> str:
    """What an option or a key of a plan file is called now, with its value."""
    if str(value)[:1].isdigit():
        key = FORMER_NUMBERS.get(command, {}).get(key, key)
    return FORMER.get(command, {}).get(key, key)


def notice(old: str, new: str) -> str:
    """Say that a name has changed."""
    return f"{old} is called {new} now; the old name goes after version 0.1."

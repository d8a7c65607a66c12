"""Values of a plan file as words of a command line, and back."""

import argparse
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..arguments import words
from ..arguments.former import renewed_key


_NOT_IN_PLANS = ("help", "help-all", "version", "json", "save-plan")
_SOURCES = (words.source, words.seed)
_NAMES = (None, words.path, words.source, words.output)
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


def key_of(action: argparse.Action) -> str:
    """What an option or an argument is called in a plan file."""
    for name in action.option_strings:
        if name.startswith("--"):
            return name[2:]
    return action.dest.replace("_", "-")


def actions(verb: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """The options and arguments of a verb by the keys of plan files.

    Arguments come first: an option whose value may be left out would take them.
    """
    found = {key_of(action): action for action in verb._actions}
    order = sorted(found.items(), key=lambda item: bool(item[1].option_strings))
    return {key: action for key, action in order if key not in _NOT_IN_PLANS}


def plain(key: str) -> str:
    """Write a key as options are called: `search_radius` is `search-radius`."""
    return key.replace("_", "-")


def value_of(word: str) -> str:
    """The value of a word such as --nifti=T1.nii, nothing for an option's name alone."""
    return word.partition("=")[2] if word.startswith("--") else word


def fitting(
    name: str,
    defaults: dict,
    verb: argparse.ArgumentParser,
    known: Mapping,
    given: Mapping[str, object],
) -> dict:
    """The defaults that a run takes: not those that it says, or says otherwise.

    Args:
        name: Of its command.
        defaults: Of the plan.
        verb: The parser of the command.
        known: What the command takes.
        given: What the run says.
    """
    taken = set(given) | _unwanted(name, defaults, given)
    for group in verb._mutually_exclusive_groups:
        keys = {key_of(action) for action in group._group_actions}
        taken |= keys if keys & set(given) else set()
    return {
        key: value
        for key, value in defaults.items()
        if renewed_key(name, plain(key), value) in known
        and renewed_key(name, plain(key), value) not in taken
    }


def _unwanted(name: str, defaults: Mapping, given: Mapping) -> set[str]:
    """Which keys are of the plan's other runs: images in MNI space have no head."""
    if name != "target functional":
        return set()
    from ..inputs.heads import TEMPLATE  # Late: it imports NumPy.

    said = {plain(key): value for key, value in {**defaults, **given}.items()}
    files = said.get("bold")
    runs = files if isinstance(files, list) else [files]
    named = any("space-MNI" in os.path.basename(str(file)) for file in runs)
    space = said.get("space", "mni" if named else None)
    template = str(said.get("head")).partition(":")[0] == TEMPLATE
    return {"head"} if space == "mni" or (space is None and template) else set()


def is_switch(action: argparse.Action) -> bool:
    """Whether an option takes no value."""
    return action.nargs == 0


def as_words(action: argparse.Action, value: object, folder: Path) -> list[str]:
    """Write a value as a shell would have it.

    Args:
        action: The option or argument.
        value: What the plan file says.
        folder: Of the plan file, which names of files are relative to.

    Raises:
        ValueError: The value is of another kind than the option takes.
    """
    if is_switch(action):
        if not isinstance(value, bool):
            raise ValueError(f"takes true or false, got {_shown(value)}")
        return [action.option_strings[0]] if value else []
    found: list[str] = []
    for entry in _entries(action, value):
        parts = entry if action.nargs == 2 or action.nargs == "+" else [entry]
        if not isinstance(parts, list) or (action.nargs == 2 and len(parts) != 2):
            raise ValueError(f"takes pairs of names, got {_shown(entry)}")
        if entry is True and action.nargs == "?":
            found += action.option_strings[:1]
        elif entry is False and action.nargs == "?":
            continue
        elif action.nargs == 2:
            names = [_word(action, part, folder) for part in parts]
            found += [action.option_strings[0], *names]
        elif action.option_strings:
            word = _word(action, entry, folder)
            found.append(f"{action.option_strings[0]}={word}")
        else:
            found += [_word(action, part, folder) for part in parts]
    return found


def _entries(action: argparse.Action, value: object) -> list:
    """Take apart what may be given several times."""
    if action.nargs == "+":
        return [value if isinstance(value, list) else [value]]
    if not isinstance(action, argparse._AppendAction) or not isinstance(value, list):
        return [value]
    if action.nargs == 2:
        return value if value and isinstance(value[0], list) else [value]
    numbers = bool(value) and all(_is_number(part) for part in value)
    return [value] if numbers else value


def _word(action: argparse.Action, value: object, folder: Path) -> str:
    if isinstance(value, str):
        if action.type in (words.path, words.output):
            return os.path.join(folder, os.path.expanduser(value))
        if action.type is words.avoided_map:
            return os.path.join(folder, os.path.expanduser(value))
        if action.type is words.seed and _is_point(value):
            return value
        if action.type is words.region and words.region_file(value) is not None:
            return os.path.join(folder, os.path.expanduser(value))
        return _place_of(value, folder) if action.type in _SOURCES else value
    if action.type in _NAMES:
        raise ValueError(f"takes a text in quotes, got {_shown(value)}")
    if _is_number(value):
        return str(value)
    if isinstance(value, list) and value and all(map(_is_part, value)):
        return ",".join(map(str, value))
    if isinstance(value, Mapping) and all(_is_number(x) for x in value.values()):
        return ",".join(f"{name}={number}" for name, number in value.items())
    raise ValueError(f"cannot be {_shown(value)}")


def _place_of(value: str, folder: Path) -> str:
    """Find a file beside the plan, unless the word is a name that tmsgrad knows."""
    path = os.path.join(folder, os.path.expanduser(value))
    return path if _looks_like_a_file(value) or os.path.exists(path) else value


def file_of(action: argparse.Action, word: str) -> str | None:
    """Find which file, or which name that tmsgrad knows, an option asks to read."""
    if action.type is words.avoided_map:
        try:
            return words.avoided_map(word)[0]
        except argparse.ArgumentTypeError:
            return None  # The parser refuses it, with its line.
    if action.type is words.seed and _is_point(word):
        return None
    if action.type is words.region:
        return words.region_file(word)
    return word if action.type in (words.path, *_SOURCES) else None


def _is_point(word: str) -> bool:
    return all(_NUMBER.fullmatch(part.strip()) for part in word.split(","))


def _looks_like_a_file(word: str) -> bool:
    # A person's folder may not be there yet: `head segment` in an earlier run makes it.
    return bool(os.path.dirname(word) or Path(word).suffix or word.startswith("m2m_"))


def as_toml(action: argparse.Action, value: object, folder: Path) -> str:
    """Write what a command line gave as TOML; `as_words` turns it back.

    Args:
        action: The option or argument.
        value: The word or words, as they were typed.
        folder: Of the plan file.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(as_toml(action, part, folder) for part in value)}]"
    word = str(value)
    of_file = action.type is words.region and words.region_file(word) is not None
    if (
        action.type in (words.path, words.output, words.avoided_map)
        or of_file
        or (
            action.type in _SOURCES
            and not _is_point(word)
            and (_looks_like_a_file(word) or os.path.exists(word))
        )
    ):
        return _quoted(_from_folder(word, folder))
    if action.type not in _NAMES:
        parts = word.split(",")
        if all(_NUMBER.fullmatch(part) for part in parts):
            several = len(parts) > 1
            return f"[{', '.join(parts)}]" if several else word
    return _quoted(word)


def _from_folder(word: str, folder: Path) -> str:
    if os.path.isabs(word):
        return word
    try:
        return os.path.relpath(os.path.abspath(word), folder.absolute())
    except ValueError:  # Another drive, on Windows.
        return os.path.abspath(word)


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _is_part(value: object) -> bool:
    return isinstance(value, str) or _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)

"""What writers of pose lists have in common: whole files of text."""

import os
import secrets
from pathlib import Path

from .poses import HEAD_FRAME, PoseList, unfit


def write_text(path: Path, content: str) -> None:
    """Write a text file, which takes its name only when it is whole.

    Raises:
        OSError: It cannot be written.
    """
    write_bytes(path, content.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, which takes its name only when it is whole.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f".{secrets.token_hex(4)}.part.{path.name}")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def check_names(poses: PoseList, kind: str) -> None:
    """Refuse what a navigation system's file cannot hold.

    Args:
        poses: To be written.
        kind: Of the file, for messages.

    Raises:
        ValueError: The poses are not in the head's frame, or a name holds control
            characters.
    """
    if poses.frame != HEAD_FRAME:
        raise ValueError(
            f"the poses are in the frame {poses.frame!r}, not in the head's: give the "
            "transformation to the head (--transform), or export them anew."
        )
    for name in poses.names:
        bad = [c for c in name if unfit(c)]
        if bad:
            raise ValueError(
                f"the name {name!r} holds {bad[0]!r}, which {kind} cannot. Rename the "
                "pose."
            )

"""What writers of pose lists have in common: whole files of text."""

from .poses import HEAD_FRAME, PoseList, unfit


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

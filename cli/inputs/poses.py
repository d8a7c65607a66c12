"""Poses that the command line takes: files, in the frame of the head they are for."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import coils, meshing
from ...coils.navigation import PoseList
from ..runtime.notices import note
from .heads import TEMPLATE


if TYPE_CHECKING:
    from ...coils import Pose


_ABOVE = 4e-3  # The coil's centre over an EEG position: hair and casing. [m]


def read_pose_list(
    path: str | None, options: argparse.Namespace, *, empty: bool = False
) -> PoseList:
    """Read poses as the options say, and tell on standard error what is odd about them.

    Args:
        path: A file of a navigation system, or of matrices; None for `options.eeg`.
        options: With `space`, `repair`, `group` and `transform`.
        empty: Whether a list without poses, or in another frame than the head's, will do.

    Raises:
        ValueError: The file is malformed, a pose is no rigid placement, or there are no
            poses in the head's frame.
        FileNotFoundError: There is no such file.
    """
    turns = getattr(options, "turns", 1)
    if path is None:
        return _turned(_over_electrodes(options), turns)
    poses = coils.read_poses(path, space=options.space, repair=options.repair)
    try:
        if options.transform is not None:
            poses = poses.transformed(_transformation(options.transform))
            poses = dataclasses.replace(poses, notes=())
        else:
            poses = _in_head(poses, getattr(options, "head", None))
        if options.group is not None:
            poses = poses.selected(options.group)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not empty and len(poses) == 0:
        left_out = f", but {poses.skipped} without a position" if poses.skipped else ""
        raise ValueError(f"{path}: the file ({poses.system}) holds no poses{left_out}.")
    if not empty and poses.frame != coils.navigation.HEAD_FRAME:
        raise ValueError(f"{path}: {' '.join(poses.notes)}")
    for each in poses.notes:
        note(each)
    return _turned(poses, turns)


def poses_in(path: str, head: str | None) -> PoseList:
    """Read poses in the frame of a head, and write what is assumed to standard error.

    Args:
        path: A file of a navigation system, or of matrices.
        head: The head's file or folder; None where it is not known.

    Raises:
        ValueError: The file is malformed, or its poses are not in the head's frame.
        FileNotFoundError: There is no such file.
    """
    poses = coils.read_poses(path)
    try:
        poses = _in_head(poses, head)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if poses.frame != coils.navigation.HEAD_FRAME:
        raise ValueError(f"{path}: {' '.join(poses.notes)}")
    for each in poses.notes:
        note(f"{path}: {each}")
    return poses


def _in_head(poses: PoseList, head: str | None) -> PoseList:
    """Bring poses to the head's frame by its T1, where they are in another form of it."""
    if head is None:
        return poses
    if head.split(":")[0] == TEMPLATE and not Path(head).exists():
        in_mni = poses.form is not None and poses.form.code == "MNI-152"
        if not in_mni:
            return poses
        frame = coils.navigation.HEAD_FRAME
        return dataclasses.replace(poses, frame=frame, form=None, notes=())
    subject = meshing.subject_of(head)
    if subject is None or subject.t1 is None:
        return poses
    return coils.navigation.in_image(poses, meshing.load_nifti(subject.t1))


def one_pose(path: str, head: str) -> "Pose":
    """Read the only pose of a file, in the frame of a head's file or folder.

    Raises:
        ValueError: There are more or none, or it is not in the head's frame.
    """
    found = poses_in(path, head)
    if len(found) != 1:
        raise ValueError(f"{path}: the file holds {len(found)} poses; one is needed.")
    return found.pose(0)


def _turned(poses: PoseList, turns: int) -> PoseList:
    """Turn each pose about the coil's axis, all the way round, the first as it is."""
    if turns == 1:
        return poses
    every = []
    for number in range(turns):
        turned = poses.turned(2 * np.pi * number / turns)
        angle = f"{360 * number / turns:.4g}°"
        names = tuple(f"{name}, {angle}" for name in poses.names)
        every.append(dataclasses.replace(turned, names=names))
    return coils.navigation.joined(every)


def _over_electrodes(options: argparse.Namespace) -> PoseList:
    """Lay the coil over an EEG position of the head's m2m_ folder."""
    subject = meshing.subject_of(options.head)
    if subject is None:
        raise ValueError(f"--eeg: {options.head} is no m2m_ folder with EEG positions.")
    positions = meshing.read_electrodes(subject)
    centre, towards = (meshing.electrode(positions, name) for name in options.eeg)
    scalp = meshing.scalp(meshing.read_head(subject.mesh))
    place = scalp.nearest(centre)
    normal = scalp.normal(place[None])[0]
    y = towards - centre
    y = y - (y @ normal) * normal
    if np.linalg.norm(y) < 1e-3:
        raise ValueError(f"--eeg: {' and '.join(options.eeg)} are one above the other.")
    y /= np.linalg.norm(y)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([np.cross(y, -normal), y, -normal], axis=1)
    matrix[:3, 3] = 1e3 * (place + _ABOVE * normal)
    return PoseList.of_matrices(matrix[None], [f"{options.eeg[0]} {options.eeg[1]}"])


def _transformation(path: str) -> Float[ndarray, "4 4"]:
    found = coils.read_poses(path)
    if len(found) != 1:
        raise ValueError(
            f"--transform {path}: the file holds {len(found)} matrices; one is needed."
        )
    return found.matrices()[0]


def pose_source(options: argparse.Namespace) -> str:
    """Name where poses come from, for messages."""
    return options.pose or f"--eeg {','.join(options.eeg)}"


def current_rates(
    options: argparse.Namespace, poses: PoseList
) -> Float[ndarray, "pose"]:
    """Give each pose its dI/dt: one for all, or those recorded. [A/s]

    Raises:
        ValueError: Recorded ones are asked for, but a pose has none.
    """
    if options.didt != "recorded":
        return np.full(len(poses), float(options.didt))
    lacking = np.flatnonzero(np.isnan(poses.current_rates))
    if len(lacking):
        raise ValueError(
            f"{pose_source(options)}: --didt recorded, but no dI/dt was recorded for "
            f"{len(lacking)} of {len(poses)} poses, the first of them {lacking[0]} "
            f"({poses.names[lacking[0]]!r}). Give a number of A/s."
        )
    return poses.current_rates

"""Poses that the command line takes: files, in the frame of the head they are for."""

import argparse
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import coils, meshing
from ...coils.navigation import PoseList
from ..runtime.notices import note
from .heads import is_template


if TYPE_CHECKING:
    from ...coils import Pose


_LINK = "#pose="  # In the link of an interactive page.
_ABOVE = 4e-3  # The coil's centre over an EEG position: hair and casing. [m]


@dataclass(frozen=True)
class PoseRequest:
    """The poses that are asked for.

    Attributes:
        file: Of a navigation system, or of matrices; None for EEG positions.
        head: That they are for, as the command line names it; None if that is not known.
        eeg: Under the coil's centre, and where its y axis points, as names of positions.
        space: Of the file's coordinates, where it does not say, or None.
        repair: Whether improper matrices and coils in the head are repaired.
        group: The only one to take of the file, or None.
        transform: A file of the matrix to the head's coordinates, or None.
        turns: To how many angles each pose is turned.
    """

    file: str | None
    head: str | None
    eeg: tuple[str, ...] = ()
    space: str | None = None
    repair: bool = False
    group: str | None = None
    transform: str | None = None
    turns: int = 1

    @classmethod
    def of(cls, options: argparse.Namespace, file: str | None) -> "PoseRequest":
        """Take it from the options; not all commands have a head, turns, or EEG."""
        return cls(
            file=file,
            head=getattr(options, "head", None),
            eeg=tuple(getattr(options, "eeg", None) or ()),
            space=options.space,
            repair=options.repair,
            group=options.group,
            transform=options.transform,
            turns=getattr(options, "turns", 1),
        )

    @property
    def source(self) -> str:
        """Where they come from, for messages."""
        return self.file or f"--eeg {','.join(self.eeg)}"


def read_pose_list(request: PoseRequest, *, empty: bool = False) -> PoseList:
    """Read poses, and write to standard error what is odd about them.

    Args:
        request: Which.
        empty: Whether a list without poses, or in another frame than the head's, will do.

    Raises:
        ValueError: The file is malformed, a pose is no rigid placement, or there are no
            poses in the head's frame.
        FileNotFoundError: There is no such file.
    """
    if request.file is None:
        return _turned(_over_electrodes(str(request.head), request.eeg), request.turns)
    path = request.file
    if _LINK in path:
        return _turned(_of_link(path), request.turns)
    poses = coils.read_poses(path, space=request.space, repair=request.repair)
    try:
        if request.transform is not None:
            poses = poses.transformed(_transformation(request.transform))
            poses = dataclasses.replace(poses, notes=())
        else:
            poses = _in_head(poses, request.head)
        if request.group is not None:
            poses = poses.selected(request.group)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not empty and len(poses) == 0:
        left_out = f", but {poses.skipped} without a position" if poses.skipped else ""
        raise ValueError(f"{path}: the file ({poses.system}) holds no poses{left_out}.")
    if not empty and poses.frame != coils.navigation.HEAD_FRAME:
        raise ValueError(f"{path}: {' '.join(poses.notes)}")
    for each in poses.notes:
        note(each)
    return _turned(poses, request.turns)


def _of_link(link: str) -> PoseList:
    """Take the pose that the link of an interactive page holds, in the head's frame.

    Raises:
        ValueError: It is no rigid placement.
    """
    said = parse_qs(link.partition("#")[2])
    try:
        rows = np.array([float(x) for x in said["pose"][0].split(",")]).reshape(3, 4)
        rate = 1e6 * float(said.get("didt", ["nan"])[0])
        matrix = np.concatenate([rows, [[0.0, 0.0, 0.0, 1.0]]])
        return PoseList.of_matrices(
            matrix[None], ["link"], current_rates=[rate], system="link of a page"
        )
    except ValueError as error:
        raise ValueError(
            f"{link}: the link of an interactive page has 12 numbers after {_LINK}, the "
            f"first three rows of a matrix in mm ({error})."
        ) from None


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
    if is_template(head):
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


def _over_electrodes(head: str, names: tuple[str, ...]) -> PoseList:
    """Lay the coil over an EEG position of the head's m2m_ folder."""
    subject = meshing.subject_of(head)
    if subject is None:
        raise ValueError(f"--eeg: {head} is no m2m_ folder with EEG positions.")
    positions = meshing.read_electrodes(subject)
    centre, towards = (meshing.electrode(positions, name) for name in names)
    scalp = meshing.scalp(meshing.read_head(subject.mesh))
    place = scalp.nearest(centre)
    normal = scalp.normal(place[None])[0]
    y = towards - centre
    y = y - (y @ normal) * normal
    if np.linalg.norm(y) < 1e-3:
        raise ValueError(f"--eeg: {' and '.join(names)} are one above the other.")
    y /= np.linalg.norm(y)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([np.cross(y, -normal), y, -normal], axis=1)
    matrix[:3, 3] = 1e3 * (place + _ABOVE * normal)
    return PoseList.of_matrices(matrix[None], [f"{names[0]} {names[1]}"])


def _transformation(path: str) -> Float[ndarray, "4 4"]:
    found = coils.read_poses(path)
    if len(found) != 1:
        raise ValueError(
            f"--transform {path}: the file holds {len(found)} matrices; one is needed."
        )
    return found.matrices()[0]


def current_rates(
    poses: PoseList, rate: float | None, source: str
) -> Float[ndarray, "pose"]:
    """Give each pose its dI/dt: one for all, or those recorded. [A/s]

    Args:
        poses: The poses.
        rate: For all; None for those recorded. [A/s]
        source: Of the poses, for messages.

    Raises:
        ValueError: Recorded ones are asked for, but a pose has none.
    """
    if rate is not None:
        return np.full(len(poses), rate)
    lacking = np.flatnonzero(np.isnan(poses.current_rates))
    if len(lacking):
        raise ValueError(
            f"{source}: --didt recorded, but no dI/dt was recorded for "
            f"{len(lacking)} of {len(poses)} poses, the first of them {lacking[0]} "
            f"({poses.names[lacking[0]]!r}). Give a number of A/µs."
        )
    return poses.current_rates

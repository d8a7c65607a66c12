"""`tmsgrad pose info` and `tmsgrad pose convert`: files of navigation systems."""

import argparse
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import nibabel
import numpy as np

from ... import meshing
from ...coils import navigation
from ...coils.navigation import PoseList
from ..inputs.poses import PoseRequest, read_pose_list
from ..results.poses_result import ConvertedPoses, PosesResult
from ..runtime.notices import detail


_FORMS = {code: name for name, code in navigation.FORM_CODES.items()}
_ENDINGS = {"localite": ".xml", "brainsight": ".txt", "ant": ".mrk"}


def pose_info(options: argparse.Namespace) -> PosesResult:
    """Describe the poses of a file."""
    _say_versions()
    poses = read_pose_list(PoseRequest.of(options, options.file), empty=True)
    return PosesResult(poses)


@dataclass(frozen=True)
class ConvertRequest:
    """What `tmsgrad pose convert` is asked for.

    Attributes:
        poses: The poses.
        turn: By which each coil is turned about its own axis. [rad]
        to: The system to write for.
        out: The file.
        out_space: Of Localite's file, RAS or LPS.
        image: That the system has, or None.
        coil_name: For ANT and NIBS-BIDS.
    """

    poses: PoseRequest
    turn: float
    to: str
    out: Path
    out_space: str
    image: str | None
    coil_name: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ConvertRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other.
        """
        request = cls(
            *(PoseRequest.of(options, options.file), np.radians(options.turn)),
            *(options.to, Path(options.out), options.out_space, options.image),
            options.coil_name,
        )
        if request.out_space != "RAS" and request.system != "localite":
            raise ValueError(f"--out-space is for Localite; {request.to} is RAS.")
        return request

    @property
    def system(self) -> str:
        """The system, of any version."""
        return self.to.partition("-")[0]


def pose_convert(options: argparse.Namespace) -> ConvertedPoses:
    """Write the poses of a file as another navigation system has them."""
    _say_versions()
    request = ConvertRequest.of(options)
    poses = read_pose_list(request.poses)
    if request.turn:
        poses = poses.turned(request.turn)
    _write(request, poses)
    return ConvertedPoses(len(poses), str(request.out), request.to)


def _write(request: ConvertRequest, poses: PoseList) -> None:
    out, image = request.out, None
    if request.image is not None:
        image = meshing.load_nifti(Path(request.image))
    ending = _ENDINGS.get(request.system)
    if ending is not None and out.suffix.lower() != ending:
        raise ValueError(f"{out}: the name of such a file ends in {ending}.")
    if request.system == "localite":
        triggers = request.to.endswith("triggers")
        navigation.write_localite(
            out, poses, space=request.out_space, triggers=triggers
        )
    elif request.system == "brainsight":
        _write_brainsight(request, poses, image)
    elif request.system == "ant":
        if image is None:
            raise ValueError(
                "--to ant needs --image T1.nii.gz, the image that visor2 has: the file "
                "says where it lies."
            )
        navigation.write_ant(
            out, poses, image, coil=request.coil_name, version=version("tmsgrad")
        )
    elif request.system == "bids":
        navigation.write_bids_markers(out, poses, element=request.coil_name or "n/a")
    else:
        navigation.write_matsimnibs(out, poses)


def _write_brainsight(
    request: ConvertRequest, poses: PoseList, image: nibabel.Nifti1Image | None
) -> None:
    version_of_file = 12 if request.to.endswith("2.5.2") else 14
    differ = image is not None and navigation.forms_differ(image)
    if differ and version_of_file < 14:
        raise ValueError(
            f"{request.image}: qform and sform differ, and files of Brainsight 2.5.2 "
            "do not say which is meant. Make them equal (FSL: fslorient)."
        )
    letter = "S" if differ else "Q"
    code = 2 if image is None else _code(image, letter)
    navigation.write_brainsight(
        request.out,
        poses,
        version=version_of_file,
        form=_FORMS.get(code, "Aligned"),
        letter=letter,
        program=f"tmsgrad {version('tmsgrad')}",
    )


def _say_versions() -> None:
    detail(f"tmsgrad {version('tmsgrad')}, numpy {np.__version__}")


def _code(image: nibabel.Nifti1Image, letter: str) -> int:
    return int(image.header["sform_code" if letter == "S" else "qform_code"])

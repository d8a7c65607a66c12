"""`tmsgrad pose info` and `tmsgrad pose convert`: files of navigation systems."""

import argparse
from importlib.metadata import version
from pathlib import Path

import nibabel
import numpy as np

from ... import meshing
from ...coils import navigation
from ...coils.navigation import PoseList
from ..inputs.poses import PoseRequest, read_pose_list
from ..results.poses_result import PosesResult
from ..runtime.notices import detail


_FORMS = {code: name for name, code in navigation.FORM_CODES.items()}


def pose_info(options: argparse.Namespace) -> dict:
    """Describe the poses of a file."""
    _say_versions()
    poses = read_pose_list(PoseRequest.of(options, options.file), empty=True)
    result = PosesResult(poses)
    result.describe()
    return result.to_json()


def pose_convert(options: argparse.Namespace) -> dict:
    """Write the poses of a file as another navigation system has them."""
    _say_versions()
    poses = read_pose_list(PoseRequest.of(options, options.file))
    if options.turn:
        poses = poses.turned(np.radians(options.turn))
    _write(Path(options.out), poses, options)
    print(f"{len(poses)} pose{'s' * (len(poses) != 1)} written to {options.out}")
    return {"poses": len(poses), "file": options.out, "to": options.to}


def _write(out: Path, poses: PoseList, options: argparse.Namespace) -> None:
    kind = options.to
    if options.out_space != "RAS" and not kind.startswith("localite"):
        raise ValueError(f"--out-space is for Localite; {kind} is RAS.")
    image = None if options.image is None else meshing.load_nifti(Path(options.image))
    if kind.startswith("localite"):
        _check_ending(out, ".xml")
        triggers = kind.endswith("triggers")
        navigation.write_localite(
            out, poses, space=options.out_space, triggers=triggers
        )
    elif kind.startswith("brainsight"):
        _check_ending(out, ".txt")
        version_of_file = 12 if kind.endswith("2.5.2") else 14
        differ = image is not None and navigation.forms_differ(image)
        if differ and version_of_file < 14:
            raise ValueError(
                f"{options.image}: qform and sform differ, and files of Brainsight 2.5.2 "
                "do not say which is meant. Make them equal (FSL: fslorient)."
            )
        letter = "S" if differ else "Q"
        code = 2 if image is None else _code(image, letter)
        navigation.write_brainsight(
            out,
            poses,
            version=version_of_file,
            form=_FORMS.get(code, "Aligned"),
            letter=letter,
            program=f"tmsgrad {version('tmsgrad')}",
        )
    elif kind == "ant":
        _check_ending(out, ".mrk")
        if image is None:
            raise ValueError(
                "--to ant needs --image T1.nii.gz, the image that visor2 has: the file "
                "says where it lies."
            )
        navigation.write_ant(
            out, poses, image, coil=options.coil_name, version=version("tmsgrad")
        )
    else:
        navigation.write_matsimnibs(out, poses)


def _say_versions() -> None:
    detail(f"tmsgrad {version('tmsgrad')}, numpy {np.__version__}")


def _code(image: nibabel.Nifti1Image, letter: str) -> int:
    return int(image.header["sform_code" if letter == "S" else "qform_code"])


def _check_ending(out: Path, ending: str) -> None:
    if out.suffix.lower() != ending:
        raise ValueError(f"{out}: the name of such a file ends in {ending}.")

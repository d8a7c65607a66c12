"""Folders of BIDS with people in them, for several tests."""

import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
from heads import five_layers
from navigation_examples import matrix_like
from subject_examples import write_maps

from tmsgrad.coils import PoseList, navigation
from tmsgrad.meshing import write_msh


PLAN = """[defaults]
head = "{head}"
coil = "%s"

[[run]]
command = "optimize"
target = [30, -20, 50]
radius = 8
order = 1
out = "{out}/m1"
"""


def t1(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 200, (20, 20, 20), dtype=np.uint8)
    nibabel.save(nibabel.Nifti1Image(noise, np.diag([10.0, 10, 10, 1])), path)


def write_head(root: Path, subject: str, session: str = "", mni: bool = True) -> Path:
    """Write a head of five spheres as SimNIBS has it, in the folder of a study."""
    home = root / "derivatives" / "simnibs" / f"sub-{subject}"
    folder = home / (f"ses-{session}" if session else "") / f"m2m_{subject}"
    folder.mkdir(parents=True)
    write_msh(folder / f"{subject}.msh", five_layers())
    if mni:
        write_maps(folder / "toMNI")
    return folder


def write_raw(root: Path, *subjects: str) -> Path:
    """Write a folder of BIDS with a T1 of each subject."""
    root.mkdir(parents=True, exist_ok=True)
    about = {"Name": "made", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(about))
    for subject in subjects:
        t1(root / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz")
    return root


def write_markers(root: Path, subject: str, sheared: bool = False) -> Path:
    folder = root / f"sub-{subject}" / "nibs"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"sub-{subject}_task-tms_markers.tsv"
    navigation.write_bids_markers(file, PoseList.of_matrices([matrix_like()], ["M1"]))
    if sheared:
        first = f"{matrix_like()[0, 0]:.9g}"
        file.write_text(file.read_text().replace(first, "0.3"))
    return file


def cut(file: Path) -> None:
    """Cut a compressed file short, as a copy that was interrupted."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    try:
        gzip.decompress(file.read_bytes())
    except EOFError:
        return
    raise AssertionError


def faulty(root: Path) -> Path:
    """Write a study in which each subject but the first has a fault of its own."""
    write_raw(root, "01", "nohead", "badt1", "shear", "twice")
    for subject in ("01", "twosessions", "badt1", "shear", "twice"):
        if subject != "twosessions":
            write_head(root, subject)
    for session in ("pre", "post"):
        write_head(root, "twosessions", session)
        name = f"sub-twosessions_ses-{session}_T1w.nii.gz"
        t1(root / "sub-twosessions" / f"ses-{session}" / "anat" / name)
    (root / "sub-nohead" / "anat" / "sub-nohead_T1w.nii.gz").unlink()
    cut(root / "sub-badt1" / "anat" / "sub-badt1_T1w.nii.gz")
    write_markers(root, "01")
    write_markers(root, "shear", sheared=True)
    for run in ("1", "01"):
        t1(root / "sub-twice" / "anat" / f"sub-twice_run-{run}_T1w.nii.gz")
    (root / "sub-twice" / "anat" / "sub-twice_T1w.nii.gz").unlink()
    return root

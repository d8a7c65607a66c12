"""An m2m_ folder as SimNIBS writes it, of a head of spheres, with known transforms."""

from pathlib import Path

import nibabel
import numpy as np
from heads import five_layers

from tmsgrad.meshing import write_msh


_turn = np.radians(8.0)
_LINEAR = np.array(
    [
        [1.08 * np.cos(_turn), -np.sin(_turn), 0.02],
        [np.sin(_turn), 1.12 * np.cos(_turn), 0.05],
        [-0.03, 0.04, 0.95],
    ]
)
_SHIFT = np.array([2.0, -12.0, 9.0])

# Grids of the person's T1, mirrored and turned a little, and of the template. [mm]
T1 = np.diag([-5.0, 5, 5, 1])
T1[:3, 3] = [105.0, -100, -110]
T1_SHAPE = (43, 42, 44)
TEMPLATE = np.diag([6.0, 6, 6, 1])
TEMPLATE[:3, 3] = [-120.0, -140, -120]
TEMPLATE_SHAPE = (41, 47, 42)

ELECTRODES = {
    "C3": (-60.0, 0.0, 61.0),
    "CP3": (-58.0, -30.0, 56.0),
    "Nz": (0.0, 85.0, 5.0),
}


def to_mni(points):
    """A person's points in MNI space, bent by a few mm. [mm]"""
    bent = 2.5 * np.sin(points[..., [1, 2, 0]] / 25)
    return points @ _LINEAR.T + _SHIFT + bent


def to_subject(points):
    """The inverse, by iteration. [mm]"""
    guess = (points - _SHIFT) @ np.linalg.inv(_LINEAR).T
    for _ in range(60):
        guess = guess - (to_mni(guess) - points) @ np.linalg.inv(_LINEAR).T
    return guess


def world(shape, affine):
    index = np.moveaxis(np.indices(shape), 0, -1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def write_maps(folder: Path, there=to_mni, back=to_subject):
    folder.mkdir(exist_ok=True)
    for name, way, shape, affine in (
        ("Conform2MNI_nonl", there, T1_SHAPE, T1),
        ("MNI2Conform_nonl", back, TEMPLATE_SHAPE, TEMPLATE),
    ):
        values = way(world(shape, affine)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(values, affine), folder / f"{name}.nii.gz")


def write_m2m(parent: Path, head=None) -> Path:
    """Write mesh, T1, transforms and EEG positions of `m2m_ball`."""
    folder = parent / "m2m_ball"
    folder.mkdir()
    write_msh(folder / "ball.msh", five_layers() if head is None else head)
    t1 = nibabel.Nifti1Image(np.ones(T1_SHAPE, np.float32), T1)
    nibabel.save(t1, folder / "T1.nii.gz")
    write_maps(folder / "toMNI")
    caps = folder / "eeg_positions"
    caps.mkdir()
    lines = [
        f"{'Fiducial' if name == 'Nz' else 'Electrode'},{x},{y},{z},{name}"
        for name, (x, y, z) in ELECTRODES.items()
    ]
    text = "Type,X,Y,Z,Name\r\n" + "\r\n".join(lines) + "\r\n"
    (caps / "EEG10-10_UI_Jurak_2007.csv").write_bytes(text.encode())
    return folder

"""Conductivity from files, and the ways between a head and MNI space."""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ... import efield, meshing
from ...meshing import HeadMesh
from ..runtime.notices import warn
from .heads import is_template


def read_conductivity(
    head: HeadMesh, source: str, anisotropy: str, tensor: str | None, coverage: float
) -> tuple[Array, str | None]:
    """Give a head its conductivity: by tissue, or from diffusion tensors as well.

    Args:
        head: The head.
        source: Of the head, in whose m2m_ folder a tensor image may be.
        anisotropy: `scalar`, `vn`, `dir` or `mc`.
        tensor: The tensor image; None for that of the folder.
        coverage: The share of white matter that it must cover.

    Returns:
        The conductivity [S/m], and what became of the tensors, in words.

    Raises:
        ValueError: The image is missing, is given without need, or does not fit.
    """
    if anisotropy == "scalar":
        if tensor is not None:
            raise ValueError(
                f"--tensor {tensor} is given, but --anisotropy is scalar: write "
                "--anisotropy vn, dir or mc, or leave the image out."
            )
        return efield.isotropic(head), None
    if tensor is None:
        subject = meshing.subject_of(source)
        if subject is None or subject.tensor is None:
            raise ValueError(
                f"--anisotropy {anisotropy} needs a tensor image: --tensor FILE, or "
                "DTI_coregT1_tensor.nii.gz in the m2m_ folder."
            )
        tensor = str(subject.tensor)
    image = meshing.read_tensors(tensor)
    conductivity, report = efield.anisotropic(
        head,
        image,
        efield.Anisotropy(anisotropy),
        minimum_coverage=coverage,
    )
    fibres = meshing.fibre_coherence(image)
    if fibres.wrong:
        warn(f"{tensor}: {fibres}")
    return jnp.asarray(conductivity), f"{report}\n{Path(tensor).name}: {fibres}"


def from_mni(source: str, place: Float[ndarray, "3"]) -> Float[ndarray, "3"] | None:
    """Bring a point of MNI space to a head, in metres; None where nothing shows how."""
    if is_template(source):
        return place
    subject = meshing.subject_of(source)
    try:
        return None if subject is None else meshing.read_mni(subject).to_subject(place)
    except (ValueError, FileNotFoundError):
        return None


def way_from_mni(
    source: str,
) -> Callable[[Float[ndarray, "*point 3"]], Float[ndarray, "*point 3"]] | None:
    """Find how MNI space's points go to a head, in metres; None where nothing shows it."""
    if is_template(source):
        return np.asarray
    subject = meshing.subject_of(source)
    try:
        return None if subject is None else meshing.read_mni(subject).to_subject
    except (ValueError, FileNotFoundError):
        return None


def way_to_mni(
    source: str,
) -> Callable[[Float[ndarray, "3"]], Float[ndarray, "3"]] | None:
    """Find how a head's points go to MNI space, in metres; None where nothing shows it."""
    if is_template(source):
        return np.asarray
    subject = meshing.subject_of(source)
    try:
        return None if subject is None else meshing.read_mni(subject).to_mni
    except (ValueError, FileNotFoundError):
        return None

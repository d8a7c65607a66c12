"""The template head: meshed once, then kept in the user's cache folder."""

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from ..disk import cache_folder, replacing
from ..disk.arrays import open_archive
from .head import HeadMesh
from .lattice.mesher import mesh_labels
from .progress import Progress
from .template_labels import template_labels


# To be raised whenever the same request comes to give another mesh: files of an older
# recipe in users' caches are then built anew.
_RECIPE = 5
_LABEL_RECIPE = 1  # The same for the label image.


def template(
    tetrahedra: int = 1_000_000,
    progress: Progress | None = None,
) -> HeadMesh:
    """The template head: the ICBM 152 brain in the scalp of fsaverage, MNI152 space.

    It is made from files that the packages nilearn and mne carry, without a download,
    which takes a minute or so the first time; later it is read from the folder that
    `cache_folder` names. The outer skull is in neither package: the bone fills half the
    gap between inner skull and scalp, at least 2.5 mm and at most 8 mm.

    Several processes may build it at once: each then does the work, and the files they
    leave are the same.

    Args:
        tetrahedra: About how many elements, see `mesh_labels`.
        progress: Called now and then while the head is built, with the share of the work
            that is done and what is being done. Not called if it is in the cache.

    Returns:
        The head with white matter, gray matter, CSF, bone and scalp.

    Raises:
        ModuleNotFoundError: It must be built, and nilearn or mne is missing.
        ValueError: `tetrahedra` is out of range.
    """
    path = cache_folder() / f"template-{tetrahedra}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    if progress is not None:
        progress(0.0, "putting the template's labels together")
    labels, affine = template_labels()

    def later(fraction: float, stage: str) -> None:
        if progress is not None:
            progress(0.1 + 0.9 * fraction, stage)

    head = mesh_labels(labels, affine, tetrahedra, later)
    try:
        _write(path, head)
    except OSError as error:
        warnings.warn(
            f"The template head could not be kept in {path.parent} ({error}) and must be "
            "built anew next time. Set TMSGRAD_CACHE to a folder that can be written.",
            stacklevel=2,
        )
    return head


def kept_template_labels() -> tuple[UInt8[ndarray, "i j k"], Float[ndarray, "4 4"]]:
    """The image of `template_labels`, from the cache folder where it is kept.

    Raises:
        ModuleNotFoundError: It must be built, and nilearn or mne is missing.
    """
    path = cache_folder() / "template-labels.npz"
    with suppress(OSError, ValueError), open_archive(path) as archive:
        if int(archive["recipe"]) == _LABEL_RECIPE:
            return archive["labels"], archive["affine"]
    labels, affine = template_labels()
    with suppress(OSError):  # It is built anew next time.
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as file:
            recipe = np.array(_LABEL_RECIPE)
            np.savez_compressed(file, recipe=recipe, labels=labels, affine=affine)
    return labels, affine


def _read(path: Path) -> HeadMesh | None:
    """Read a head from the cache; None where there is none that is whole and recent.

    Warns where it is damaged.
    """
    try:
        with open_archive(path) as archive:
            if int(archive["recipe"]) != _RECIPE:
                return None
            # The format has a checksum for each array, which reading verifies.
            return HeadMesh(archive["nodes"], archive["tetrahedra"], archive["tags"])
    except (OSError, ValueError):
        if path.is_file():
            warnings.warn(
                f"{path}: the kept template head is damaged, and is built anew.",
                stacklevel=3,
            )
        return None


def _write(path: Path, head: HeadMesh) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable=False) as file:
        np.savez(
            file,
            recipe=np.array(_RECIPE),
            nodes=head.nodes,
            tetrahedra=head.tetrahedra,
            tags=head.tags.astype(np.uint8),
        )

"""What the command line takes: heads, coils, poses and coordinates, in mm and as files."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ... import coils, efield, meshing
from ...coils import Coil
from ...meshing import HeadMesh, Region
from ...optimize.targeting import SymptomTarget, symptom_targets
from ..runtime.notices import note, warn
from .findings import stop_at_errors
from .maps import MapChoice, place_of_map, target_of_map


TEMPLATE = "template"
_RETURN = 5.0  # After going from MNI space to the head and back, at most. [mm]


def read_head(
    source: str,
    progress: Callable[[float, str], None],
    search: tuple[Float[ndarray, "3"], float] | None = None,
    forced: Sequence[str] = (),
) -> HeadMesh:
    """Read a head from a file or folder, or make the template head, and check it.

    Warnings are written to standard error, errors of the check stop; `tmsgrad head
    check` says more.

    Args:
        source: A mesh file, an m2m_ folder, `template`, or `template:N` for about N
            tetrahedra.
        progress: For the template, which takes a while the first time.
        search: Around which point, and how far, a coil is to be placed: there, the scalp
            must have no holes. [m]
        forced: Names of checks whose errors do not stop, as of `--force`.

    Raises:
        ValueError: The head is malformed, a check finds an error in it, or the template's
            size is no number.
        FileNotFoundError: There is no such file.
    """
    name, _, size = source.partition(":")
    if name != TEMPLATE or Path(source).exists():
        head = meshing.read_head(source)
        place, reach = (None, 0.0) if search is None else search
        findings = meshing.check(head, place, reach)
        stop_at_errors(source, findings + _folder_findings(source, head), forced)
        return head
    for check in forced:
        note(f"--force {check} has no effect: the template has no such error.")
    if not size:
        return meshing.template(progress=progress)
    if not size.isdigit():
        raise ValueError(
            f"{source}: the template's size must be a number of tetrahedra, such as "
            "template:500000."
        )
    return meshing.template(int(size), progress)


def _folder_findings(source: str, head: HeadMesh) -> list[meshing.Finding]:
    """What the T1 of an m2m_ folder says against the mesh in it."""
    subject = meshing.subject_of(source)
    return [] if subject is None else meshing.check_space(subject, head)


def read_coil(source: str) -> Coil:
    """Read a coil file, or take a coil of the catalogue by its name.

    Raises:
        ValueError: The file is malformed, or the name is unknown.
        FileNotFoundError: There is no such file.
    """
    return coils.read(source)


def read_driven_coil(options: argparse.Namespace) -> Coil:
    """Read the coil, and drive its stimulators as `--didt` says.

    Where it gives one dI/dt for each stimulator, `options.didt` becomes the largest of
    them. What exceeds a stimulator's limit is told on standard error.

    Raises:
        ValueError: The file is malformed, the name is unknown, or there are not as many
            rates as stimulators.
        FileNotFoundError: There is no such file.
    """
    coil = read_coil(options.coil)
    count, given = coil.stimulator_count, options.didt
    if not isinstance(given, tuple):
        if count > 1:
            print(
                f"tmsgrad: note: all {count} stimulators of {coil.name} are driven alike; "
                "--didt A,B,… gives each its own dI/dt.",
                file=sys.stderr,
            )
        rates = () if given == "recorded" else (given,) * count
    elif len(given) != count:
        raise ValueError(
            f"--didt gives {len(given)} rates, but {coil.name} ({options.coil}) has "
            f"{count} stimulator{'s' if count > 1 else ''}."
        )
    else:
        rates, options.didt = given, max(abs(each) for each in given)
        coil = coil.driven(np.array(given) / options.didt)
    for number, rate in enumerate(rates):
        _warn_of_limit(coil, number, abs(rate))
    return coil


def _warn_of_limit(coil: Coil, number: int, rate: float) -> None:
    limit, name = coil.max_current_rate, coil.name
    if number < len(coil.stimulators):
        limit = coil.stimulators[number].max_current_rate
        name = coil.stimulators[number].name or name
    if limit is not None and rate > limit:
        warn(f"{rate:.4g} A/s is more than {name} is made for: {limit:.4g} A/s.")


def stimulator_rates(coil: Coil, rate: float) -> list[dict[str, str | float]]:
    """List the stimulators of a coil and what drives each, at a dI/dt [A/s]."""
    count = coil.stimulator_count
    shares = [1.0] * count if coil.rates is None else np.asarray(coil.rates).tolist()
    names = [each.name for each in coil.stimulators] or [""] * count
    return [
        {"name": name, "didt": share * rate}
        for name, share in zip(names, shares, strict=True)
    ]


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


def conductivity_of(
    head: HeadMesh, options: argparse.Namespace
) -> tuple[Array, str | None]:
    """Give a head the conductivity that the options ask for, as `read_conductivity`."""
    return read_conductivity(
        head,
        options.head,
        options.anisotropy,
        options.tensor,
        options.tensor_coverage,
    )


def resolve_target(options: argparse.Namespace) -> None:
    """Put a target that is given in MNI space into the head's coordinates.

    Sets `options.target` [mm] and `options.mni`, what a report should tell of it. Where it
    is a map, `options.target_choice` says what of it, and the target is only a rough
    place until `read_target`.

    Raises:
        ValueError: The head has no way to MNI space, or the target lies outside of it.
        FileNotFoundError: The transforms are missing.
    """
    options.mni = options.map = None
    choice = MapChoice.of(options)
    options.target_choice = choice
    if choice is not None:
        options.target = place_of_map(choice)
        return
    if options.target_mni is None:
        return
    published = None
    if isinstance(options.target_mni, str):
        published = _published(options.target_mni)
    centre = np.asarray(options.target_mni if published is None else published.centre)
    if options.head.split(":")[0] == TEMPLATE and not Path(options.head).exists():
        options.target = tuple(centre.tolist())
        kind, error = "the template is in MNI space", 0.0
    else:
        subject = meshing.subject_of(options.head)
        if subject is None:
            raise ValueError(
                f"--target-mni: {options.head} is no m2m_ folder of SimNIBS, and nothing "
                "else tells where MNI coordinates are in it. Give --target in the head's "
                "mm."
            )
        transform = meshing.read_mni(subject)
        options.target = tuple((1e3 * transform.to_subject(centre * 1e-3)).tolist())
        error = 1e3 * transform.return_error(centre * 1e-3)
        kind = f"{transform.kind}: {transform.description}"
        if error > _RETURN:
            raise ValueError(
                f"--target-mni: from there to the head and back one ends {error:.1f} mm "
                f"away ({transform.description}): the transforms do not belong together."
            )
    options.mni = {
        "centre_mni_mm": centre.tolist(),
        "transform": kind,
        "return_error_mm": error,
        "published": None if published is None else published.words,
    }
    if published is not None:
        print(f"published target {published.words}")
    at, mni = (
        ", ".join(f"{x:.1f}" for x in place) for place in (options.target, centre)
    )
    print(f"target           MNI ({mni}) mm is ({at}) mm in the head ({kind})")


def _published(symptom: str) -> SymptomTarget:
    try:
        return symptom_targets(symptom, "direct")[0]
    except ValueError as error:
        raise ValueError(f"--target-mni: {error}") from None


def from_mni(source: str, place: Float[ndarray, "3"]) -> Float[ndarray, "3"] | None:
    """Bring a point of MNI space to a head, in metres; None where nothing tells how."""
    if source.split(":")[0] == TEMPLATE and not Path(source).exists():
        return place
    subject = meshing.subject_of(source)
    try:
        return None if subject is None else meshing.read_mni(subject).to_subject(place)
    except (ValueError, FileNotFoundError):
        return None


def way_to_mni(
    source: str,
) -> Callable[[Float[ndarray, "3"]], Float[ndarray, "3"]] | None:
    """Find how a head's points go to MNI space, in metres; None where nothing tells."""
    if source.split(":")[0] == TEMPLATE and not Path(source).exists():
        return np.asarray
    subject = meshing.subject_of(source)
    try:
        return None if subject is None else meshing.read_mni(subject).to_mni
    except (ValueError, FileNotFoundError):
        return None


def read_target(head: HeadMesh, options: argparse.Namespace) -> Region:
    """Find the target that `--target`, `--radius` and `--tissue` name, or a map.

    Raises:
        ValueError: There is no such tissue, or nothing of the map lies in it.
    """
    if options.target_choice is not None:
        return target_of_map(options, head, options.target_choice)
    centre = np.asarray(options.target) * 1e-3
    return meshing.ball(head, centre, options.radius * 1e-3, options.tissue)

"""What `tmsgrad target functional` is asked for."""

import argparse
from dataclasses import dataclass

from ...optimize import targeting


@dataclass(frozen=True)
class Images:
    """The images of a person at rest.

    Attributes:
        runs: The files.
        confounds: A table for each, or none.
        mask: Of the brain, or None for the usual.
        repetition: Time, or None for what the files say. [s]
        space: `mni` or `head`, or None for what the names say.
        head: An m2m_ folder, or None.
        surfaces: That series on surfaces are of.
    """

    runs: tuple[str, ...]
    confounds: tuple[str, ...]
    mask: str | None
    repetition: float | None
    space: str | None
    head: str | None
    surfaces: tuple[str, ...]


@dataclass(frozen=True)
class Cleaning:
    """How the images are cleaned.

    Attributes:
        global_signal: With and without which the target is looked for.
        components: Of aCompCor, that are regressed out.
        skip: Volumes that are cut off at the start.
        variation: Leaves out volumes with a larger std_dvars, or None.
        displacement: Leaves out volumes with a larger one. [m]
        minutes: That must be left.
    """

    global_signal: tuple[bool, ...]
    components: int
    skip: int
    variation: float | None
    displacement: float
    minutes: float


@dataclass(frozen=True)
class FunctionalRequest:
    """What `tmsgrad target functional` is asked for.

    Attributes:
        images: Of the person.
        cleaning: Of these.
        seed: A known place, a place in MNI space, or a mask.
        seed_radius: Of a place. [mm, as the places of papers]
        seed_map: A group's map that weighs all voxels instead, or None.
        region: Where the target may be: a known region or a mask.
        network: A file with a network of the person's own that weighs the search, or None.
        network_label: Which of a parcellation it is, or None.
        normative: A group's map that is blended in, or None.
        blend: Its share.
        share: Of the region that may belong to the target.
        draws: Of the bootstrap.
        engagement: A map of the person's own that checks the target, or None.
        out: Folder.
    """

    images: Images
    cleaning: Cleaning
    seed: str
    seed_radius: float
    seed_map: str | None
    region: str
    network: str | None
    network_label: str | None
    normative: str | None
    blend: float
    share: float
    draws: int
    engagement: str | None
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "FunctionalRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other.
        """
        images = Images(
            *(tuple(options.bold), tuple(options.confounds), options.mask),
            *(options.tr, options.space, options.head, tuple(options.surface)),
        )
        _check_tables(images, options)
        if options.network is None and options.network_label is not None:
            raise ValueError("--network-label needs --network.")
        _check_surfaces(images, options.network)
        choices = {"no": (False,), "yes": (True,), "auto": (False, True)}
        cleaning = Cleaning(
            *(choices[options.global_signal], options.compcor, options.skip),
            *(options.dvars, options.displacement * 1e-3, options.minutes),
        )
        return cls(
            *(images, cleaning, options.seed, options.seed_radius, options.seed_map),
            *(options.search_region, options.network, options.network_label),
            *(options.normative, options.blend),
            *(options.share, options.draws, options.engagement, options.out),
        )


def _check_tables(images: Images, options: argparse.Namespace) -> None:
    files, tables = len(images.runs), len(images.confounds)
    if tables not in (0, files):
        raise ValueError(
            f"--confounds is given {tables} times, and --bold {files} times: give a table "
            "for each run, in the same order."
        )
    asked = (
        options.global_signal != "no" or options.compcor or options.dvars is not None
    )
    if asked and not tables:
        raise ValueError(
            "--global-signal, --compcor and --dvars need --confounds with their columns."
        )


def _check_surfaces(images: Images, network: str | None) -> None:
    on_surfaces = [targeting.is_on_surface(file) for file in images.runs]
    if any(on_surfaces) != all(on_surfaces):
        raise ValueError("--bold: some runs are on surfaces, others are images.")
    prior = network is not None and targeting.is_network_on_surface(network)
    if prior and not images.surfaces:
        raise ValueError(
            f"--network {network}: its values are on a surface; give that by --surface."
        )
    if not prior and all(on_surfaces) != bool(images.surfaces):
        raise ValueError(
            "--surface: series on surfaces (.dtseries.nii, .func.gii) need the surfaces of "
            "their vertices, and images go without."
        )
    if all(on_surfaces) and images.mask is not None:
        raise ValueError("--mask is of images: series on surfaces have cortex alone.")

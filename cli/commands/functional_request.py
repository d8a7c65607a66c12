"""What `tmsgrad target functional` is asked for."""

import argparse
from dataclasses import dataclass


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
    """

    runs: tuple[str, ...]
    confounds: tuple[str, ...]
    mask: str | None
    repetition: float | None
    space: str | None
    head: str | None


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
        normative: A group's map that is blended in, or None.
        blend: Its share.
        share: Of the region that may belong to the target.
        draws: Of the bootstrap.
        out: Folder.
    """

    images: Images
    cleaning: Cleaning
    seed: str
    seed_radius: float
    seed_map: str | None
    region: str
    normative: str | None
    blend: float
    share: float
    draws: int
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "FunctionalRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other.
        """
        images = Images(
            *(tuple(options.bold), tuple(options.confounds), options.mask),
            *(options.tr, options.space, options.head),
        )
        _check_tables(images, options)
        choices = {"no": (False,), "yes": (True,), "auto": (False, True)}
        cleaning = Cleaning(
            *(choices[options.global_signal], options.compcor, options.skip),
            *(options.dvars, options.displacement * 1e-3, options.minutes),
        )
        return cls(
            *(images, cleaning, options.seed, options.seed_radius, options.seed_map),
            *(options.search_region, options.normative, options.blend),
            *(options.share, options.draws, options.out),
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

"""The words of the command line."""

import argparse

from . import examples, units, words
from .common_options import (
    HELP,
    add_coil,
    add_conductor,
    add_exports,
    add_force,
    add_head,
    add_out,
    add_pose_reading,
    add_program,
    add_report,
    add_target,
    add_uncertainty,
)
from .dose_options import add_dose
from .eeg_options import add_alpha, add_burst
from .live_options import add_live_field
from .map_options import add_extent
from .mistakes import TerseParser
from .page_options import add_interactive, add_page
from .pulse_options import add_live, add_pulses
from .reduce_options import add_reduce, add_reduced
from .search_options import (
    add_accuracy,
    add_domain,
    add_goals,
    add_refinement,
    add_sweep,
)
from .show_options import add_show
from .target_options import add_functional
from .tract_options import add_fibres, add_structural
from .validate_options import add_validate


SYSTEMS = (
    "localite",
    "localite-triggers",
    "brainsight",
    "brainsight-2.5.2",
    "ant",
    "matsimnibs",
)


# The usual order where a target's mean field is stated.
_CORRECTED = "1, the target's mean field corrected beyond that"


class _Version(argparse.Action):
    """show program's version number and exit"""

    def __call__(self, parser, namespace, values, option_string=None):
        """Print it; to find it takes longer than all else that a parser does."""
        from importlib.metadata import version

        print(f"tmsgrad {version('tmsgrad')}")
        parser.exit()


def parser(
    kind: type[argparse.ArgumentParser] = TerseParser,
) -> argparse.ArgumentParser:
    """Make what reads the command line, with its help.

    Args:
        kind: The class of the parser and of those of its verbs.
    """
    root = kind(
        prog="tmsgrad",
        description="E-field simulation and coil placement for TMS.",
        epilog=examples.of_all(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    root.add_argument("--version", action=_Version, nargs=0, help=_Version.__doc__)
    verbs = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    _add_plan_verbs(verbs)
    _add_simulate(verbs)

    _add_optimize(verbs)
    _add_maps(verbs)
    add_show(_verb(verbs, "show", "draw a result: cortex, scalp and coil, or slices"))

    _add_head_verbs(verbs)
    _add_coil_verbs(verbs)
    dose = _verb(verbs, "dose", "the output for a target, from a motor threshold")
    add_head(dose)
    add_coil(dose)
    add_dose(dose)
    add_out(dose)
    _add_target_verbs(verbs)
    _add_pose_verbs(verbs)
    add_validate(_verb(verbs, "validate", "check every claim, with limits"))
    shell = _verb(verbs, "completion", "print a script for completion in a shell")
    shell.add_argument("shell", choices=("bash", "zsh"), help="which shell")
    return root


def _add_plan_verbs(verbs) -> None:
    for name, what in (
        (
            "plan",
            "do what a plan file says, except what is finished, and write what its steps "
            "chose, and on what evidence",
        ),
        ("run", "the former name of `plan`"),
    ):
        run = _verb(verbs, name, what)
        run.add_argument("plan", type=words.path, metavar="PLAN", help=".toml file")
        run.add_argument("--check", action="store_true", help="only look for mistakes")
        run.add_argument(
            "--keep-going",
            action=argparse.BooleanOptionalAction,
            help="go on with other runs after one that fails, and list all at the end "
            "(where the plan has more than one head)",
        )

    demo = _verb(verbs, "demo", "find the best pose on the template head and draw it")
    demo.add_argument(
        "--out",
        type=words.output,
        default="demo",
        metavar="DIR",
        help="output folder (demo)",
    )
    add_report(demo)


def _add_optimize(verbs) -> None:
    optimize = _verb(
        verbs, "optimize", "find the coil pose with the strongest field in a target"
    )
    add_head(optimize)
    add_coil(optimize)
    add_target(optimize, "centre, mm", required=True)
    add_goals(optimize)
    add_domain(optimize)
    add_accuracy(optimize)
    add_exports(optimize)
    add_conductor(optimize, order=None, usual=_CORRECTED)
    add_uncertainty(optimize)
    add_interactive(optimize)
    add_out(optimize)


def _add_maps(verbs) -> None:
    swept = _verb(verbs, "sweep", "map a target's field over all positions and angles")
    add_head(swept)
    add_coil(swept)
    add_target(swept, "centre, mm", required=True)
    add_sweep(swept)
    add_conductor(swept, order=None, usual="1, or that of --reduced")
    add_out(swept)

    reduced = _verb(
        verbs, "reduce", "make the field of any placement in a domain a sum of modes"
    )
    add_head(reduced)
    add_reduce(reduced)
    add_conductor(reduced, order=2, usual="2")

    page = _verb(
        verbs,
        "page",
        "make an HTML page on which the coil is moved and the field follows",
    )
    add_head(page)
    add_page(page)
    add_conductor(page, order=None, usual="2, or that of the --reduced basis")

    live = _verb(
        verbs,
        "live",
        "show the field while a tracked coil moves, and record its pulses",
    )
    add_head(live)
    add_live_field(live)
    add_conductor(live, order=None, usual="2, or that of the --reduced basis")


def _add_head_verbs(verbs) -> None:
    head = _noun(verbs, "head", "make, check, convert and describe heads")
    add_head(_action(head, "info", "describe a head"))
    checked = _action(head, "check", "look for what may be wrong with a head")
    add_head(checked, force=False)
    show = _action(head, "show", "draw slices with tissues and their surfaces")
    add_head(show)
    show.add_argument(
        "--out", type=words.output, required=True, metavar="FILE", help=".png picture"
    )
    show.add_argument(
        "--at",
        type=words.point,
        metavar="X,Y,Z",
        help="where the slices meet, mm (the middle of the brain)",
    )
    convert = _action(head, "convert", "write a head in another format")
    add_head(convert)
    _add_head_file(convert, "out", metavar="OUT")
    refine = _action(head, "refine", "make elements finer for the field in a target")
    add_head(refine)
    add_target(refine, "centre, mm", required=True)
    refine.add_argument(
        "--coil",
        type=words.source,
        default="magstim-70mm-double",
        metavar="C",
        help=f"{HELP['coil']} (magstim-70mm-double)",
    )
    add_refinement(refine)
    _add_head_file(refine, "--out", required=True, metavar="FILE")
    _add_meshing(_action(head, "mesh", "fill a label image with tetrahedra"))


def _add_target_verbs(verbs) -> None:
    targets = _noun(verbs, "target", "find targets in images")
    add_functional(
        _action(targets, "functional", "where a seed is most anticorrelated at rest")
    )
    structural = _action(
        targets, "structural", "where a deep target's fibres reach cortex"
    )
    add_head(structural)
    add_structural(structural)

    eeg = _noun(verbs, "eeg", "frequencies of a person's EEG")
    add_alpha(_action(eeg, "alpha", "the individual alpha frequency at rest"))
    add_burst(_action(eeg, "burst", "theta and gamma, for theta bursts"))
    add_pulses(_action(eeg, "pulses", "pulses at a phase, in a recording played again"))
    add_live(_action(eeg, "live", "pulses at a phase, while the EEG streams in"))


def _add_coil_verbs(verbs) -> None:
    actions = _noun(verbs, "coil", "describe, convert and draw coils")
    info = _action(actions, "info", "describe a coil")
    _action(actions, "list", "name the coils of the catalogue")
    convert = _action(actions, "convert", "write a coil in another format")
    show = _action(actions, "show", "draw a coil and its field")
    join = _action(actions, "join", "put coils together as one, on stimulators apart")
    join.add_argument(
        "coils", type=words.source, nargs="+", metavar="COIL", help=HELP["coil"]
    )
    join.add_argument(
        "--pose",
        type=words.path,
        metavar="FILE",
        help="of each coil in the head, in order (any pose file); the whole is then placed "
        "by the pose of the first coil",
    )
    join.add_argument(
        "--out", type=words.output, required=True, metavar="FILE", help="coil, .tcd"
    )
    for verb in (info, convert, show):
        verb.add_argument("coil", type=words.source, metavar="COIL", help=HELP["coil"])
    convert.add_argument(
        "out", type=words.output, metavar="OUT", help=".ccd, .tcd, .nii or .nii.gz file"
    )
    for name, corner in (("lowest", "-100,-100,0"), ("highest", "100,100,100")):
        what = f"{name} corner of an image's grid, mm ({corner})"
        convert.add_argument(f"--{name}", type=words.point, metavar="X,Y,Z", help=what)
    convert.add_argument(
        "--spacing",
        type=units.length,
        metavar="MM",
        help="of an image's grid, mm (2)",
    )
    show.add_argument(
        "--out", type=words.output, required=True, metavar="FILE", help="picture, .png"
    )
    show.add_argument(
        "--field", choices=("A", "B"), default="B", help="what the plane shows (B)"
    )
    show.add_argument(
        "--depth",
        type=units.length,
        default=20.0,
        metavar="MM",
        help="of the plane, below the coil's origin (20)",
    )


def _noun(verbs, noun: str, what: str):
    parent = verbs.add_parser(noun, help=what, description=what, allow_abbrev=False)
    return parent.add_subparsers(dest="noun", required=True, metavar="ACTION")


def _action(actions, name: str, what: str) -> argparse.ArgumentParser:
    verb = _verb(actions, name, what)
    verb.set_defaults(command=verb.prog.removeprefix("tmsgrad "))
    return verb


def _add_meshing(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "labels",
        type=words.path,
        metavar="LABELS",
        help="label image, .nii or .nii.gz; or SPM's map c1*.nii, with --table spm",
    )
    _add_head_file(verb, "--out", required=True, metavar="FILE")
    verb.add_argument(
        "--table",
        type=words.source,
        default="simnibs",
        metavar="T",
        help="what the labels are: simnibs, spm, freesurfer, or a text file with a label "
        "and a tissue in each line (simnibs)",
    )
    verb.add_argument(
        "--tetrahedra",
        type=words.count,
        default=1_000_000,
        metavar="N",
        help="about how many (1000000)",
    )
    verb.add_argument(
        "--size",
        type=words.sizes,
        default={},
        metavar="TISSUE=MM,…",
        help="longest edges of elements in some tissues, such as gm=2,scalp=8",
    )
    verb.add_argument(
        "--neck",
        type=units.length_or_none,
        metavar="MM",
        help="end the head so far below the brain (where the image ends)",
    )
    verb.add_argument(
        "--islands",
        type=words.not_negative,
        default=10.0,
        metavar="MM³",
        help="give smaller pieces of a tissue to what is around them (10)",
    )
    verb.add_argument(
        "--fill-air", action="store_true", help="fill air that is inside the head"
    )
    add_force(verb)


def _add_head_file(verb: argparse.ArgumentParser, name: str, **options) -> None:
    verb.add_argument(
        name, type=words.output, help=".msh, .msh.gz, .npz or .vtu file", **options
    )


def _add_simulate(verbs) -> None:
    simulate = _verb(verbs, "simulate", "compute the field of given coil poses")
    add_head(simulate)
    add_coil(simulate)
    _add_given_poses(simulate)
    add_target(
        simulate,
        "compute the mean field in this target only, mm: fast for many poses, one row "
        "of pulses.csv each; an interrupted run goes on",
    )
    add_extent(simulate)
    simulate.add_argument(
        "--direction",
        type=words.triple,
        metavar="X,Y,Z",
        help="give the mean field's component along this as well",
    )
    simulate.add_argument(
        "--fields",
        action="store_true",
        help="with --target, solve for whole fields as without it",
    )
    _add_evaluation(simulate)
    add_reduced(simulate)
    add_exports(simulate)
    add_fibres(simulate)
    add_conductor(
        simulate, order=None, usual=f"{_CORRECTED}; or that of the --reduced basis"
    )
    add_uncertainty(simulate)
    add_out(simulate)


def _add_given_poses(simulate: argparse.ArgumentParser) -> None:
    place = simulate.add_mutually_exclusive_group(required=True)
    place.add_argument("--pose", type=words.path, metavar="FILE", help=HELP["file"])
    place.add_argument(
        "--eeg",
        type=words.names,
        metavar="NAME,NAME",
        help="coil centre 4 mm above the first EEG position, such as C3,CP3, its y axis "
        "towards the second",
    )
    add_pose_reading(simulate)
    simulate.add_argument(
        "--turns",
        type=words.count,
        default=1,
        metavar="N",
        help="turn each pose about the coil's axis to N angles, all the way round",
    )
    simulate.add_argument(
        "--didt",
        type=words.current_rate,
        default=1e6,
        metavar="A/µs[,…]",
        help="dI/dt, as stimulators show it (1), one for each stimulator of the coil as "
        "79,40, or "
        "`recorded` for those in the pose file",
    )


def _add_evaluation(simulate: argparse.ArgumentParser) -> None:
    evaluation = simulate.add_mutually_exclusive_group()
    evaluation.add_argument(
        "--fast",
        action="store_true",
        help="values in the target to about 5e-4, many times faster: as usual for more "
        "than 64 pulses, where the error is measured at 16 of them",
    )
    evaluation.add_argument(
        "--exact",
        action="store_true",
        help="values in the target to rounding, however many pulses; without a target, "
        "solve for every pose, also of more than 500, whose fields in gray matter else "
        "come from a basis that is made of them",
    )


def _add_pose_verbs(verbs) -> None:
    actions = _noun(verbs, "pose", "describe poses, or convert them")
    info = _action(actions, "info", "describe poses")
    convert = _action(
        actions, "convert", "write poses as another navigation system has them"
    )
    for verb in (info, convert):
        verb.add_argument("file", type=words.path, metavar="FILE", help=HELP["file"])
        add_pose_reading(verb)
    convert.add_argument("out", type=words.output, metavar="OUT", help="file to write")
    convert.add_argument(
        "--to",
        required=True,
        choices=SYSTEMS,
        help="the system to write for; brainsight is 2.5.3 and later",
    )
    convert.add_argument(
        "--out-space",
        choices=("RAS", "LPS"),
        default="RAS",
        help="of Localite's file: LPS where its image is DICOM (RAS)",
    )
    convert.add_argument(
        "--turn",
        type=words.number,
        default=0.0,
        metavar="DEGREES",
        help="turn every coil about its own axis, from x towards y",
    )
    convert.add_argument(
        "--image",
        type=words.path,
        metavar="T1",
        help="the image that the navigation system has (.nii.gz): needed for ant",
    )
    convert.add_argument(
        "--coil-name", default="", metavar="NAME", help="of the coil, for ant"
    )


def _verb(verbs, name: str, what: str) -> argparse.ArgumentParser:
    # That of a parent ends in a space for each of its own words: "tmsgrad head".
    full = f"{verbs._prog_prefix} {name}".removeprefix("tmsgrad ")
    verb = verbs.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=examples.of_verb(full),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_program(verb, saves=name not in ("run", "plan", "completion"))
    return verb

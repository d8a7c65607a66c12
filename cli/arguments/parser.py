"""The words of the command line."""

import argparse

from . import examples, words
from .cohort_options import add_bids
from .coil_options import (
    add_coil_file,
    add_coil_format,
    add_coil_picture,
    add_joining,
)
from .common_options import (
    CORRECTED,
    add_coil,
    add_conductor,
    add_exports,
    add_head,
    add_out,
    add_program,
    add_report,
    add_target,
    add_uncertainty,
)
from .dose_options import add_dose
from .eeg_options import add_alpha, add_burst
from .head_options import (
    add_head_file,
    add_head_picture,
    add_meshing,
    add_refining,
    add_segmenting,
)
from .live_options import add_live_field
from .mistakes import TerseParser
from .page_options import add_interactive, add_page
from .pose_options import add_pose_file, add_pose_system
from .pulse_options import add_live, add_pulses
from .reduce_options import add_reduce
from .response_options import add_motor, add_response
from .search_options import (
    add_accuracy,
    add_domain,
    add_goals,
    add_sweep,
)
from .show_options import add_show
from .simulate_options import add_simulation
from .symptom_options import add_symptoms
from .target_options import add_functional
from .tiers import BASIC, HelpAll
from .tract_options import add_structural
from .trial_options import (
    add_allocate,
    add_open,
    add_pair,
    add_power,
    add_unblind,
)
from .validate_options import add_validate


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
    maps = _noun(verbs, "map", "map what responds to pulses")
    motor = _action(maps, "motor", "map what moves a muscle, from many pulses")
    add_motor(motor)
    add_out(motor)
    response = _action(
        maps, "response", "how BOLD or an evoked response grows with intensity"
    )
    add_response(response)
    add_out(response)
    _add_pose_verbs(verbs)
    _add_trial_verbs(verbs)
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
            "--only",
            metavar="N",
            help="only the N-th of the plan's subjects, or a subject by name; of its runs "
            "where it has no subjects (for jobs that share a plan)",
        )
        run.add_argument(
            "--keep-going",
            action=argparse.BooleanOptionalAction,
            help="go on with other runs after one that fails, and list all at the end "
            "(where the plan has more than one head)",
        )

    add_bids(
        _verb(verbs, "bids", "do a plan for each person of a study, and map the group")
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
    add_conductor(optimize, order=None, usual=CORRECTED)
    add_uncertainty(optimize)
    add_interactive(optimize)
    add_out(optimize)


def _add_maps(verbs) -> None:
    swept = _verb(verbs, "sweep", "map a target's field over all positions and angles")
    add_head(swept)
    add_coil(swept)
    add_target(swept, "centre, mm", required=True)
    add_sweep(swept)
    add_conductor(swept, order=None, usual=f"{CORRECTED}; or that of --reduced")
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
    actions = _noun(verbs, "head", "make, check, convert and describe heads")
    add_head(_action(actions, "info", "describe a head"))
    checked = _action(actions, "check", "look for what may be wrong with a head")
    add_head(checked, force=False)
    show = _action(actions, "show", "draw slices with tissues and their surfaces")
    add_head(show)
    add_head_picture(show)
    convert = _action(actions, "convert", "write a head in another format")
    add_head(convert)
    add_head_file(convert, "out", metavar="OUT")
    refine = _action(actions, "refine", "make elements finer for the field in a target")
    add_head(refine)
    add_target(refine, "centre, mm", required=True)
    add_refining(refine)
    add_meshing(_action(actions, "mesh", "fill a label image with tetrahedra"))
    add_segmenting(
        _action(
            actions, "segment", "make a head of a T1, or of another program's labels"
        )
    )


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
    add_symptoms(
        _action(targets, "symptoms", "published targets, weighed by symptom scores")
    )

    eeg = _noun(verbs, "eeg", "frequencies of a person's EEG")
    add_alpha(_action(eeg, "alpha", "the individual alpha frequency at rest"))
    add_burst(_action(eeg, "burst", "theta and gamma, for theta bursts"))
    add_pulses(_action(eeg, "pulses", "pulses at a phase, in a recording played again"))
    add_live(_action(eeg, "live", "pulses at a phase, while the EEG streams in"))


def _add_trial_verbs(verbs) -> None:
    trial = _noun(verbs, "trial", "compare two ways to plan in people")
    for name, add, what in (
        ("power", add_power, "how likely a trial shows a difference that there is"),
        ("allocate", add_allocate, "draw a sealed list of arms"),
        ("pair", add_pair, "put the plans of both arms side by side, without names"),
        ("open", add_open, "enrol a person, and say which plan is to be used"),
        ("unblind", add_unblind, "say who was in which arm, at the end"),
    ):
        add(_action(trial, name, what))


def _add_coil_verbs(verbs) -> None:
    actions = _noun(verbs, "coil", "describe, convert and draw coils")
    add_coil_file(_action(actions, "info", "describe a coil"))
    _action(actions, "list", "name the coils of the catalogue")
    convert = _action(actions, "convert", "write a coil in another format")
    add_coil_file(convert)
    add_coil_format(convert)
    show = _action(actions, "show", "draw a coil and its field")
    add_coil_file(show)
    add_coil_picture(show)
    add_joining(
        _action(actions, "join", "put coils together as one, on stimulators apart")
    )


def _add_pose_verbs(verbs) -> None:
    actions = _noun(verbs, "pose", "describe poses, or convert them")
    add_pose_file(_action(actions, "info", "describe poses"))
    convert = _action(
        actions, "convert", "write poses as another navigation system has them"
    )
    add_pose_file(convert)
    add_pose_system(convert)


def _add_simulate(verbs) -> None:
    simulate = _verb(verbs, "simulate", "compute the field of given coil poses")
    add_head(simulate)
    add_coil(simulate)
    add_simulation(simulate)
    add_out(simulate)


def _noun(verbs, noun: str, what: str):
    parent = verbs.add_parser(noun, help=what, description=what, allow_abbrev=False)
    return parent.add_subparsers(dest="noun", required=True, metavar="ACTION")


def _action(actions, name: str, what: str) -> argparse.ArgumentParser:
    verb = _verb(actions, name, what)
    verb.set_defaults(command=verb.prog.removeprefix("tmsgrad "))
    return verb


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
    if full in BASIC:
        verb.add_argument("--help-all", action=HelpAll, nargs=0, help=HelpAll.__doc__)
        if isinstance(verb, TerseParser):
            verb.basic = BASIC[full]
    add_program(verb, saves=name not in ("run", "plan", "bids", "completion"))
    return verb

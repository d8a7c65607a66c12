"""The options of `tmsgrad bids`."""

import argparse

from . import words


def label(word: str) -> str:
    """Take a label of BIDS, also with `sub-` or `ses-` before it."""
    plain = word.removeprefix("sub-").removeprefix("ses-")
    if not (plain.isascii() and plain.replace("+", "").isalnum()):
        raise argparse.ArgumentTypeError(
            f"{word!r} is no label of BIDS, which has letters and numbers only"
        )
    return plain


def add_bids(verb: argparse.ArgumentParser) -> None:
    """Add what `bids` takes."""
    verb.add_argument(
        "bids_dir", type=words.path, metavar="BIDS_DIR", help="folder of the study"
    )
    verb.add_argument(
        "output_dir", type=words.output, metavar="OUT_DIR", help="folder of the results"
    )
    verb.add_argument(
        "level",
        choices=("participant", "group"),
        help="compute each person's fields, or summarise those of all",
    )
    _add_choice(verb)
    _add_engine(verb)
    _add_group(verb)


def _add_choice(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--plan",
        type=words.path,
        metavar="PLAN",
        help="what is done for each person: a plan file with {head}, {out} and others "
        "(participant needs it)",
    )
    verb.add_argument(
        "--participant-label",
        type=label,
        nargs="+",
        metavar="LABEL",
        help="only these subjects, with or without sub- (all)",
    )
    verb.add_argument(
        "--session-label",
        type=label,
        nargs="+",
        metavar="LABEL",
        help="only these sessions (the only one; each, where the plan has {session})",
    )
    verb.add_argument(
        "--check",
        action="store_true",
        help="only look for what is missing or wrong, person by person",
    )
    verb.add_argument(
        "--fslr",
        type=words.path,
        nargs=2,
        metavar=("LEFT", "RIGHT"),
        help="spheres of fsLR in the space of fsaverage (.gii): fields on it too",
    )


def _add_engine(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("where people are computed")
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--here", action="store_true", help="one after the other, in this process"
    )
    where.add_argument(
        "--scheduler",
        metavar="URL",
        help="join a Dask cluster that is running, such as tcp://host:8786",
    )
    for name, what in (
        ("slurm", "SLURM"),
        ("pbs", "PBS"),
        ("sge", "SGE"),
        ("lsf", "LSF"),
    ):
        where.add_argument(
            f"--{name}", action="store_true", help=f"start Dask workers by {what}"
        )
    where.add_argument(
        "--array",
        action="store_true",
        help="print a script for `sbatch`, a task for each person, and compute nothing",
    )
    group.add_argument(
        "--workers",
        type=words.count,
        metavar="N",
        help="how many people at once, at most (as many as memory and cores allow)",
    )
    group.add_argument(
        "--memory",
        type=words.positive,
        metavar="GB",
        help="for all people on this machine (80%% of what is free)",
    )
    for name, unit, what in (
        ("queue", "NAME", "of the cluster that jobs go to"),
        ("account", "NAME", "that jobs are charged to"),
        ("walltime", "HH:MM:SS", "of a job (04:00:00)"),
    ):
        group.add_argument(f"--{name}", metavar=unit, help=what)


def _add_group(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("of the group")
    above = group.add_mutually_exclusive_group()
    above.add_argument(
        "--above",
        type=words.positive,
        metavar="V/M",
        help="count people whose field reaches this, vertex by vertex",
    )
    above.add_argument(
        "--above-share",
        type=words.share,
        default=0.5,
        metavar="SHARE",
        help="the same as a share of each person's 99.9th percentile (0.5)",
    )
    group.add_argument(
        "--networks",
        type=words.path,
        nargs=2,
        metavar=("LEFT", "RIGHT"),
        help="parcellation on fsaverage5 (.annot or .label.gii): which networks the "
        "group's field lies in",
    )

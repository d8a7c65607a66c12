"""The command `tmsgrad`."""

import argparse
import json
import os
import re
import sys
import traceback
from importlib.metadata import version


__version__ = version("tmsgrad")

_EXAMPLES = """examples:
  tmsgrad demo --out demo
  tmsgrad optimize m2m_ernie --coil MagStim_D70.ccd --target -41,-13,66 --radius 5 \\
      --efield 100 --out plan
  tmsgrad simulate ernie.msh --coil magstim-70mm-double --pose plan/pose.txt \\
      --didt 1e6 --out field
  tmsgrad head mesh final_tissues.nii.gz --out head.msh
  tmsgrad head check m2m_ernie
  tmsgrad head info template
  tmsgrad coil info MagStim_D70.ccd

Coordinates are the head file's millimetres. For research use only."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 for success, 2 for bad input or a head with errors, 1 for a failure of ours, 130
        for an interruption.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(_with_negative_values(words))
    try:
        # A mesh of a million elements takes a second to import for: after --help.
        from . import commands

        result = commands.COMMANDS[options.command](options)
    except KeyboardInterrupt:
        print("tmsgrad: interrupted; nothing was written.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, ModuleNotFoundError) as error:
        return _complain(error, 2)
    except Exception as error:
        return _complain(error, 1)
    if options.json:
        print(json.dumps(result))
    return 2 if result.get("failed") else 0


def _with_negative_values(words: list[str]) -> list[str]:
    """Join an option and a value such as -40,30,38, which argparse takes for an option."""
    joined: list[str] = []
    for word in words:
        last = joined[-1] if joined else ""
        if re.match(r"-[\d.]", word) and last.startswith("--") and "=" not in last:
            joined[-1] = f"{last}={word}"
        else:
            joined.append(word)
    return joined


def _complain(error: Exception, status: int) -> int:
    if os.environ.get("TMSGRAD_DEBUG"):
        traceback.print_exc()
    message = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename:
        message = f"{error.filename}: {error.strerror}"
    print(f"tmsgrad: error: {message}", file=sys.stderr)
    if status == 1:
        print(
            "tmsgrad: this is no fault of your input that we know of. Set TMSGRAD_DEBUG=1 "
            "for a traceback, and report it.",
            file=sys.stderr,
        )
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tmsgrad",
        description="E-field simulation and coil placement for TMS.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tmsgrad {__version__}")
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = _verb(verbs, "demo", "find the best pose on the template head and draw it")
    demo.add_argument(
        "--out", default="demo", metavar="DIR", help="output folder (demo)"
    )

    simulate = _verb(verbs, "simulate", "compute the field of given coil poses")
    _add_head(simulate)
    _add_coil(simulate)
    simulate.add_argument(
        "--pose",
        required=True,
        metavar="FILE",
        help="4×4 matrices in mm (.txt, .csv, .npy, .npz, .json)",
    )
    simulate.add_argument(
        "--didt", type=_positive, default=1e6, metavar="A/S", help="dI/dt (1e6 A/s)"
    )
    _add_conductivity(simulate)
    _add_out(simulate)

    optimize = _verb(
        verbs, "optimize", "find the coil pose with the strongest field in a target"
    )
    _add_head(optimize)
    _add_coil(optimize)
    optimize.add_argument(
        "--target", type=_triple, required=True, metavar="X,Y,Z", help="centre, mm"
    )
    optimize.add_argument(
        "--radius",
        type=_positive,
        required=True,
        metavar="MM",
        help="of the target, mm",
    )
    optimize.add_argument("--tissue", default="gm", help="of the target (gm)")
    optimize.add_argument(
        "--direction",
        type=_triple,
        metavar="X,Y,Z",
        help="maximise the mean field's component along this, not its norm",
    )
    optimize.add_argument(
        "--efield",
        type=_positive,
        metavar="V/M",
        help="wanted in the target: gives dI/dt",
    )
    optimize.add_argument(
        "--distance",
        type=_not_negative,
        default=4.0,
        metavar="MM",
        help="scalp to coil centre along the coil's axis (4)",
    )
    optimize.add_argument(
        "--search-radius",
        type=_positive,
        default=30.0,
        metavar="MM",
        help="how far around the target's nearest scalp point to search (30)",
    )
    optimize.add_argument(
        "--tilt",
        type=_tilt,
        default=0.0,
        metavar="DEG",
        help="how far the coil's axis may depart from the scalp's normal (0)",
    )
    _add_conductivity(optimize)
    _add_out(optimize)

    head = _noun(verbs, "head", "make, check, convert and describe heads")
    _add_head(_action(head, "info", "describe a head"))
    _add_head(_action(head, "check", "look for what may be wrong with a head"))
    convert = _action(head, "convert", "write a head in another format")
    _add_head(convert)
    _add_head_file(convert, "out", metavar="OUT")
    _add_meshing(_action(head, "mesh", "fill a label image with tetrahedra"))

    coil = _noun(verbs, "coil", "describe coils")
    described = _action(coil, "info", "describe a coil")
    described.add_argument("coil", metavar="COIL", help=_HELP["coil"])
    return parser


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
        metavar="LABELS",
        help="label image, .nii or .nii.gz; or SPM's map c1*.nii, with --table spm",
    )
    _add_head_file(verb, "--out", required=True, metavar="FILE")
    verb.add_argument(
        "--table",
        default="simnibs",
        metavar="T",
        help="what the labels are: simnibs, spm, freesurfer, or a text file with a label "
        "and a tissue in each line (simnibs)",
    )
    verb.add_argument(
        "--tetrahedra",
        type=_count,
        default=1_000_000,
        metavar="N",
        help="about how many (1000000)",
    )
    verb.add_argument(
        "--size",
        type=_sizes,
        default={},
        metavar="TISSUE=MM,…",
        help="longest edges of elements in some tissues, such as gm=2,scalp=8",
    )
    verb.add_argument(
        "--neck",
        type=_not_negative,
        metavar="MM",
        help="end the head so far below the brain (where the image ends)",
    )
    verb.add_argument(
        "--islands",
        type=_not_negative,
        default=10.0,
        metavar="MM³",
        help="give smaller pieces of a tissue to what is around them (10)",
    )
    verb.add_argument(
        "--fill-air", action="store_true", help="fill air that is inside the head"
    )


def _add_head_file(verb: argparse.ArgumentParser, name: str, **options) -> None:
    verb.add_argument(name, help=".msh, .msh.gz, .npz or .vtu file", **options)


_HELP = {
    "head": ".msh, .npz or .vtu mesh, m2m_ folder, or `template`",
    "coil": "coil file, or a name of the catalogue",
    "json": "print one JSON object as the last line",
}


def _verb(verbs, name: str, what: str) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=what, description=what, allow_abbrev=False)
    verb.add_argument("--json", action="store_true", help=_HELP["json"])
    return verb


def _add_head(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("head", metavar="HEAD", help=_HELP["head"])


def _add_conductivity(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--anisotropy",
        choices=("scalar", "vn", "dir", "mc"),
        default="scalar",
        help="conductivity of white and gray matter from a tensor image, as in SimNIBS",
    )
    verb.add_argument(
        "--tensor",
        metavar="FILE",
        help="diffusion tensor image (FSL, MRtrix or dipy order)",
    )


def _add_coil(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--coil", required=True, metavar="C", help=_HELP["coil"])


def _add_out(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", required=True, metavar="DIR", help="output folder")


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no number") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise argparse.ArgumentTypeError(f"{word!r} is not finite")
    return value


def _tilt(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 45:
        raise argparse.ArgumentTypeError(
            f"must lie between 0 and 45 degrees, got {text}"
        )
    return value


def _positive(word: str) -> float:
    value = _number(word)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{word!r} must be positive")
    return value


def _not_negative(word: str) -> float:
    value = _number(word)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{word!r} must not be negative")
    return value


def _count(word: str) -> int:
    value = _positive(word)
    if value != int(value):
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number")
    return int(value)


def _sizes(word: str) -> dict[str, float]:
    """Read tissue=mm pairs, and give them in metres."""
    sizes = {}
    for part in word.split(","):
        tissue, equals, size = part.partition("=")
        if not equals or not tissue.strip():
            raise argparse.ArgumentTypeError(f"{part!r} must be TISSUE=MM")
        sizes[tissue.strip()] = _positive(size) * 1e-3
    return sizes


def _triple(word: str) -> tuple[float, float, float]:
    parts = word.replace(",", " ").split()
    if len(parts) != 3:
        raise argparse.ArgumentTypeError(f"{word!r} must be three numbers: X,Y,Z")
    x, y, z = (_number(part) for part in parts)
    return x, y, z


if __name__ == "__main__":
    sys.exit(main())

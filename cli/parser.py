"""The words of the command line."""

import argparse
from importlib.metadata import version

from . import words
from .search_options import add_domain, add_goals, add_sweep
from .validate_options import add_validate


__version__ = version("tmsgrad")

SYSTEMS = (
    "localite",
    "localite-triggers",
    "brainsight",
    "brainsight-2.5.2",
    "ant",
    "matsimnibs",
)

_EXAMPLES = """examples:
  tmsgrad demo --out demo
  tmsgrad optimize m2m_ernie --coil MagStim_D70.ccd --target -41,-13,66 --radius 5 \\
      --efield 100 --out plan
  tmsgrad simulate ernie.msh --coil magstim-70mm-double --pose plan/pose.txt \\
      --didt 1e6 --out field
  tmsgrad simulate m2m_ernie --coil MagStim_D70.ccd --pose TriggerMarkers_Coil0.xml \\
      --didt recorded --target -41,-13,66 --radius 5 --out session
  tmsgrad pose convert plan/pose.txt targets.txt --to brainsight
  tmsgrad pose info TriggerMarkers_Coil0.xml
  tmsgrad head mesh final_tissues.nii.gz --out head.msh
  tmsgrad head check m2m_ernie
  tmsgrad head show m2m_ernie --out slices.png
  tmsgrad head info template
  tmsgrad coil info MagStim_D70.ccd
  tmsgrad coil convert magstim-70mm-double coil.tcd
  tmsgrad coil show MagStim_D70.ccd --out coil.png
  tmsgrad coil join left.ccd right.ccd --pose poses.txt --out both.tcd

Coordinates are the head file's millimetres. For research use only."""


def parser() -> argparse.ArgumentParser:
    """Make what reads the command line, with its help."""
    root = argparse.ArgumentParser(
        prog="tmsgrad",
        description="E-field simulation and coil placement for TMS.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    root.add_argument("--version", action="version", version=f"tmsgrad {__version__}")
    verbs = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = _verb(verbs, "demo", "find the best pose on the template head and draw it")
    demo.add_argument(
        "--out", default="demo", metavar="DIR", help="output folder (demo)"
    )
    _add_report(demo)

    _add_simulate(verbs)

    optimize = _verb(
        verbs, "optimize", "find the coil pose with the strongest field in a target"
    )
    _add_head(optimize)
    _add_coil(optimize)
    _add_target(optimize, "centre, mm", required=True)
    add_goals(optimize)
    add_domain(optimize)
    _add_exports(optimize)
    _add_conductor(optimize)
    _add_uncertainty(optimize)
    _add_out(optimize)

    swept = _verb(verbs, "sweep", "map a target's field over all positions and angles")
    _add_head(swept)
    _add_coil(swept)
    _add_target(swept, "centre, mm", required=True)
    add_sweep(swept)
    _add_conductor(swept)
    _add_out(swept)

    head = _noun(verbs, "head", "make, check, convert and describe heads")
    _add_head(_action(head, "info", "describe a head"))
    _add_head(_action(head, "check", "look for what may be wrong with a head"))
    show = _action(head, "show", "draw slices with tissues and their surfaces")
    _add_head(show)
    show.add_argument("--out", required=True, metavar="FILE", help=".png picture")
    show.add_argument(
        "--at",
        type=words.triple,
        metavar="X,Y,Z",
        help="where the slices meet, mm (the middle of the brain)",
    )
    convert = _action(head, "convert", "write a head in another format")
    _add_head(convert)
    _add_head_file(convert, "out", metavar="OUT")
    _add_meshing(_action(head, "mesh", "fill a label image with tetrahedra"))

    _add_coil_verbs(verbs)

    _add_pose_verbs(verbs)
    add_validate(_verb(verbs, "validate", "check every claim, with limits"))
    return root


def _add_coil_verbs(verbs) -> None:
    actions = _noun(verbs, "coil", "describe, convert and draw coils")
    info = _action(actions, "info", "describe a coil")
    convert = _action(actions, "convert", "write a coil in another format")
    show = _action(actions, "show", "draw a coil and its field")
    join = _action(actions, "join", "put coils together as one, on stimulators apart")
    join.add_argument("coils", nargs="+", metavar="COIL", help=_HELP["coil"])
    join.add_argument(
        "--pose",
        metavar="FILE",
        help="of each coil in the head, in order (any pose file); the whole is then placed "
        "by the pose of the first coil",
    )
    join.add_argument("--out", required=True, metavar="FILE", help="coil, .tcd")
    for verb in (info, convert, show):
        verb.add_argument("coil", metavar="COIL", help=_HELP["coil"])
    convert.add_argument("out", metavar="OUT", help=".ccd, .tcd, .nii or .nii.gz file")
    for name, corner in (("lowest", "-100,-100,0"), ("highest", "100,100,100")):
        what = f"{name} corner of an image's grid, mm ({corner})"
        convert.add_argument(f"--{name}", type=words.triple, metavar="X,Y,Z", help=what)
    convert.add_argument(
        "--spacing",
        type=words.positive,
        metavar="MM",
        help="of an image's grid, mm (2)",
    )
    show.add_argument("--out", required=True, metavar="FILE", help="picture, .png")
    show.add_argument(
        "--field", choices=("A", "B"), default="B", help="what the plane shows (B)"
    )
    show.add_argument(
        "--depth",
        type=words.positive,
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
        type=words.not_negative,
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


def _add_head_file(verb: argparse.ArgumentParser, name: str, **options) -> None:
    verb.add_argument(name, help=".msh, .msh.gz, .npz or .vtu file", **options)


def _add_simulate(verbs) -> None:
    simulate = _verb(verbs, "simulate", "compute the field of given coil poses")
    _add_head(simulate)
    _add_coil(simulate)
    place = simulate.add_mutually_exclusive_group(required=True)
    place.add_argument("--pose", metavar="FILE", help=_HELP["file"])
    place.add_argument(
        "--eeg",
        type=words.names,
        metavar="NAME,NAME",
        help="coil centre 4 mm above the first EEG position, such as C3,CP3, its y axis "
        "towards the second",
    )
    _add_pose_reading(simulate)
    simulate.add_argument(
        "--didt",
        type=words.current_rate,
        default=1e6,
        metavar="A/S[,…]",
        help="dI/dt (1e6 A/s), one for each stimulator of the coil as 1e6,5e5, or "
        "`recorded` for those in the pose file",
    )
    _add_target(
        simulate,
        "compute the mean field in this target only, mm: fast for many poses, one row "
        "of pulses.csv each; an interrupted run goes on",
    )
    simulate.add_argument(
        "--radius", type=words.positive, metavar="MM", help="of the target, mm"
    )
    simulate.add_argument("--tissue", default="gm", help="of the target (gm)")
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
    simulate.add_argument(
        "--fast",
        action="store_true",
        help="values in the target to about 5e-4, many times faster",
    )
    _add_exports(simulate)
    _add_conductor(simulate)
    _add_uncertainty(simulate)
    _add_out(simulate)


def _add_target(
    verb: argparse.ArgumentParser, what: str, required: bool = False
) -> None:
    target = verb.add_mutually_exclusive_group(required=required)
    target.add_argument("--target", type=words.triple, metavar="X,Y,Z", help=what)
    target.add_argument(
        "--target-mni",
        type=words.triple,
        metavar="X,Y,Z",
        help="the same in MNI coordinates, for an m2m_ folder or the template",
    )


def _add_pose_verbs(verbs) -> None:
    actions = _noun(verbs, "pose", "describe poses, or convert them")
    info = _action(actions, "info", "describe poses")
    convert = _action(
        actions, "convert", "write poses as another navigation system has them"
    )
    for verb in (info, convert):
        verb.add_argument("file", metavar="FILE", help=_HELP["file"])
        _add_pose_reading(verb)
    convert.add_argument("out", metavar="OUT", help="file to write")
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
        metavar="T1",
        help="the image that the navigation system has (.nii.gz): needed for ant",
    )
    convert.add_argument(
        "--coil-name", default="", metavar="NAME", help="of the coil, for ant"
    )


def _add_pose_reading(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--group",
        metavar="NAME",
        help="take only these of the file: target, sample, marker, pulse or pose",
    )
    verb.add_argument(
        "--space",
        choices=("RAS", "LPS"),
        help="of the file's coordinates, where it does not tell (Localite, Brainsight)",
    )
    verb.add_argument(
        "--transform",
        metavar="FILE",
        help="4×4 matrix in mm from the file's coordinates to the head's",
    )
    verb.add_argument(
        "--repair",
        action="store_true",
        help="replace matrices that shear, scale or reflect by rigid ones, and lift coils "
        "off the scalp",
    )


_HELP = {
    "file": "poses: Localite .xml, Brainsight .txt, ANT .mrk, SofTaxic .stmpx, or 4×4 "
    "matrices in mm (.txt, .csv, .npy, .npz, .json)",
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


def _add_conductor(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--order",
        type=int,
        choices=(1, 2),
        default=1,
        help="of the elements: 2 is more accurate, and takes two to five times as long (1)",
    )
    verb.add_argument(
        "--anisotropy",
        choices=("scalar", "vn", "dir", "mc"),
        default="scalar",
        help="conductivity of white and gray matter from a tensor image, as in SimNIBS",
    )
    verb.add_argument(
        "--tensor",
        metavar="FILE",
        help="diffusion tensor image (FSL, MRtrix or dipy order; that of the m2m_ folder)",
    )
    verb.add_argument(
        "--tensor-coverage",
        type=words.share,
        default=0.5,
        metavar="SHARE",
        help="of white matter that the image must cover, 0 to 1 (0.5)",
    )


def _add_uncertainty(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--uncertainty",
        nargs="?",
        const="literature",
        type=words.spread,
        metavar="SHARE",
        help="tell what makes the field in the target uncertain: placement, and "
        "conductivities as in the literature or with this relative deviation, as 0.1",
    )
    verb.add_argument(
        "--draws",
        type=words.count,
        default=1024,
        metavar="N",
        help="of conductivities (1024)",
    )
    verb.add_argument(
        "--placement-sd",
        type=words.four,
        default=(2.0, 1.0, 3.0, 3.0),
        metavar="MM,MM,DEG,DEG",
        help="standard deviations of position along the scalp, distance, angle and tilt "
        "(2,1,3,3)",
    )


def _add_exports(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--nifti",
        metavar="IMAGE",
        help="write E and |E| as images in this image's grid, such as the T1's",
    )
    verb.add_argument(
        "--vtu", action="store_true", help="write the field for ParaView and PyVista"
    )
    verb.add_argument(
        "--gifti",
        nargs="?",
        const="mesh",
        action="append",
        default=[],
        metavar="SURFACE",
        help="write E on this surface of the cortex (.gii or FreeSurfer), or on the "
        "mesh's own gray matter without a name (may be repeated)",
    )
    verb.add_argument(
        "--resample",
        nargs=2,
        action="append",
        default=[],
        metavar=("SPHERE", "ONTO"),
        help="take what --gifti gives to another surface, such as fsaverage, through their "
        "registration spheres (one for each surface)",
    )
    verb.add_argument(
        "--thresholds",
        type=words.positives,
        default=(),
        metavar="V/M,…",
        help="of |E|: rois.csv tells the volumes above",
    )
    _add_report(verb)


def _add_report(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--report",
        action="store_true",
        help="write report.html: plan, figures, pictures and a view in three dimensions",
    )


def _add_coil(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--coil", required=True, metavar="C", help=_HELP["coil"])


def _add_out(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", required=True, metavar="DIR", help="output folder")

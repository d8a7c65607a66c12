"""The options that several verbs have."""

import argparse

from . import words


# The usual order where a target's mean field is stated.
CORRECTED = "1, the target's mean field corrected beyond that"
HELP = {
    "file": "poses: Localite .xml, Brainsight .txt, ANT .mrk, SofTaxic .stmpx, or 4×4 "
    "matrices in mm (.txt, .csv, .npy, .npz, .json)",
    "head": ".msh, .npz or .vtu mesh, m2m_ folder, or `template`",
    "coil": "coil file, or a name of the catalogue",
    "json": "print one JSON object as the last line",
}


def add_target(
    verb: argparse.ArgumentParser, what: str, required: bool = False
) -> None:
    """Add the target's centre, in the head or in MNI space."""
    target = verb.add_mutually_exclusive_group(required=required)
    target.add_argument("--target", type=words.point, metavar="X,Y,Z", help=what)
    target.add_argument(
        "--target-mni",
        type=words.mni,
        metavar="X,Y,Z",
        help="the same in MNI coordinates, for an m2m_ folder or the template; or a "
        "symptom whose published target to take, such as dysphoric, or anxiosomatic:2 for "
        "the second of several",
    )
    target.add_argument(
        "--target-map",
        type=words.path,
        metavar="FILE",
        help="a mask, statistical map or atlas instead (.nii, .gii, .annot), by which the "
        "field counts",
    )
    add_symptoms_file(verb)


def add_symptoms_file(verb: argparse.ArgumentParser) -> None:
    """Add where the user's own targets by symptom are."""
    verb.add_argument(
        "--symptoms-file",
        type=words.path,
        metavar="FILE",
        help="your own targets by symptom (.toml), which replace the published ones of the "
        "same symptom and kind",
    )


def add_pose_reading(verb: argparse.ArgumentParser) -> None:
    """Add how a file of poses is read."""
    verb.add_argument(
        "--group",
        metavar="NAME",
        help="take only these of the file: target, sample, marker, pulse or pose",
    )
    verb.add_argument(
        "--space",
        choices=("RAS", "LPS"),
        help="of the file's coordinates, where it does not say (Localite, Brainsight)",
    )
    verb.add_argument(
        "--transform",
        type=words.path,
        metavar="FILE",
        help="4×4 matrix in mm from the file's coordinates to the head's",
    )
    verb.add_argument(
        "--repair",
        action="store_true",
        help="replace matrices that shear, scale or reflect by rigid ones, and lift coils "
        "off the scalp",
    )


def add_program(verb: argparse.ArgumentParser, saves: bool = True) -> None:
    """Add what every verb has: how much it prints, and what it computes with."""
    group = verb.add_argument_group("of the program")
    group.add_argument("--json", action="store_true", help=HELP["json"])
    amount = group.add_mutually_exclusive_group()
    amount.add_argument(
        "--quiet", action="store_true", help="print warnings and errors only"
    )
    amount.add_argument(
        "--verbose",
        action="store_true",
        help="print versions and the time of each stage",
    )
    group.add_argument(
        "--threads", type=words.count, metavar="N", help="at most (as many as cores)"
    )
    group.add_argument(
        "--device",
        type=words.device,
        metavar="D",
        help="cpu, gpu or gpu:N (a GPU where JAX finds one)",
    )
    verb.set_defaults(save_plan=None)
    if saves:
        group.add_argument(
            "--save-plan",
            type=words.output,
            metavar="FILE",
            help="write this command as a plan file for `tmsgrad plan`; compute nothing",
        )


def add_head(verb: argparse.ArgumentParser, force: bool = True) -> None:
    """Add the head, and whether errors in it can be passed."""
    verb.add_argument("head", type=words.source, metavar="HEAD", help=HELP["head"])
    if force:
        add_force(verb)


def add_force(verb: argparse.ArgumentParser) -> None:
    """Add which errors of the check of a head are to be passed."""
    verb.add_argument(
        "--force",
        type=words.checks,
        default=(),
        metavar="CHECK,…",
        help="go on though these checks find an error in the head: "
        f"{', '.join(words.CHECKS)}",
    )


def add_conductor(
    verb: argparse.ArgumentParser, order: int | None = 1, usual: str = "1"
) -> None:
    """Add how the head conducts, and the order of its elements."""
    verb.add_argument(
        "--order",
        type=int,
        choices=(1, 2),
        default=order,
        help="of the elements: 2 is more accurate, and takes two to five times as long "
        f"({usual})",
    )
    add_tensors(verb)


def add_tensors(verb: argparse.ArgumentParser) -> None:
    """Add whether white and gray matter conduct by a tensor image."""
    verb.add_argument(
        "--anisotropy",
        choices=("scalar", "vn", "dir", "mc"),
        default="scalar",
        help="conductivity of white and gray matter from a tensor image, as in SimNIBS",
    )
    verb.add_argument(
        "--tensor",
        type=words.path,
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


def add_uncertainty(
    verb: argparse.ArgumentParser, what: str = "the field in the target"
) -> None:
    """Add what makes the field, or what rests on it, uncertain."""
    verb.add_argument(
        "--uncertainty",
        nargs="?",
        const="literature",
        type=words.spread,
        metavar="SHARE",
        help=f"show what makes {what} uncertain: placement, and "
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


def add_exports(verb: argparse.ArgumentParser) -> None:
    """Add the forms that a field is wanted in."""
    verb.add_argument(
        "--nifti",
        type=words.path,
        metavar="IMAGE",
        help="write E and |E| as images in this image's grid, such as the T1's",
    )
    verb.add_argument(
        "--vtu", action="store_true", help="write the field for ParaView and PyVista"
    )
    verb.add_argument(
        "--gifti",
        type=words.source,
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
        type=words.path,
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
        help="of |E|: rois.csv gives the volumes above",
    )
    add_report(verb)


def add_report(verb: argparse.ArgumentParser) -> None:
    """Add the page."""
    verb.add_argument(
        "--report",
        action="store_true",
        help="write report.html: plan, figures, pictures and a view in three dimensions",
    )


def add_coil(verb: argparse.ArgumentParser) -> None:
    """Add the coil."""
    verb.add_argument(
        "--coil", type=words.source, required=True, metavar="C", help=HELP["coil"]
    )


def add_out(verb: argparse.ArgumentParser) -> None:
    """Add the output folder."""
    verb.add_argument(
        "--out", type=words.output, required=True, metavar="DIR", help="output folder"
    )

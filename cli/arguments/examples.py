"""Examples of each command, for its help. A test reads them all."""

import re
import shlex
from collections.abc import Iterable


EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("tmsgrad demo --out demo --report",),
    "optimize": (
        "tmsgrad optimize m2m_ernie --coil MagStim_D70.ccd --target -41,-13,66 --radius 5 "
        "--efield 100 --out plan",
        "tmsgrad optimize template --coil magstim-70mm-double --target-mni -44,40,29 "
        "--radius 5 --avoid 40,40,30,10,30 --report --out plan",
    ),
    "simulate": (
        "tmsgrad simulate ernie.msh --coil magstim-70mm-double --pose plan/pose.txt "
        "--didt 79 --out field",
        "tmsgrad simulate m2m_ernie --coil MagStim_D70.ccd --pose "
        "TriggerMarkers_Coil0.xml --didt recorded --target -41,-13,66 --radius 5 "
        "--out session",
    ),
    "dose": (
        "tmsgrad dose m2m_ernie --coil MagStim_D70.ccd --threshold 55 "
        "--target-mni -44,40,29 --out dose",
        "tmsgrad dose m2m_ernie --coil MagStim_D70.ccd --threshold 55 --motor -37,-21,58 "
        "--motor-pose m1.txt --target -44,40,29 --target-pose plan/pose.txt --out dose",
    ),
    "eeg alpha": ("tmsgrad eeg alpha rest.vhdr --channels O1,Oz,O2,POz --out alpha",),
    "eeg burst": ("tmsgrad eeg burst rest.vhdr --channels F3,F1 --out burst",),
    "eeg pulses": (
        "tmsgrad eeg pulses rest.vhdr --channels C3 --minus FC1,FC5,CP1,CP5 "
        "--phase trough --out pulses",
    ),
    "eeg live": (
        "tmsgrad eeg live BrainAmp --channels C3 --minus FC1,FC5,CP1,CP5 --phase trough "
        "--markers pulses --pulses 600 --out session",
    ),
    "target functional": (
        "tmsgrad target functional --bold sub-01_space-MNI_desc-preproc_bold.nii.gz "
        "--confounds confounds.tsv --out target",
    ),
    "target structural": (
        "tmsgrad target structural m2m_ernie --tracts whole_brain.trk --indirect sgACC "
        "--search-region left-dlpfc --out target",
        "tmsgrad target structural m2m_ernie --dwi dwi.nii.gz --indirect 6,16,-10 "
        "--space mni --waypoint cingulum.nii.gz --out target",
    ),
    "map response": (
        "tmsgrad map response bold.csv --intensity didt --response sgACC --out response",
        "tmsgrad map response tep.tsv --intensity field --response N45,P60 --level 20 "
        "--out response",
    ),
    "target symptoms": (
        "tmsgrad target symptoms --score dysphoric=18 --score anxiosomatic=7 --out target",
        "tmsgrad target symptoms --score pain=4 --symptoms-file own.toml --out target",
    ),
    "sweep": (
        "tmsgrad sweep m2m_ernie --coil MagStim_D70.ccd --target -41,-13,66 --radius 5 "
        "--search-radius 40 --out map",
    ),
    "reduce": (
        "tmsgrad reduce m2m_ernie --coil MagStim_D70.ccd --around -41,-13,66 --out m1.h5",
        "tmsgrad reduce m2m_ernie --coil MagStim_D70.ccd --out ernie.h5",
    ),
    "live": (
        "tmsgrad live m2m_ernie --coil MagStim_D70.ccd --target -41,-13,66 "
        "--reduced m1.h5 --from simulate: --serve --out tried",
        "tmsgrad live m2m_ernie --coil MagStim_D70.ccd --target -41,-13,66 "
        "--reduced m1.h5 --from igtl://localhost:18944/Coil --fiducials fiducials.csv "
        "--serve --igtl 18945 --bids sub-01_task-tms --out session",
    ),
    "page": (
        "tmsgrad page m2m_ernie --coil MagStim_D70.ccd --target -41,-13,66 --out page.html",
        "tmsgrad page template --coil magstim-70mm-double --coil magventure-mc-b70 "
        "--target-mni -44,40,29 --reduced template.h5 --out page.html",
    ),
    "map motor": (
        "tmsgrad map motor m2m_ernie --coil MagStim_D70.ccd --pulses "
        "TriggerMarkers_Coil0.xml --mep meps.csv --next 10 --out motor",
    ),
    "run": ("tmsgrad run plan.toml",),
    "plan": ("tmsgrad plan plan.toml", "tmsgrad plan --check plan.toml"),
    "bids": (
        "tmsgrad bids study results participant --plan plan.toml",
        "tmsgrad bids study results group --above 50",
    ),
    "show": (
        "tmsgrad show turned --out turn.gif",
        "tmsgrad show plan --t1 m2m_ernie/T1.nii.gz --out slices.png",
    ),
    "pose info": ("tmsgrad pose info TriggerMarkers_Coil0.xml",),
    "pose convert": ("tmsgrad pose convert plan/pose.txt targets.txt --to brainsight",),
    "head mesh": (
        "tmsgrad head mesh final_tissues.nii.gz --out head.msh",
        "tmsgrad head mesh labels.nii.gz --table freesurfer --size gm=2,scalp=8 "
        "--out head.msh",
    ),
    "head segment": (
        "tmsgrad head segment T1.nii.gz --out m2m_ernie",
        "tmsgrad head segment T1.nii.gz --labels aparc+aseg.mgz --from freesurfer "
        "--out m2m_ernie",
    ),
    "head refine": (
        "tmsgrad head refine template:300000 --target-mni -44,40,29 --to 0.5% "
        "--out finer.msh",
    ),
    "head check": ("tmsgrad head check m2m_ernie",),
    "head show": ("tmsgrad head show m2m_ernie --at -41,-13,66 --out slices.png",),
    "head info": ("tmsgrad head info template",),
    "head convert": ("tmsgrad head convert m2m_ernie head.vtu",),
    "coil info": ("tmsgrad coil info MagStim_D70.ccd",),
    "coil list": ("tmsgrad coil list",),
    "coil convert": ("tmsgrad coil convert magstim-70mm-double coil.tcd",),
    "coil show": ("tmsgrad coil show MagStim_D70.ccd --out coil.png",),
    "coil join": (
        "tmsgrad coil join left.ccd right.ccd --pose poses.txt --out both.tcd",
    ),
    "validate": (
        "tmsgrad validate --quick",
        "tmsgrad validate --report validation --results validation.json",
    ),
    "trial power": ("tmsgrad trial power --people 204 --rates 0.5,0.33",),
    "trial allocate": (
        "tmsgrad trial allocate --people 204 --arms personal,standard --out trial",
    ),
    "trial pair": (
        "tmsgrad trial pair --sealed sealed.json --person P01 --first personal "
        "--second standard --out P01",
    ),
    "trial open": (
        "tmsgrad trial open --sealed sealed.json --pair P01 --log enrolled.csv",
    ),
    "trial unblind": (
        "tmsgrad trial unblind --sealed sealed.json --log enrolled.csv --out arms.csv",
    ),
    "completion": (
        "tmsgrad completion bash > ~/.local/share/bash-completion/completions/tmsgrad",
        "tmsgrad completion zsh > ~/.zfunc/_tmsgrad",
    ),
}

EXIT_CODES = """exit codes:
  0    done
  1    a failure of tmsgrad
  2    input that is wrong, or a check that failed
  130  interrupted (Ctrl-C); what was finished is kept"""

_WIDTH = 88


def of_all() -> str:
    """The end of `tmsgrad --help`: an example of each command, and the exit codes."""
    first = (lines[0] for lines in EXAMPLES.values())
    return (
        f"{_listed(first)}\n\n{EXIT_CODES}\n\n`tmsgrad COMMAND --help` says more. "
        "Coordinates are the head file's millimetres.\nFor research use only."
    )


def of_verb(name: str) -> str:
    """The end of a command's help."""
    return _listed(EXAMPLES[name])


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(["examples:", *map(_wrapped, lines)])


def _wrapped(line: str) -> str:
    """Break a line between words, so that a shell takes it as it is shown."""
    rows = ["  "]
    # An option stays with its value.
    for part in re.split(r" (?=--|>)", line):
        if len(rows[-1]) + len(part) > _WIDTH - 2:
            rows.append("      ")
        rows[-1] += f"{part} "
    return " \\\n".join(row.rstrip() for row in rows)


def words_of(line: str) -> list[str]:
    """What `tmsgrad` gets of an example: neither its own name nor what a shell takes."""
    words = shlex.split(line)
    return words[1 : words.index(">")] if ">" in words else words[1:]

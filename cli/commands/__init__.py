"""The verbs of the command line, by name."""

import argparse
import os
from importlib import import_module
from pathlib import Path

from ..arguments import units
from ..runtime.notices import note
from ..runtime.outcome import Outcome, Result


# Where each verb is: a command imports only what it needs itself.
_PLACES = {
    "demo": "optimize:demo",
    "simulate": "simulate:simulate",
    "optimize": "optimize:optimize_pose",
    "sweep": "sweep:sweep",
    "reduce": "reduce:reduce",
    "page": "page:page",
    "live": "live:live",
    "show": "show:show",
    "target functional": "target_functional:target_functional",
    "target structural": "target_structural:target_structural",
    "target symptoms": "target_symptoms:target_symptoms",
    "validate": "validate:validate",
    "dose": "dose:dose",
    "eeg alpha": "eeg_alpha:eeg_alpha",
    "eeg burst": "eeg_burst:eeg_burst",
    "eeg pulses": "eeg_pulses:eeg_pulses",
    "eeg live": "eeg_live:eeg_live",
    "map motor": "map_motor:map_motor",
    "map response": "map_response:map_response",
    "head info": "head:head_info",
    "trial power": "trial:trial_power",
    "trial allocate": "trial:trial_allocate",
    "trial pair": "trial:trial_pair",
    "trial open": "trial:trial_open",
    "trial unblind": "trial:trial_unblind",
    "head check": "head:head_check",
    "head convert": "head:head_convert",
    "head refine": "head_refine:head_refine",
    "head show": "head_show:head_show",
    "head mesh": "head_mesh:head_mesh",
    "head segment": "head_segment:head_segment",
    "coil info": "coil_info:coil_info",
    "coil list": "coil_info:coil_list",
    "coil convert": "coil:coil_convert",
    "coil show": "coil:coil_show",
    "coil join": "coil:coil_join",
    "pose info": "pose:pose_info",
    "pose convert": "pose:pose_convert",
}


def execute(options: argparse.Namespace) -> Outcome:
    """Do what the verb in the options does; one without words of its own makes files."""
    for each in units.readings(options.words):
        note(each)
    for name in _occupied(options):
        note(f"{name} is there already; what has the same name is replaced.")
    module, _, function = _PLACES[options.command].partition(":")
    found = getattr(import_module(f"{__name__}.{module}"), function)(options)
    if isinstance(found, Outcome):
        return found
    if isinstance(found, Result):
        found.describe()
        return Outcome(found.to_json())
    return Outcome(found)


def _occupied(options: argparse.Namespace) -> list[str]:
    """The output of a command, where there is something already."""
    out = getattr(options, "out", None)
    if out is None:
        return []
    path = Path(out)
    if path.is_dir():
        return [out] if any(x[0] != "." for x in os.listdir(path)) else []
    return [out] if path.is_file() else []

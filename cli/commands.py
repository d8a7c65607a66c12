"""The verbs of the command line, by name."""

from .anatomy import head_show
from .bursts import eeg_burst
from .coil_files import coil_convert, coil_join, coil_show
from .dosing import dose
from .eeg import eeg_alpha
from .heads import head_check, head_convert, head_mesh
from .info import coil_info, head_info
from .live import eeg_live
from .optimization import demo, optimize_pose
from .poses import pose_convert, pose_info
from .pulses import eeg_pulses
from .showing import show
from .simulation import simulate
from .sweeping import sweep
from .targets import target_functional
from .tracts import target_structural
from .validating import validate


COMMANDS = {
    "demo": demo,
    "simulate": simulate,
    "optimize": optimize_pose,
    "sweep": sweep,
    "show": show,
    "target functional": target_functional,
    "target structural": target_structural,
    "validate": validate,
    "dose": dose,
    "eeg alpha": eeg_alpha,
    "eeg burst": eeg_burst,
    "eeg pulses": eeg_pulses,
    "eeg live": eeg_live,
    "head info": head_info,
    "head check": head_check,
    "head convert": head_convert,
    "head show": head_show,
    "head mesh": head_mesh,
    "coil info": coil_info,
    "coil convert": coil_convert,
    "coil show": coil_show,
    "coil join": coil_join,
    "pose info": pose_info,
    "pose convert": pose_convert,
}

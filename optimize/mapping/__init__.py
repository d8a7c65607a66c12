"""Maps of what responds: fields of many pulses regressed on responses."""

from .checks import (
    check_pulses as check_pulses,
    check_responses as check_responses,
)
from .components import PulseFields as PulseFields
from .curves import (
    AbstractCurve as AbstractCurve,
    Exponential as Exponential,
    Linear as Linear,
    LogSigmoid as LogSigmoid,
    Sigmoid as Sigmoid,
)
from .design import next_pulses as next_pulses
from .emg import (
    EmgRecording as EmgRecording,
    MepWindow as MepWindow,
    peak_to_peak as peak_to_peak,
    read_emg as read_emg,
)
from .evidence import (
    FEWEST as FEWEST,
    ResponseMap as ResponseMap,
    distance_between as distance_between,
    respond as respond,
)
from .fitting import (
    Fit as Fit,
    fields_for as fields_for,
    fit as fit,
    predicted as predicted,
)
from .matching import Matched as Matched, match as match
from .places import CortexPatch as CortexPatch, cortex_patch as cortex_patch
from .recruitment import Recruitment as Recruitment, recruit as recruit
from .responses import (
    Responses as Responses,
    read_columns as read_columns,
    read_responses as read_responses,
)

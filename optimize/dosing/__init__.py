"""How strong to stimulate: from a motor threshold to the output for a target."""

from .activation import (
    SHARES as SHARES,
    Activation as Activation,
    activated as activated,
    activated_range as activated_range,
)
from .interval import (
    DoseInterval as DoseInterval,
    Site as Site,
    matched_interval as matched_interval,
)
from .metrics import (
    AbstractMetric as AbstractMetric,
    MeanNormal as MeanNormal,
    MeanStrength as MeanStrength,
    Percentile as Percentile,
)
from .rules import (
    STOKES_2005 as STOKES_2005,
    STOKES_2007 as STOKES_2007,
    Output as Output,
    distance_corrected as distance_corrected,
    field_matched as field_matched,
    fixed as fixed,
)
from .safety import TrainCheck as TrainCheck, check_train as check_train
from .waveforms import (
    TIME_CONSTANT as TIME_CONSTANT,
    effect as effect,
    threshold_ratio as threshold_ratio,
)

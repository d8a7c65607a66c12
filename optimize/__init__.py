"""The search for the coil placement: poses on the scalp, objectives, gradients."""

from .constraints import (
    Clearance as Clearance,
    casing_samples as casing_samples,
    lifted as lifted,
)
from .objectives import (
    AbstractObjective as AbstractObjective,
    MeanComponent as MeanComponent,
    MeanMagnitude as MeanMagnitude,
)
from .optimum_shift import OptimumShift as OptimumShift, optimum_shift as optimum_shift
from .placement import Chart as Chart, chart as chart
from .positions import spread as spread, tangential as tangential
from .prepared import (
    PreparedSearch as PreparedSearch,
    prepare_search as prepare_search,
)
from .results import Optimum as Optimum, Search as Search
from .search import find_pose as find_pose
from .sweep import Sweep as Sweep, sweep as sweep
from .turns import mean_of_turns as mean_of_turns

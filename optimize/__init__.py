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
from .placement import Chart as Chart, chart as chart
from .search import Optimum as Optimum, Search as Search, find_pose as find_pose

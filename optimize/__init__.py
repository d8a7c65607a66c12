"""The search for the coil placement: poses on the scalp, objectives, gradients."""

from ..coils import casing_samples as casing_samples
from .adapters import (
    Climbed as Climbed,
    with_evolution as with_evolution,
    with_optax as with_optax,
    with_optimistix as with_optimistix,
    with_scipy as with_scipy,
)
from .aims import (
    Aim as Aim,
    Avoided as Avoided,
    Goal as Goal,
    magnitude_goal as magnitude_goal,
    mean_goal as mean_goal,
    normal_goal as normal_goal,
)
from .constraints import (
    Clearance as Clearance,
    lifted as lifted,
)
from .correcting import (
    corrected_about as corrected_about,
    corrected_rating as corrected_rating,
)
from .currents import (
    Currents as Currents,
    best_currents as best_currents,
    fields_by_stimulator as fields_by_stimulator,
    find_pose_and_currents as find_pose_and_currents,
)
from .domain import Domain as Domain
from .dose import Dose as Dose, FieldLimit as FieldLimit, dose as dose
from .everywhere import (
    Compactness as Compactness,
    FocalityEverywhere as FocalityEverywhere,
    HotSpotOverlap as HotSpotOverlap,
    PeakMagnitude as PeakMagnitude,
)
from .face import COVER as COVER, Face as Face
from .focal import focality_of as focality_of, overlap_of as overlap_of
from .goals import (
    Focality as Focality,
    MeanOfMagnitude as MeanOfMagnitude,
    Reachable as Reachable,
    WantedField as WantedField,
    WantedMagnitude as WantedMagnitude,
)
from .handle import Handle as Handle, usual_handle as usual_handle
from .locating import ScalpPlace as ScalpPlace, Step as Step, along as along
from .objectives import (
    AbstractObjective as AbstractObjective,
    MeanComponent as MeanComponent,
    MeanMagnitude as MeanMagnitude,
    NormalComponent as NormalComponent,
    WeightedSum as WeightedSum,
)
from .optimum_shift import OptimumShift as OptimumShift, optimum_shift as optimum_shift
from .placement import Chart as Chart, chart as chart
from .placements import Placements as Placements, placements as placements
from .placing import Outline as Outline, Placing as Placing
from .positions import spread as spread, tangential as tangential
from .prepared import (
    PreparedSearch as PreparedSearch,
    prepare_search as prepare_search,
)
from .problem import Problem as Problem
from .refining import refined_at_best as refined_at_best
from .regional import (
    normal_reciprocal as normal_reciprocal,
    region_modes as region_modes,
)
from .results import Optimum as Optimum, Search as Search
from .rules import (
    AREA_46 as AREA_46,
    Rule as Rule,
    ahead_of as ahead_of,
    clinical_rules as clinical_rules,
    forward_rules as forward_rules,
    handle_back as handle_back,
    projected_rule as projected_rule,
    usual_rule as usual_rule,
)
from .search import UpperHead as UpperHead, find_pose as find_pose
from .sensitivity import Sensitivity as Sensitivity
from .set_up import problem as problem
from .settling import settle as settle
from .shape import (
    ShapedOptimum as ShapedOptimum,
    find_shape as find_shape,
    shaped_search as shaped_search,
)
from .sweep import Sweep as Sweep, sweep as sweep
from .tissue_maps import (
    TissueMaps as TissueMaps,
    shares_in_target as shares_in_target,
    tissue_maps as tissue_maps,
)
from .turns import mean_of_turns as mean_of_turns
from .uncertainty import (
    AbstractUncertainty as AbstractUncertainty,
    Expected as Expected,
    WorstCase as WorstCase,
)
from .unknowns import Free as Free, Variables as Variables

"""The electric field in a head, by finite elements, and its adjoint."""

from ..meshing import volume_percentiles as volume_percentiles
from .anisotropy import (
    Anisotropy as Anisotropy,
    AnisotropyReport as AnisotropyReport,
    anisotropic as anisotropic,
)
from .conductivity import CONDUCTIVITIES as CONDUCTIVITIES, isotropic as isotropic
from .conductor import (
    Conductor as Conductor,
    assemble as assemble,
    enriched as enriched,
)
from .distributions import (
    CONDUCTIVITY_DISTRIBUTIONS as CONDUCTIVITY_DISTRIBUTIONS,
    AbstractDistribution as AbstractDistribution,
    Beta as Beta,
    LogNormal as LogNormal,
    relative_distributions as relative_distributions,
)
from .equivalent import (
    EQUIVALENT_SOURCES as EQUIVALENT_SOURCES,
    Arrangement as Arrangement,
    arrange as arrange,
    equivalent as equivalent,
)
from .error import (
    ErrorEstimate as ErrorEstimate,
    ErrorEstimator as ErrorEstimator,
    error_estimator as error_estimator,
    estimate_error as estimate_error,
)
from .fibres import (
    FibreField as FibreField,
    Fibres as Fibres,
    along_fibres as along_fibres,
    fibres_in_brain as fibres_in_brain,
    tangents as tangents,
)
from .field import ElectricField as ElectricField
from .forward import rates as rates, solve as solve, solve_rate as solve_rate
from .goal import (
    MeshError as MeshError,
    TargetField as TargetField,
    enriched_meanwhile as enriched_meanwhile,
    left_elsewhere as left_elsewhere,
    target_field as target_field,
    target_functions as target_functions,
)
from .goal_refinement import (
    RefinedHead as RefinedHead,
    refined_for as refined_for,
    refined_to as refined_to,
)
from .linear import (
    AbstractSolver as AbstractSolver,
    Direct as Direct,
    HostMultigrid as HostMultigrid,
    Multigrid as Multigrid,
    SolverReport as SolverReport,
)
from .misplacement import (
    PlacementSpread as PlacementSpread,
    misplacement as misplacement,
)
from .modes import FieldModes as FieldModes, field_modes as field_modes
from .on_grid import at_voxels as at_voxels
from .on_surface import (
    SurfaceField as SurfaceField,
    on_nodes as on_nodes,
    on_surface as on_surface,
)
from .placements import mean_fields as mean_fields
from .reciprocity import (
    Reciprocal as Reciprocal,
    reciprocal as reciprocal,
    reciprocal_of as reciprocal_of,
)
from .recovery import (
    PatchRecovery as PatchRecovery,
    SimnibsRecovery as SimnibsRecovery,
    patch_recovery as patch_recovery,
    simnibs_recovery as simnibs_recovery,
)
from .reduced import (
    AbstractReadout as AbstractReadout,
    Accuracy as Accuracy,
    Growth as Growth,
    ReducedField as ReducedField,
    at_points as at_points,
    at_surface as at_surface,
    read_reduced as read_reduced,
    reduce as reduce,
    shares_at_nodes as shares_at_nodes,
    shares_of_region as shares_of_region,
    vertex_areas as vertex_areas,
    write_reduced as write_reduced,
)
from .sampling import (
    FieldSampler as FieldSampler,
    field_at as field_at,
    sampler as sampler,
)
from .sensitivity import (
    field_derivatives as field_derivatives,
    reciprocal_derivatives as reciprocal_derivatives,
    summary_gradient as summary_gradient,
)
from .splines import SplineGrid as SplineGrid
from .summary import (
    CortexDistance as CortexDistance,
    GrayMatterField as GrayMatterField,
    RegionSummary as RegionSummary,
    gray_matter_field as gray_matter_field,
    summarise as summarise,
)
from .surrogate import (
    FieldSurrogate as FieldSurrogate,
    field_surrogate as field_surrogate,
)
from .total_uncertainty import (
    TissueUncertainty as TissueUncertainty,
    TotalUncertainty as TotalUncertainty,
    tissue_uncertainty as tissue_uncertainty,
)
from .tuning import tuned as tuned
from .uncertainty import (
    Uncertainty as Uncertainty,
    first_order as first_order,
    sample as sample,
    sample_magnitude as sample_magnitude,
)
from .uncertainty_table import (
    Interval as Interval,
    UncertainInput as UncertainInput,
    UncertaintyTable as UncertaintyTable,
)
from .variables import (
    UncertainTissues as UncertainTissues,
    sobol as sobol,
    uncertain_tissues as uncertain_tissues,
)

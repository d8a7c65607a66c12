"""Where to stimulate: maps, connectivity and published targets."""

from .bold import (
    BoldSeries as BoldSeries,
    CleanSeries as CleanSeries,
    MotionReport as MotionReport,
    brighter_at_the_start as brighter_at_the_start,
    clean as clean,
    joined as joined,
    read_bold as read_bold,
    unsteady_volumes as unsteady_volumes,
)
from .clusters import (
    Cluster as Cluster,
    SearchGrid as SearchGrid,
    search_grid as search_grid,
)
from .confounds import Confounds as Confounds, read_confounds as read_confounds
from .engagement import Engagement as Engagement, engagement as engagement
from .functional import (
    FunctionalTarget as FunctionalTarget,
    blended as blended,
    connectivity as connectivity,
    find_target as find_target,
    seed_course as seed_course,
)
from .gyri import (
    Gyri as Gyri,
    gyri_of_image as gyri_of_image,
    gyri_on_surface as gyri_on_surface,
    mni_gyri as mni_gyri,
)
from .labels import (
    read_labelled as read_labelled,
    read_surface_map as read_surface_map,
    surface_weights as surface_weights,
)
from .maps import (
    MappedTarget as MappedTarget,
    VolumeMap as VolumeMap,
    mapped_region as mapped_region,
    read_map as read_map,
)
from .networks import (
    Network as Network,
    is_network_on_surface as is_network_on_surface,
    read_network as read_network,
)
from .places import check_mni_brain as check_mni_brain, weights_in as weights_in
from .published import (
    SEARCH_REGIONS as SEARCH_REGIONS,
    SEEDS as SEEDS,
    Spheres as Spheres,
)
from .reliability import Reliability as Reliability, reliability as reliability
from .surface_series import (
    is_on_surface as is_on_surface,
    read_surface_bold as read_surface_bold,
)
from .symptom_files import read_symptom_targets as read_symptom_targets
from .symptoms import (
    CERTAINTIES as CERTAINTIES,
    SYMPTOM_TARGETS as SYMPTOM_TARGETS,
    SymptomTarget as SymptomTarget,
    symptom_targets as symptom_targets,
)
from .tracking import (
    Orientations as Orientations,
    Tracked as Tracked,
    deconvolved_orientations as deconvolved_orientations,
    tensor_orientations as tensor_orientations,
    track as track,
)
from .tracts import (
    ConnectionMap as ConnectionMap,
    Reaching as Reaching,
    ball_place as ball_place,
    connection_map as connection_map,
    reaching as reaching,
)
from .weighing import (
    WeighedTarget as WeighedTarget,
    circuit_map as circuit_map,
    farthest as farthest,
    places_map as places_map,
    weighed_targets as weighed_targets,
)

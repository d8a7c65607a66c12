"""Many people at once: maps of a group on one cortex, and who is unlike the others."""

from .maps import (
    GroupMap as GroupMap,
    Overlap as Overlap,
    group_map as group_map,
    network_overlap as network_overlap,
)
from .spread import (
    Spread as Spread,
    outlying as outlying,
    robust_scores as robust_scores,
    spread_of as spread_of,
)

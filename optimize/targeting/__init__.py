"""Where to stimulate: maps, connectivity and published targets."""

from .labels import (
    read_surface_map as read_surface_map,
    surface_weights as surface_weights,
)
from .maps import (
    MappedTarget as MappedTarget,
    VolumeMap as VolumeMap,
    mapped_region as mapped_region,
    read_map as read_map,
)

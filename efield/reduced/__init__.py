"""The field at many places in milliseconds: modes of solved placements."""

from .accuracy import Accuracy as Accuracy
from .averaging import (
    shares_at_nodes as shares_at_nodes,
    shares_of_region as shares_of_region,
)
from .field import ReducedField as ReducedField
from .files import read_reduced as read_reduced, write_reduced as write_reduced
from .readouts import (
    AbstractReadout as AbstractReadout,
    at_points as at_points,
    at_surface as at_surface,
    vertex_areas as vertex_areas,
)
from .setup import Growth as Growth, reduce as reduce

"""Heads: tetrahedral meshes with tissue tags, their files, surfaces and targets."""

from .head import (
    TISSUE_NAMES as TISSUE_NAMES,
    HeadMesh as HeadMesh,
    tissue_tag as tissue_tag,
)
from .regions import Region as Region, ball as ball, region as region

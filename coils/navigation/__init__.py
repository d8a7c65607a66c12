"""Files of neuronavigation systems: poses in and out."""

from .ant import read_ant as read_ant, write_ant as write_ant
from .bids import (
    BIDS_MARKER_COLUMNS as BIDS_MARKER_COLUMNS,
    BIDS_POSE_COLUMNS as BIDS_POSE_COLUMNS,
    BIDS_VERSION as BIDS_VERSION,
    bids_coordinates as bids_coordinates,
    read_bids_markers as read_bids_markers,
    write_bids_markers as write_bids_markers,
)
from .brainsight import (
    read_brainsight as read_brainsight,
    write_brainsight as write_brainsight,
)
from .files import read_poses as read_poses
from .forms import FORM_CODES as FORM_CODES, ImageForm as ImageForm
from .image import forms_differ as forms_differ, in_image as in_image
from .live import (
    LIVE_POSE_COLUMNS as LIVE_POSE_COLUMNS,
    read_live_record as read_live_record,
)
from .localite import read_localite as read_localite, write_localite as write_localite
from .matsimnibs import (
    read_matsimnibs as read_matsimnibs,
    write_matsimnibs as write_matsimnibs,
)
from .poses import (
    HEAD_FRAME as HEAD_FRAME,
    PoseList as PoseList,
    joined as joined,
    nearest_rigid as nearest_rigid,
)
from .softaxic import read_softaxic as read_softaxic

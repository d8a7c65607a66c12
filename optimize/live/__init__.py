"""The field while a coil moves: from a tracker's poses to what a hand needs to know."""

from .advice import Advice as Advice, advise as advise
from .answers import LiveAnswer as LiveAnswer, LiveField as LiveField
from .following import Answered as Answered, follow as follow
from .inbox import (
    Inbox as Inbox,
    Pace as Pace,
    Pulse as Pulse,
    TrackedPose as TrackedPose,
)
from .record import AppendedTable as AppendedTable, Record as Record
from .registration import Registration as Registration, fit_rigid as fit_rigid
from .sources import (
    Complaints as Complaints,
    Replay as Replay,
    Simulated as Simulated,
    Source as Source,
    running as running,
)
from .walks import Walk as Walk, walk as walk

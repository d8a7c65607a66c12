"""When to stimulate: a person's own frequencies from the EEG."""

from .alpha import (
    AlphaFrequency as AlphaFrequency,
    ChannelPeak as ChannelPeak,
    individual_alpha as individual_alpha,
    nearest_rate as nearest_rate,
)
from .filters import strongest_rhythm as strongest_rhythm
from .recordings import Recording as Recording, read_eeg as read_eeg

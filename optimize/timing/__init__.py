"""When to stimulate: a person's own frequencies from the EEG, and pulses at a phase."""

from .alpha import (
    AlphaFrequency as AlphaFrequency,
    ChannelPeak as ChannelPeak,
    individual_alpha as individual_alpha,
    nearest_rate as nearest_rate,
)
from .coupling import (
    GAMMA as GAMMA,
    THETA as THETA,
    ThetaGamma as ThetaGamma,
    theta_gamma as theta_gamma,
)
from .decisions import NextPulse as NextPulse, PulseRule as PulseRule
from .filters import strongest_rhythm as strongest_rhythm
from .live import (
    Chunk as Chunk,
    Gap as Gap,
    LiveDecision as LiveDecision,
    LivePulse as LivePulse,
    follow as follow,
)
from .phase import (
    AbstractPhaseEstimator as AbstractPhaseEstimator,
    Autoregressive as Autoregressive,
    BandPass as BandPass,
    EducatedPrediction as EducatedPrediction,
    PhaseNow as PhaseNow,
    educate as educate,
    phase_afterwards as phase_afterwards,
)
from .recordings import Recording as Recording, read_eeg as read_eeg
from .replay import (
    Pulses as Pulses,
    aim_for as aim_for,
    least_amplitude as least_amplitude,
    phase_at as phase_at,
    replay as replay,
    rhythm_above_noise as rhythm_above_noise,
)
from .streams import (
    LabStream as LabStream,
    MarkerStream as MarkerStream,
    open_stream as open_stream,
    stream_clock as stream_clock,
)

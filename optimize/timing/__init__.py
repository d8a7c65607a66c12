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
from .filters import strongest_rhythm as strongest_rhythm
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
    replay as replay,
    rhythm_above_noise as rhythm_above_noise,
)

"""When to stimulate: a person's own frequencies from the EEG, and pulses at a phase."""

from .alpha import (
    AlphaAverage as AlphaAverage,
    AlphaFrequency as AlphaFrequency,
    average_alpha as average_alpha,
    individual_alpha as individual_alpha,
    nearest_rate as nearest_rate,
)
from .coupling import (
    GAMMA as GAMMA,
    THETA as THETA,
    ThetaGamma as ThetaGamma,
    theta_gamma as theta_gamma,
)
from .decisions import (
    NextPulse as NextPulse,
    PulseRule as PulseRule,
    blanked as blanked,
)
from .filters import strongest_rhythm as strongest_rhythm
from .judging import (
    FILTERS as FILTERS,
    Judged as Judged,
    judged_phases as judged_phases,
)
from .learning import LearnsPhase as LearnsPhase, learned_rule as learned_rule
from .live import (
    Chunk as Chunk,
    Gap as Gap,
    LiveDecision as LiveDecision,
    LivePulse as LivePulse,
    follow as follow,
)
from .peaks import ChannelPeak as ChannelPeak
from .phase import (
    AbstractPhaseEstimator as AbstractPhaseEstimator,
    Autoregressive as Autoregressive,
    BandPass as BandPass,
    EducatedPrediction as EducatedPrediction,
    PhaseNow as PhaseNow,
    educate as educate,
    phase_afterwards as phase_afterwards,
    phase_at as phase_at,
)
from .pieces import (
    Pieces as Pieces,
    after as after,
    end_of as end_of,
    longer_than as longer_than,
    pieces_of as pieces_of,
    samples_in as samples_in,
    until as until,
)
from .recordings import (
    UNITS as UNITS,
    Recording as Recording,
    read_eeg as read_eeg,
)
from .replay import (
    Pulses as Pulses,
    aim_for as aim_for,
    least_amplitude as least_amplitude,
    replay as replay,
    rhythm_above_noise as rhythm_above_noise,
)
from .streams import (
    LabStream as LabStream,
    MarkerStream as MarkerStream,
    open_stream as open_stream,
    stream_clock as stream_clock,
)
from .tuning import tuned as tuned

"""What targets and timing are in words, as steps of a plan, from what their files hold."""

from collections.abc import Sequence

from jaxtyping import Float
from numpy import ndarray

from ..runtime.outcome import StepWords


def place(values: Float[ndarray, "3"] | Sequence[float]) -> str:
    """Write a place [mm]."""
    return "(" + ", ".join(f"{x:.1f}" for x in values) + ") mm"


def functional_step(report: dict) -> StepWords:
    """A target of functional connectivity in words."""
    motion = report["motion"]
    return StepWords(
        "Target",
        f"{place(report['centre_mm'])} in {report['space']} space, the centre of "
        f"{report['cluster_mm3']:.0f} mm³",
        f"mean Fisher z {report['mean_fisher_z']:.2f} with the seed {report['seed']}; "
        f"{motion['minutes']:.1f} min of data, {motion['kept']} of "
        f"{motion['volumes']} volumes, mean displacement "
        f"{motion['mean_framewise_displacement_mm']:.2f} mm",
        ("" if report["reliable"] else "Not reliable. ")
        + f"95% of bootstrapped targets lie within {report['interval_95_radius_mm']:.1f} "
        f"mm; both halves of the data are {report['split_half_mm']:.1f} mm apart",
    )


def structural_step(report: dict) -> StepWords:
    """A target of structural connectivity in words."""
    return StepWords(
        "Target",
        f"{place(report['centre_mm'])} in {report['space']} space, the centre of "
        f"{report['cluster_mm3']:.0f} mm³",
        f"{report['reaching']} of {report['streamlines']} streamlines reach "
        f"{report['indirect']}, {report['ending_in_gray_matter']} of them end in gray "
        "matter",
        f"{report['inside_brain_share']:.0%} of the points lie in the brain; a number of "
        "streamlines is no strength of a connection",
    )


def alpha_step(report: dict) -> StepWords:
    """An individual alpha frequency in words."""
    found = [each for each in report["channels"] if not each["reason"]]
    halves = " and ".join(
        "none" if each is None else f"{each:.2f}" for each in report["halves_hz"]
    )
    spread = report["spread_hz"]
    spread = "no spread" if spread is None else f"± {spread:.2f} Hz"
    return StepWords(
        "Timing",
        f"{report['rate_hz']:g} Hz ({report['rate_from_10_hz']:+.1f} Hz from 10 Hz)",
        f"alpha peak {report['peak_hz']:.2f} Hz in {len(found)} of "
        f"{len(report['channels'])} channels",
        f"{spread} between channels; halves {halves} Hz",
    )


def burst_step(report: dict) -> StepWords:
    """The rates of bursts in words."""
    (a, b), (c, d) = report["halves_hz"]
    return StepWords(
        "Timing",
        f"bursts at {report['burst_rate_hz']:g} Hz, pulses at "
        f"{report['pulse_rate_hz']:g} Hz",
        f"modulation index {report['modulation_index']:.2g}, by chance p = "
        f"{report['chance']:.2g}",
        f"halves of the recording: {a:g} and {c:g} Hz, {b:g} and {d:g} Hz",
    )


def pulses_step(report: dict) -> StepWords:
    """Pulses by the phase of a rhythm in words."""
    return StepWords(
        "Timing",
        f"pulses at {report['phase_degrees']:g}° of the rhythm, by {report['method']}",
        f"{report['pulses']} pulses in the recording played again",
        f"{report['mean_error_degrees']:+.1f}° ± {report['spread_degrees']:.1f}° off; "
        f"{report['hit_rate']:.0%} within 45°",
    )

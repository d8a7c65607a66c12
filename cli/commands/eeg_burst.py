"""`tmsgrad eeg burst`: a person's theta and gamma, for theta bursts."""

import argparse

from ...optimize import timing
from ...optimize.timing import ThetaGamma
from ..inputs.recordings import channel_weights, checked_recording
from ..results.plain_steps import burst_step
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_USUAL = (5.0, 50.0)  # Of theta bursts: bursts, and pulses in a burst. [Hz]
_APART = (1.0, 6.0)  # Halves that differ by more are reported. [Hz]


def eeg_burst(options: argparse.Namespace) -> Outcome:
    """Find the theta and gamma whose rates bursts may take."""
    with output_folder(options.out) as folder:
        recording = checked_recording(
            options.recording, options.channels, options.minus, options.unit
        )
        weights = channel_weights(len(options.channels), len(options.minus))
        found = timing.theta_gamma(
            weights @ recording.signals,
            recording.rate,
            theta=options.theta,
            gamma=options.gamma,
            shifts=options.shifts,
            passband=recording.passband,
            pieces=recording.pieces,
        )
        report = _report(found, options.step) | {"remarks": list(recording.remarks)}
        report["provenance"] = Provenance.of(options).as_json()
        write_json(folder / "burst.json", report)
    _print(found, report)
    answer = {key: report[key] for key in ("theta_hz", "gamma_hz", "chance")}
    return Outcome(answer, burst_step(report))


def _report(found: ThetaGamma, step: float) -> dict:
    return {
        "theta_hz": found.theta,
        "gamma_hz": found.gamma,
        "modulation_index": found.index,
        "chance": found.chance,
        "halves_hz": [list(each) for each in found.halves],
        "burst_rate_hz": timing.nearest_rate(found.theta, step),
        "pulse_rate_hz": timing.nearest_rate(found.gamma, step),
        "thetas_hz": found.thetas.tolist(),
        "gammas_hz": found.gammas.tolist(),
        "modulation_indices": found.indices.tolist(),
    }


def _print(found: ThetaGamma, report: dict) -> None:
    bursts, pulses = report["burst_rate_hz"], report["pulse_rate_hz"]
    print(f"theta            {found.theta:.2f} Hz: bursts at {bursts:g} Hz (usual: 5)")
    print(f"gamma            {found.gamma:.0f} Hz: pulses at {pulses:g} Hz (usual: 50)")
    print(f"coupling         index {found.index:.2g}, by chance p = {found.chance:.2g}")
    (a, b), (c, d) = found.halves
    print(f"halves           {a:g} and {c:g} Hz, {b:g} and {d:g} Hz")
    print("for research use only; no medical device")
    apart = (abs(a - c), abs(b - d))
    if apart[0] > _APART[0] or apart[1] > _APART[1]:
        warn("the halves of the recording disagree: take a longer one.")
    if abs(bursts - _USUAL[0]) > 1e-9 or abs(pulses - _USUAL[1]) > 1e-9:
        warn(
            "rates other than 5 and 50 Hz have other evidence and limits of safety than "
            "the usual theta burst."
        )

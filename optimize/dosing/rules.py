"""From a motor threshold to the stimulator's output for another target.

Outputs are shares of the stimulator's maximum: 0.55 for 55%. They are exact: round as your
stimulator does.
"""

from dataclasses import dataclass

import numpy as np


# Share of the stimulator's maximum for each metre that the cortex is farther away.
STOKES_2005 = 30.0  # 3% per mm [Stokes et al. 2005, doi:10.1152/jn.00067.2005].
STOKES_2007 = (
    28.0  # 2.8% per mm [Stokes et al. 2007, doi:10.1016/j.clinph.2007.04.004].
)

_DEEPEST = 0.06  # Of cortex below the scalp, anywhere. [m]
_SAME = 1e-12


@dataclass(frozen=True)
class Output:
    """What a rule says to set.

    Attributes:
        output: Share of the stimulator's maximum; above 1 it cannot be had.
        of_threshold: The same in units of the motor threshold.
        rule: Where it comes from, in words.
    """

    output: float
    of_threshold: float
    rule: str

    @property
    def reachable(self) -> bool:
        """Whether the stimulator can make it."""
        return self.output <= 1 + _SAME

    @property
    def statement(self) -> str:
        """The output in words, with what cannot be had said so."""
        of = f"{self.output:.1%} of the maximum, {self.of_threshold:.0%} of the threshold"
        if self.reachable:
            return of
        return f"cannot be reached: it takes {of}"


def fixed(threshold: float, factor: float = 1.2) -> Output:
    """Take a multiple of the motor threshold, whatever the head.

    Args:
        threshold: Resting motor threshold, a share of the maximum.
        factor: 1.2 is what most protocols for depression use; 1.335 is the mean of outputs
            by which the prefrontal field equals that of M1 at threshold, an earlier finding
            that Caulfield et al. 2021 (doi:10.1016/j.brs.2021.06.012) report, of 38 people
            from 0.799 to 2.475 (doi:10.1016/j.clinph.2021.06.015, as quoted, not checked).

    Raises:
        ValueError: A number is out of range.
    """
    _check_threshold(threshold)
    if not 0 < factor <= 2:
        raise ValueError(
            f"`factor` must lie above 0 and up to 2, as 1.2 for 120%, got {factor!r}."
        )
    return Output(
        threshold * factor, factor, f"{100 * factor:g} % of the motor threshold"
    )


def distance_corrected(
    threshold: float,
    motor_depth: float,
    target_depth: float,
    slope: float = STOKES_2007,
) -> Output:
    """Correct a motor threshold linearly for the depth of cortex under the coil.

    Output = threshold + slope · (depth of the target - depth of M1).

    Args:
        threshold: Resting motor threshold, a share of the maximum.
        motor_depth: From scalp to M1. [m]
        target_depth: From scalp to the target's cortex. [m]
        slope: `STOKES_2005` or `STOKES_2007`, or of your own coil. [1/m]

    Raises:
        ValueError: A number is out of range, or the output would not be positive.
    """
    _check_threshold(threshold)
    for name, depth in (("motor_depth", motor_depth), ("target_depth", target_depth)):
        if not 0 < depth <= _DEEPEST:
            raise ValueError(
                f"`{name}` must lie above 0 and up to {_DEEPEST:g} m, got {depth!r}."
            )
    output = threshold + slope * (target_depth - motor_depth)
    if output <= 0:
        raise ValueError(
            f"the linear correction gives an output of {output:.0%}: the depths "
            f"{motor_depth * 1e3:g} and {target_depth * 1e3:g} mm are too different for it."
        )
    rule = (
        f"corrected for distance, {slope / 10:g} % per mm (Stokes), "
        f"{(target_depth - motor_depth) * 1e3:+.1f} mm"
    )
    return Output(output, output / threshold, rule)


def field_matched(
    threshold: float,
    motor_field: float,
    target_field: float,
    *,
    motor_maximum: float = 1.0,
    target_maximum: float = 1.0,
    waveform_ratio: float = 1.0,
    metric: str = "the field",
) -> Output:
    """Give the target the field that M1 has at threshold.

    The field grows in proportion to the output, so two simulations at one dI/dt give the
    output, whatever the coils [Caulfield et al. 2021, doi:10.1016/j.brs.2021.06.012, APEX
    MT].

    Args:
        threshold: Resting motor threshold, a share of the maximum.
        motor_field: Of M1 with the coil that the threshold was found with. [V/m]
        target_field: Of the target, by the same metric and at the same dI/dt. [V/m]
        motor_maximum: dI/dt of that stimulator and coil at full output. [A/s]
        target_maximum: The same of those for the target. [A/s]
        waveform_ratio: Of the peak that the target's pulse takes for the same effect, as
            `threshold_ratio` gives it; 1 where both have one waveform.
        metric: How the fields were measured, in words.

    Raises:
        ValueError: A number is out of range.
    """
    _check_threshold(threshold)
    for name, value in (
        ("motor_field", motor_field),
        ("target_field", target_field),
        ("motor_maximum", motor_maximum),
        ("target_maximum", target_maximum),
        ("waveform_ratio", waveform_ratio),
    ):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"`{name}` must be a positive number, got {value!r}.")
    factor = motor_field / target_field * waveform_ratio
    output = threshold * factor * motor_maximum / target_maximum
    return Output(output, output / threshold, f"{metric} of M1 at threshold")


def _check_threshold(threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise ValueError(
            f"the motor threshold is {threshold:.0%} of the stimulator's maximum; it must "
            "lie above 0 and up to 100%."
        )

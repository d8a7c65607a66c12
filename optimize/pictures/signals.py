"""Pictures of signals: a spectrum with its peak, a map of coupling, a rose of phases."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from numpy import ndarray

from ...meshing.drawing.paper import INK, save_chart
from ...meshing.drawing.studio import picture


_LINE, _BAND, _AIM = "#0a5cad", "#d8e4ef", "#b3400f"
_SIZE = (10.0, 5.4)  # [inch]
_SECTORS = 36  # Of a rose.


@picture
def write_spectrum(
    path: Path,
    spectra: Sequence[
        tuple[str, Float[ndarray, "frequency"], Float[ndarray, "frequency"]]
    ],
    peak: float,
    window: tuple[float, float],
    halves: Sequence[float],
    title: str,
) -> None:
    """Draw mean spectra, the peak, the band around it, and the peaks of the halves.

    Args:
        path: The file to write, .png.
        spectra: Of each recording its name, frequencies [Hz], and power over its mean.
        peak: Of the person. [Hz]
        window: Ends of the alpha band; NaN where there is none. [Hz]
        halves: Peaks of parts of the recordings; NaN is left out. [Hz]
        title: One line.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=_SIZE, dpi=120, layout="constrained")
    axes = figure.add_subplot()
    if np.isfinite(window).all():
        words = f"band, {window[0]:.1f} to {window[1]:.1f} Hz"
        axes.axvspan(*window, color=_BAND, label=words)
    for number, (name, frequencies, power) in enumerate(spectra):
        style = ("solid", "dashed")[number % 2]
        axes.semilogy(frequencies, power, color=_LINE, linestyle=style, label=name)
    axes.axvline(peak, color=_AIM, linewidth=1.8, label=f"peak, {peak:.2f} Hz")
    known = [each for each in halves if np.isfinite(each)]
    if known:
        foot = np.full(len(known), 0.02)
        axes.plot(
            *(known, foot, "^"),
            color=INK,
            transform=axes.get_xaxis_transform(),
            label="peak of each half",
        )
    axes.set_xlabel("frequency, Hz")
    axes.set_ylabel("power over its mean, channels with a peak")
    _finish(figure, path, title)


@picture
def write_coupling(
    path: Path,
    thetas: Float[ndarray, "theta"],
    gammas: Float[ndarray, "gamma"],
    indices: Float[ndarray, "theta gamma"],
    pair: tuple[float, float],
    halves: Sequence[tuple[float, float]],
    title: str,
) -> None:
    """Draw how far gamma follows theta, for all pairs, and which pair was chosen.

    Args:
        path: The file to write, .png.
        thetas: That were tried. [Hz]
        gammas: That were tried. [Hz]
        indices: Modulation index of each pair.
        pair: Theta and gamma that were chosen. [Hz]
        halves: The same in each half of the recording. [Hz]
        title: One line.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=_SIZE, dpi=120, layout="constrained")
    axes = figure.add_subplot()
    shown = axes.pcolormesh(
        thetas, gammas, indices.T, shading="nearest", cmap="cividis"
    )
    figure.colorbar(shown, ax=axes, label="modulation index")
    ends = np.array(halves).T
    axes.plot(*ends, "o", color="white", mec=INK, ms=9, label="of each half")
    chosen = f"chosen, {pair[0]:.1f} and {pair[1]:.0f} Hz"
    axes.plot(*pair, "P", color=_AIM, mec="white", ms=14, label=chosen)
    axes.set_xlabel("theta, whose phase counts, Hz")
    axes.set_ylabel("gamma, whose amplitude counts, Hz")
    _finish(figure, path, title)


@picture
def write_rose(
    path: Path,
    phases: Float[ndarray, "pulse"],
    wanted: float,
    mean_error: float,
    hit_rate: float,
    title: str,
) -> None:
    """Draw at which phases pulses came, and which was wanted.

    Args:
        path: The file to write, .png.
        phases: Of the rhythm at each pulse; 0 is a peak. [rad]
        wanted: The phase that was aimed at. [rad]
        mean_error: Circular. [rad]
        hit_rate: Share of pulses within 45° of what was wanted.
        title: One line.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=(7.2, 6.4), dpi=120, layout="constrained")
    axes = figure.add_subplot(projection="polar")
    edges = np.linspace(-np.pi, np.pi, _SECTORS + 1)
    # NumPy's remainder is never negative.
    turned = np.remainder(phases + np.pi, 2 * np.pi) - np.pi
    counts, _ = np.histogram(turned, edges)
    axes.bar(
        *(edges[:-1], counts),
        width=2 * np.pi / _SECTORS,
        align="edge",
        color=_LINE,
        edgecolor="white",
        label=f"{len(phases)} pulses, {hit_rate:.0%} within 45°",
    )
    top = max(int(counts.max(initial=0)), 1)
    for angle, colour, style, words in (
        (wanted, _AIM, "solid", f"wanted, {np.degrees(wanted):g}°"),
        (
            wanted + mean_error,
            INK,
            "dashed",
            f"mean, {np.degrees(mean_error):+.0f}° off",
        ),
    ):
        axes.plot([angle, angle], [0, top], color=colour, linestyle=style, label=words)
    axes.set_xticks(np.radians(range(0, 360, 45)), _NAMES)
    axes.tick_params(axis="x", pad=12)
    axes.set_title(title, loc="left")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    save_chart(figure, path, title)


_NAMES = ("0°\npeak", "45°", "90°", "135°", "180°\ntrough", "-135°", "-90°", "-45°")


def _finish(figure: Figure, path: Path, title: str) -> None:
    (axes, *_) = figure.axes
    axes.set_title(title, loc="left")
    # Outside, where it covers nothing that was measured.
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save_chart(figure, path, title)

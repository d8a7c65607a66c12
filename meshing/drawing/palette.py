"""The colours of a field, the same in every picture."""

from functools import cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import ndimage


@cache
def field_palette() -> Float[ndarray, "256 3"]:
    """The colours of a field: from the gray of a cortex over orange to dark purple.

    Equal steps of the field are equal steps of OKLab [Ottosson 2020,
    https://bottosson.github.io/posts/oklab], and lightness falls all the way, so that it
    reads the same to the colour-blind and in print.

    Returns:
        sRGB, 0 to 1.
    """
    # Lightness, chroma and hue [°]; chosen to stay within what sRGB can show.
    stops = np.array(
        [
            [0.90, 0.008, 80.0],
            [0.86, 0.060, 80.0],
            [0.79, 0.120, 72.0],
            [0.70, 0.165, 52.0],
            [0.59, 0.190, 32.0],
            [0.47, 0.165, 10.0],
            [0.34, 0.120, -20.0],
        ]
    )
    lightness, chroma, hue = _through(stops, np.linspace(0, 1, 2001)).T
    hue = np.deg2rad(hue)
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    length = np.cumsum(np.r_[0, np.linalg.norm(np.diff(lab, axis=0), axis=1)])
    even = np.linspace(0, length[-1], 256)
    lab = np.stack([np.interp(even, length, channel) for channel in lab.T], axis=1)
    return _srgb(lab)


def _through(
    stops: Float[ndarray, "stop 3"], at: Float[ndarray, "n"]
) -> Float[ndarray, "n 3"]:
    from_stop = np.linspace(0, 1, len(stops))
    rough = np.stack([np.interp(at, from_stop, column) for column in stops.T], axis=1)
    return ndimage.gaussian_filter1d(rough, len(at) / 24, axis=0, mode="nearest")


def _srgb(lab: Float[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
    """OKLab to sRGB, by the matrices of Ottosson 2020."""
    to_lms = np.array(
        [
            [1.0, 0.3963377774, 0.2158037573],
            [1.0, -0.1055613458, -0.0638541728],
            [1.0, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((lab @ to_lms.T) ** 3 @ to_rgb.T, 0, 1)
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )

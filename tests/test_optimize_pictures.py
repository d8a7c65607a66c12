"""Pictures of answers that are a spectrum, a map or phases show their data."""

import numpy as np
import pytest
from PIL import Image

from tmsgrad.optimize.pictures.connectivity_map import write_connectivity
from tmsgrad.optimize.pictures.signals import write_coupling, write_rose, write_spectrum


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), dtype=int)


def like(image, colour, within=24):
    """Where a picture has a colour."""
    return np.abs(image - np.array(colour)).max(axis=-1) <= within


def test_a_spectrum_has_its_peak_where_it_is(tmp_path):
    frequencies = np.linspace(1, 40, 157)
    power = 1 / frequencies + np.exp(-((frequencies - 10.5) ** 2))
    shots = {}
    for peak in (8.0, 10.5, 13.0):
        path = tmp_path / f"{peak}.png"
        shown = [("rest.vhdr", frequencies, power)]
        write_spectrum(path, shown, peak, (8.0, 12.0), (10.4, np.nan), "Alpha")
        # The line of the peak is as high as the axes; its legend is not.
        shots[peak] = np.argmax(like(pixels(path), (179, 64, 15)).sum(axis=0))
    assert shots[13.0] - shots[10.5] == pytest.approx(shots[10.5] - shots[8.0], abs=6)


def test_the_chosen_pair_is_marked_on_the_strongest(tmp_path):
    thetas, gammas = np.arange(4.0, 8.5, 0.5), np.arange(30.0, 51.0, 2.0)
    indices = np.zeros((len(thetas), len(gammas)))
    indices[4, 7] = 1.0
    pair = float(thetas[4]), float(gammas[7])
    path = tmp_path / "c.png"
    write_coupling(path, thetas, gammas, indices, pair, [pair, pair], "Coupling")
    image = pixels(path)
    image[:, 1000:] = 255  # The bar of colours, and below the legend.
    image[560:] = 255
    (rows, columns) = np.nonzero(like(image, (255, 234, 70), 60))
    at = np.argwhere(like(image, (179, 64, 15))).mean(axis=0)
    assert rows.min() <= at[0] <= rows.max()
    assert columns.min() <= at[1] <= columns.max()


def test_a_rose_points_where_the_pulses_are(tmp_path):
    phases = np.full(40, np.radians(185.0))
    write_rose(tmp_path / "r.png", phases, np.pi, np.radians(5.0), 1.0, "Phases")
    bars = like(pixels(tmp_path / "r.png"), (10, 92, 173))
    columns = np.nonzero(bars[:600].any(axis=0))[0]
    # Nothing of the bars is right of the middle, where the peak's phase is drawn.
    assert columns.max() < bars.shape[1] / 2 + 20
    write_rose(tmp_path / "none.png", np.zeros(0), 0.0, 0.0, 0.0, "No pulse")


@pytest.mark.parametrize("turned", [False, True])
def test_a_map_shows_the_target_whatever_the_axes_of_its_voxels(turned, tmp_path):
    mask = np.ones((20, 24, 22), bool)
    affine = np.diag([4e-3, 4e-3, 4e-3, 1.0])
    affine[:3, 3] = [-40e-3, -48e-3, -40e-3]
    places = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
    target, rival = np.array([-20e-3, 20e-3, 20e-3]), np.array([20e-3, 20e-3, 20e-3])
    near = lambda at: np.exp(-np.sum((places - at) ** 2, axis=1) / (2 * 0.008**2))
    z = -0.8 * near(target) - 0.4 * near(rival)
    if turned:  # The first axis runs from right to left.
        volume = np.zeros(mask.shape)
        volume[mask] = z
        z = volume[::-1][mask]
        affine = affine @ np.diag([-1.0, 1, 1, 1])
        affine[0, 3] = 36e-3
    path = tmp_path / "m.png"
    write_connectivity(
        path, z, mask, affine, [("target", target), ("rival 1", rival)], "Target"
    )
    image = pixels(path)
    first = image[: image.shape[0] // 2, : image.shape[1] // 4]  # The axial slice.
    blue = np.argwhere(first[..., 2] - first[..., 0] > 90)
    ring = np.argwhere(like(first, (11, 125, 62)))
    np.testing.assert_allclose(blue.mean(axis=0), ring.mean(axis=0), atol=12)

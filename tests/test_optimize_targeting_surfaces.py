"""Series on surfaces: the planted target is found, and what does not fit is refused."""

import dataclasses
import json
from typing import Literal

import nibabel
import numpy as np
import pytest
from benchmarks import simulated_bold, simulated_brain
from cli_examples import refused, run
from nibabel.cifti2.cifti2 import Cifti2Image
from nibabel.cifti2.cifti2_axes import BrainModelAxis, SeriesAxis
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage

from tmsgrad.meshing import Surface, average_cortex, write_surface
from tmsgrad.optimize import targeting


VOXEL = 4.0
OFF = 0.5e-3  # No vertex lies where two voxels meet. [m]
SIDES: dict[Literal["L", "R"], str] = {
    "L": "CIFTI_STRUCTURE_CORTEX_LEFT",
    "R": "CIFTI_STRUCTURE_CORTEX_RIGHT",
}


@pytest.fixture(scope="module")
def person():
    brain = simulated_brain.ellipsoid(VOXEL)
    return simulated_bold.simulate(np.random.default_rng(5), 12, brain)


@pytest.fixture(scope="module")
def files(person, tmp_path_factory):
    """The same series as an image, as GIfTI and as CIFTI: a vertex for each voxel."""
    folder = tmp_path_factory.mktemp("surfaces")
    found: dict = dict(simulated_bold.write(folder, person))
    series = targeting.read_bold(found["bold"])
    found["series"] = series
    found["tr"] = series.repetition_time
    signals, places = series.signals.astype(np.float32), series.positions + OFF
    axis = None
    columns = []
    for side, name in SIDES.items():
        here = places[:, 0] < 0 if side == "L" else places[:, 0] >= 0
        count = np.count_nonzero(here)
        corners = np.arange(count - count % 3, dtype=np.int32).reshape(-1, 3)
        found[side] = folder / f"sub-01_hemi-{side}_midthickness.surf.gii"
        write_surface(found[side], Surface(places[here], corners))
        found[f"func-{side}"] = write_func(
            folder / f"sub-01_space-MNI_hemi-{side}_bold.func.gii",
            signals[:, here],
            found["tr"],
        )
        part = BrainModelAxis.from_surface(np.arange(count), count, name)
        axis = part if axis is None else axis + part
        columns.append(signals[:, here])
    rows = SeriesAxis(0, found["tr"], len(signals), "SECOND")
    image = Cifti2Image(np.concatenate(columns, axis=1), (rows, axis))
    found["cifti"] = folder / "sub-01_space-MNI_bold.dtseries.nii"
    nibabel.save(image, found["cifti"])
    return found


def write_func(path, signals, step):
    arrays = [
        GiftiDataArray(each, intent="NIFTI_INTENT_TIME_SERIES", datatype="float32")
        for each in signals
    ]
    arrays[0].meta["TimeStep"] = f"{step * 1e3:g}"
    nibabel.save(GiftiImage(darrays=arrays), path)
    return path


def surfaces(files):
    return [f"--surface={files[side]}" for side in SIDES]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["func-L", "cifti"])
def test_both_formats_give_the_series_of_the_image(files, kind):
    found = targeting.read_surface_bold(files[kind], [files["L"], files["R"]])
    assert found.repetition_time == pytest.approx(files["tr"])
    whole = files["series"]
    # One and a half times the distance of 4 mm.
    np.testing.assert_allclose(np.diag(found.affine)[:3], 6e-3)
    assert found.signals.shape[1] == found.mask.sum()
    # The mean of what lies in a voxel.
    number = found.signals.shape[1] // 2
    place = found.positions[number]
    inside = (np.floor((whole.positions + OFF) / 6e-3) == np.floor(place / 6e-3)).all(
        axis=1
    )
    assert inside.any()
    np.testing.assert_allclose(
        found.signals[:, number], whole.signals[:, inside].mean(axis=1), rtol=1e-4
    )


def test_the_planted_target_is_found_on_surfaces(person, files, tmp_path):
    words = ["target", "functional", f"--bold={files['cifti']}", *surfaces(files)]
    words += [f"--confounds={files['confounds']}", f"--seed-map={files['group']}"]
    result = run(*words, "--out", tmp_path / "out")
    assert result.status == 0, result.err
    found = json.loads((tmp_path / "out" / "target.json").read_text())
    error = np.linalg.norm(np.array(found["centre_mm"]) - person.truth)
    assert error < 6.0
    assert error <= found["interval_95_radius_mm"]


def test_the_usual_places_are_found_in_folded_cortex_which_fills_a_part_of_a_ball(
    tmp_path,
):
    names = []
    rng = np.random.default_rng(0)
    for side in SIDES:
        surface = average_cortex(side).middle
        names.append(tmp_path / f"hemi-{side}_midthickness.surf.gii")
        write_surface(names[-1], surface)
        signals = rng.normal(size=(4, len(surface.vertices))).astype(np.float32)
        write_func(tmp_path / f"hemi-{side}_bold.func.gii", signals, 2.0)
    found = targeting.read_surface_bold(tmp_path / "hemi-L_bold.func.gii", names)
    assert found.cortex
    stay = lambda points: points
    for place in (
        targeting.SEEDS["sgACC"],
        targeting.SEARCH_REGIONS["left-dlpfc"],
    ):
        inside = targeting.weights_in(found, place, stay)
        np.testing.assert_array_equal(inside, place.inside(found.positions))
        assert inside.sum() > 20
    # As an image of the brain it would be one that does not cover a place so well covered.
    lateral = targeting.Spheres("46", ((-44.0, 40.0, 29.0),), 20.0, "nobody")
    assert targeting.weights_in(found, lateral, stay).sum() > 20
    image = dataclasses.replace(found, cortex=False)
    with pytest.raises(ValueError, match="the images do not cover it"):
        targeting.weights_in(image, lateral, stay)
    outside = targeting.Spheres("air", ((0.0, 200.0, 0.0),), 10.0, "nobody")
    with pytest.raises(ValueError, match="only 0% of the ball air"):
        targeting.weights_in(found, outside, stay)


@pytest.mark.usefixtures("undrawn")
def test_what_does_not_fit_is_refused(files, tmp_path):
    words = ["target", "functional", "--space=mni", "--out", tmp_path / "out"]
    func, other = files["func-L"], tmp_path / "hemi-L.surf.gii"
    write_surface(other, Surface(np.eye(3), np.array([[0, 1, 2]], np.int32)))
    nameless = tmp_path / "middle.surf.gii"
    nameless.write_bytes(other.read_bytes())
    broken = tmp_path / "x.dtseries.nii"
    broken.write_bytes(b"nothing")
    for more, message in (
        ([f"--bold={func}"], "--surface: series on surfaces"),
        ([f"--bold={files['bold']}", *surfaces(files)], "images go without"),
        ([f"--bold={func}", f"--bold={files['bold']}"], "some runs are on surfaces"),
        ([f"--bold={func}", f"--surface={other}"], "belong to different surfaces"),
        ([f"--bold={func}", f"--surface={nameless}"], "nothing in the name tells"),
        ([f"--bold={func}", f"--surface={files['R']}"], "of the left hemisphere is"),
        ([f"--bold={broken}", *surfaces(files)], "no CIFTI series"),
        ([f"--bold={files['cifti']}", f"--surface={other}"], "names vertex"),
        (
            [f"--bold={func}", *surfaces(files), f"--mask={files['bold']}"],
            "series on surfaces have cortex alone",
        ),
    ):
        refused([*words, *more], tmp_path, message)

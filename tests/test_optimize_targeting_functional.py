import dataclasses
import json
import shutil
from typing import Any

import nibabel
import numpy as np
import pytest
from benchmarks import simulated_bold, simulated_brain
from cli_examples import refused, run
from subject_examples import to_mni, to_subject, write_m2m

from tmsgrad.optimize import targeting


VOXEL = 6.0


@pytest.fixture(scope="module")
def person():
    brain = simulated_brain.ellipsoid(VOXEL)
    return simulated_bold.simulate(np.random.default_rng(5), 12, brain)


@pytest.fixture(scope="module")
def files(person, tmp_path_factory):
    return simulated_bold.write(tmp_path_factory.mktemp("bold"), person)


@pytest.fixture(scope="module")
def cleaned(files):
    series = targeting.read_bold(files["bold"])
    confounds = targeting.read_confounds(files["confounds"], len(series.signals))
    return targeting.clean(series, confounds)


def words(files, out, **changes):
    named = {"bold": files["bold"], "confounds": files["confounds"]} | changes
    options = [f"--{name}={value}" for name, value in named.items()]
    return ["target", "functional", *options, "--out", out]


def test_the_command_finds_the_planted_target_and_says_how_surely(
    person, files, tmp_path
):
    result = run(*words(files, tmp_path / "out", **{"seed-map": files["group"]}))
    assert result.status == 0, result.err
    found = json.loads((tmp_path / "out" / "target.json").read_text())
    assert (tmp_path / "out" / "overview.png").stat().st_size > 10_000
    assert found["schema"] == 1
    error = np.linalg.norm(np.array(found["centre_mm"]) - person.truth)
    assert error < VOXEL
    assert error <= found["interval_95_radius_mm"]
    assert found["mean_fisher_z"] < -0.1
    assert found["motion"]["kept"] < found["motion"]["volumes"]
    assert "Fox et al. 2013" in found["seed"]
    target = targeting.read_map(tmp_path / "out" / "target.nii.gz")
    np.testing.assert_allclose(target.centre * 1e3, found["centre_mm"], atol=1e-3)
    assert "no medical device" in result.out
    assert found["reliable"] is (not found["doubts"])
    assert found["found_share"] > 0.8


class _OwnBrain(simulated_brain.Ellipsoid):
    """The ellipsoid where a person has it: its networks are planted in MNI space."""

    def patch(self, centre, width):
        points = np.argwhere(self.mask) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return np.exp(-np.sum((to_mni(points) - centre) ** 2, axis=1) / (2 * width**2))


def test_images_in_the_head_are_searched_where_its_transforms_say(tmp_path):
    box = simulated_brain.ellipsoid(VOXEL)
    points = np.moveaxis(np.indices(box.mask.shape), 0, -1) * VOXEL + box.affine[:3, 3]
    half = (to_mni(points) - [0.0, -18.0, 8.0]) / [70.0, 88.0, 68.0]
    mask = np.sum(half**2, axis=-1) <= 1
    brain = _OwnBrain(mask, box.affine, np.array([[1.0, 0.0, 0.0]] * mask.sum()))
    person = simulated_bold.simulate(np.random.default_rng(7), 12, brain)
    files = simulated_bold.write(tmp_path, person, space="T1w")
    folder = write_m2m(tmp_path)
    given = {"seed-map": files["group"], "head": folder}
    result = run(*words(files, tmp_path / "out", **given))
    assert result.status == 0, result.err
    found = json.loads((tmp_path / "out" / "target.json").read_text())
    assert found["space"] == "head"
    centre = np.array(found["centre_mm"])
    assert np.linalg.norm(centre - to_subject(person.truth)) < VOXEL
    assert np.linalg.norm(centre - person.truth) > 1.5 * VOXEL
    for changes, needed in (
        ({}, "nothing says which space that is"),
        ({"space": "head"}, "--space head needs --head M2M"),
        ({"space": "mni", "head": folder}, "the images are in MNI space"),
        ({"head": files["mask"]}, "it is no m2m_ folder"),
        ({"head": tmp_path / "m2m_nobody"}, "m2m_nobody: it is no m2m_ folder"),
    ):
        refused(words(files, tmp_path / "none", **changes), tmp_path, needed)


def test_connectivity_is_the_correlation_of_what_is_left(cleaned):
    signals = cleaned.series.signals
    weights = targeting.SEEDS["sgACC"].inside(cleaned.series.positions).astype(float)
    course = targeting.seed_course(cleaned, weights)
    z = targeting.connectivity(cleaned, course)
    some = [0, 100, 2000]
    expected = [
        np.corrcoef(signals[:, weights > 0].mean(axis=1), signals[:, i]) for i in some
    ]
    np.testing.assert_allclose(
        np.tanh(z[some]), [c[0, 1] for c in expected], atol=1e-12
    )


def test_confounds_and_frequencies_outside_the_band_are_gone(files, cleaned):
    series = targeting.read_bold(files["bold"])
    confounds = targeting.read_confounds(files["confounds"], len(series.signals))
    kept = confounds.displacement <= targeting.bold.DISPLACEMENT
    assert cleaned.motion.kept == kept.sum() < len(kept)
    table = confounds.regressors[kept]
    table = table[:, np.ptp(table, axis=0) > 0]
    middle = np.arange(len(kept)) + 0.5
    fast = np.cos(np.pi * np.outer(middle, [200, 300]) / len(kept))  # 0.14, 0.21 Hz.
    for columns in (table, fast[kept]):
        columns = columns - columns.mean(axis=0)
        columns = columns / np.linalg.norm(columns, axis=0)
        assert np.abs(columns.T @ cleaned.series.signals).max() < 1e-6
    np.testing.assert_allclose(cleaned.series.signals.std(axis=0), 1, rtol=1e-12)


def test_displacement_is_that_of_power_2012(tmp_path):
    columns = {name: np.zeros(4) for name in ("trans_x", "trans_y", "trans_z")}
    columns |= {name: np.zeros(4) for name in ("rot_x", "rot_y", "rot_z")}
    columns["trans_y"] = np.array([0, 0.3, 0.3, 0.1])  # [mm]
    columns["rot_z"] = np.array([0, 0, 0.01, 0.01])  # 0.5 mm on 50 mm.
    simulated_bold.write_confounds(tmp_path / "c.tsv", columns)
    found = targeting.read_confounds(tmp_path / "c.tsv", 4)
    np.testing.assert_allclose(found.displacement * 1e3, [0, 0.3, 0.5, 0.2])
    with pytest.raises(ValueError, match="4 rows, but the images 5 volumes"):
        targeting.read_confounds(tmp_path / "c.tsv", 5)
    with pytest.raises(ValueError, match="missing: global_signal"):
        targeting.read_confounds(tmp_path / "c.tsv", 4, global_signal=True)


def test_the_cluster_and_its_centre_are_those_of_a_known_map(cleaned):
    positions = cleaned.series.positions
    region = targeting.SEARCH_REGIONS["left-dlpfc"].inside(positions)
    grid = targeting.search_grid(cleaned, region)
    middle = np.array([-0.040, 0.036, 0.036])
    bump = lambda at, width: np.exp(
        -np.sum((positions - at) ** 2, axis=1) / (2 * width**2)
    )
    z = -0.3 * bump(middle, 0.008) - 0.2 * bump(np.array([-0.041, 0.006, 0.058]), 0.006)
    found = targeting.find_target(z, grid, share=0.2)
    assert np.linalg.norm(found.centre - middle) < VOXEL / 2 * 1e-3
    mixed = targeting.blended(z, -z, 0.5, grid)
    np.testing.assert_allclose(mixed, 0, atol=1e-15)
    np.testing.assert_allclose(targeting.blended(z, 9 * z, 0.3, grid), z, rtol=1e-12)
    with pytest.raises(ValueError, match="nothing in the search region is anticorr"):
        targeting.find_target(np.abs(z) + 0.01, grid)
    with pytest.raises(ValueError, match="constant or not finite"):
        targeting.blended(z, 0 * z, 0.5, grid)


def test_a_rival_as_strong_is_named_and_the_target_called_unreliable(tmp_path):
    brain = simulated_brain.ellipsoid(VOXEL)
    person = simulated_bold.simulate(np.random.default_rng(5), 12, brain, rival=1.3)
    files = simulated_bold.write(tmp_path, person)
    result = run(*words(files, tmp_path / "out", **{"seed-map": files["group"]}))
    assert result.status == 0, result.err
    found = json.loads((tmp_path / "out" / "target.json").read_text())
    assert result.out.startswith("NOT RELIABLE ")
    assert not found["reliable"]
    ((rival, *_), places) = found["rivals"], [person.truth, simulated_bold.RIVAL]
    assert 0.3 <= rival["mass_share"] <= 1
    near = lambda centre: min(np.linalg.norm(np.array(centre) - x) for x in places)
    assert near(found["centre_mm"]) < VOXEL
    assert near(rival["centre_mm"]) < 1.5 * VOXEL
    assert rival["distance_mm"] > 15
    total = found["found_share"] + sum(each["found_share"] for each in found["rivals"])
    assert 0.8 < total <= 1
    assert found["found_share"] < 1


def test_runs_are_put_together_each_cleaned_by_itself(files, cleaned, tmp_path):
    double = targeting.joined([cleaned, cleaned])
    assert double.motion.minutes == 2 * cleaned.motion.minutes
    assert double.motion.mean_displacement == pytest.approx(
        cleaned.motion.mean_displacement
    )
    weights = targeting.SEEDS["sgACC"].inside(cleaned.series.positions).astype(float)
    z = [
        targeting.connectivity(each, targeting.seed_course(each, weights))
        for each in (cleaned, double)
    ]
    np.testing.assert_allclose(z[1], z[0], atol=1e-12)

    names = ("bold", "confounds")
    twice = [f"--{name}={files[name]}" for name in names for _ in range(2)]
    more = ["--seed-map", files["group"], "--minutes=20", "--draws=20"]
    out = tmp_path / "out"
    result = run("target", "functional", *twice, *more, "--out", out)
    assert result.status == 0, result.err
    found = json.loads((out / "target.json").read_text())
    assert found["runs"] == 2
    assert found["motion"]["minutes"] == pytest.approx(double.motion.minutes)
    assert (
        found["split_half_mm"] < 0.2
    )  # Both halves are the same run, but for a block.
    refused(
        ["target", "functional", *twice[:3], "--out", out],
        tmp_path,
        "1 times, and --bold",
    )
    other = tmp_path / "sub-01_task-rest_space-T1w_desc-preproc_bold.nii.gz"
    shutil.copy(files["bold"], other)
    mixed = [f"--bold={files['bold']}", f"--bold={other}", "--mask", files["mask"]]
    refused(
        ["target", "functional", *mixed, "--out", out], tmp_path, "says another space"
    )


def test_runs_that_do_not_fit_are_refused(cleaned):
    series = cleaned.series
    affine = series.affine.copy()
    affine[:3, 3] += 0.003
    for changes, needed in (
        ({"affine": affine}, "on another grid"),
        ({"repetition_time": 1.0}, "the repetition time is 1 s"),
        ({"mask": ~series.mask}, "no voxel in common"),
    ):
        other = dataclasses.replace(
            cleaned, series=dataclasses.replace(series, **changes)
        )
        with pytest.raises(ValueError, match=needed):
            targeting.joined([cleaned, other])
    with pytest.raises(ValueError, match="at least 30 min are needed"):
        targeting.joined([cleaned, cleaned], minutes=30.0)


def test_the_global_signal_is_chosen_by_the_halves_that_agree(files, tmp_path):
    halves = {}
    for choice in ("no", "yes", "auto"):
        changes = {"seed-map": files["group"], "global-signal": choice, "draws": 20}
        out = tmp_path / choice
        result = run(*words(files, out, **changes))
        assert result.status == 0, result.err
        found = json.loads((out / "target.json").read_text())
        halves[choice] = found["split_half_mm"]
    assert halves["auto"] == min(halves["no"], halves["yes"])
    assert found["split_half_of_other_choice_mm"] == max(halves["no"], halves["yes"])
    assert found["global_signal"] is (halves["yes"] < halves["no"])
    assert "otherwise the halves are" in result.out


def test_images_that_will_not_do_are_refused(person, files, tmp_path):
    def changed(name, edit):
        data = np.array(person.image.dataobj)
        image = edit(data, person.image.affine.copy())
        image.header.set_xyzt_units("mm", "sec")
        path = tmp_path / f"{name}_space-MNI_bold.nii.gz"
        image.set_sform(image.affine, code=4)
        nibabel.save(image, path)
        return path

    def make(data, affine, time=2.0):
        image = nibabel.Nifti1Image(data, affine)
        image.header.set_zooms((*image.header.get_zooms()[:3], time))
        return image

    def holes(data, affine):
        data[..., 7] = np.nan
        return make(data, affine)

    def moved(data, affine):
        affine[:3, 3] += [60, 0, 0]
        return make(data, affine)

    few = lambda data, affine: make(data[..., :20], affine)
    timeless = lambda data, affine: make(data[..., :20], affine, 0.0)
    flat = lambda data, affine: nibabel.Nifti1Image(data[..., 0], affine)
    mask = {"mask": files["mask"]}
    elsewhere = {"search-region": files["bold"].parent / "none.nii"}
    for changes, needed in (
        ({"bold": changed("nan", holes), **mask}, "the first is volume 7"),
        ({"bold": changed("timeless", timeless), **mask}, "repetition time of 0 s"),
        ({"bold": changed("flat", flat), **mask}, "(i, j, k, volumes)"),
        ({"bold": changed("moved", moved), **mask}, "on another grid"),
        ({"bold": changed("few", few), **mask}, "20 volumes"),
        ({"tr": 20.0}, "20 s (the given one)"),
        ({"minutes": 30}, "at least 30 min are needed"),
        ({"displacement": 0.11}, "are left of 12.0 min"),
        ({"seed": "0,200,0"}, "lies in the brain"),
        ({"seed": "amygdala"}, "known are sgACC"),
        (elsewhere, "known are left-dlpfc"),
        ({"space": "head"}, "the name says MNI space"),
    ):
        refused(words(files, tmp_path / "out", **changes), tmp_path, needed)
    series = targeting.read_bold(files["bold"])
    affine = series.affine.copy()
    affine[:3, 3] += 0.06
    shifted = targeting.BoldSeries(series.signals, series.mask, affine, 2.0)
    with pytest.raises(ValueError, match="the images are in another space"):
        targeting.check_mni_brain(shifted)


def test_a_missing_extra_is_named(monkeypatch, cleaned):
    monkeypatch.setitem(__import__("sys").modules, "nilearn.signal", None)
    with pytest.raises(ImportError, match=r"tmsgrad\[connectome\]"):
        targeting.clean(cleaned.series, None)


def test_a_map_of_ones_own_is_ranked_in_the_target(person, files, cleaned, tmp_path):
    grid_of = lambda centre: np.exp(
        -((np.linalg.norm(cleaned.series.positions * 1e3 - centre, axis=1) / 8) ** 2)
        / 2
    )
    mask: Any = nibabel.load(files["mask"])
    far = np.add(person.truth, [8.0, -32.0, 20.0])
    found = {}
    for name, centre in (("near", person.truth), ("far", far)):
        values = np.zeros(cleaned.series.mask.shape, np.float32)
        values[cleaned.series.mask] = grid_of(np.array(centre))
        nibabel.Nifti1Image(values, mask.affine).to_filename(
            tmp_path / f"{name}.nii.gz"
        )
        given = {"seed-map": files["group"], "engagement": tmp_path / f"{name}.nii.gz"}
        result = run(*words(files, tmp_path / name, **given))
        assert result.status == 0, result.err
        target = json.loads((tmp_path / name / "target.json").read_text())
        found[name] = target["engagement"]
        off = np.array(found[name]["strongest_mm"]) - target["centre_mm"]
        assert np.linalg.norm(off) == pytest.approx(found[name]["distance_mm"])
    assert found["near"]["engaged"]
    assert found["near"]["distance_mm"] < 2 * VOXEL
    assert not found["far"]["engaged"]
    assert found["far"]["mean"] < found["near"]["mean"]
    assert "does NOT engage the target" in result.out
    empty = nibabel.Nifti1Image(np.zeros(mask.shape, np.float32) + 1, mask.affine)
    empty.to_filename(tmp_path / "same.nii.gz")
    given = {"engagement": tmp_path / "same.nii.gz"}
    refused(words(files, tmp_path / "no", **given), tmp_path, "the map is the same")

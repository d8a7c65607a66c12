"""How near motor maps come to a planted place, and how sure they are of it.

    python -m benchmarks motor --head=template:200000 --people=50 --draws=50 --keep=people

Each simulated person has a place in gray matter, which is none of those that are fitted, at
another depth, and a threshold. Responses come from the virtual people of Goetz et al. 2019
(doi:10.1109/TNSRE.2019.2926543, parameters as in their published code): excitability that
varies by 4.9 % of the output, responses that vary by a factor, and noise of the amplifier
with a long tail; the fit knows none of these three. `log-normal` is what the fit assumes.
Coil errors, a second place, heavy tails and other conductivities are added to see what
breaks. Pulses are at random poses of one dI/dt, of which one in twenty has 1.5 times the
threshold at the place, or chosen by `mapping.next_pulses` after the first 30.

All people share a head's basis. With `--keep FOLDER` it is stored there, and so is each
person as soon as it is done: the same words again go on from there, and `--so-far
--name=0.2M` states what there is. The kind of region was chosen by the first 25 people of
the template with the published noise; those from person 25 on, and other heads, had no part
in it. Regions count where `tmsgrad map motor` states a place.
"""

import argparse
import contextlib
import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.optimize import mapping


KNOB = "-37,-21,58"  # The left hand knob of the template. [mm]
CRITERION = 50e-6  # [V]
SITES = 200
STATED = 0.1  # R² of left-out pulses, below which `tmsgrad map motor` states no place.
CHOICE = 25  # People by whom the kind of region was chosen; the others test it.
_NEAR = 12e-3  # Of the knob: where planted places are. [m]
# Mean and covariance of log10 parameters, Goetz et al. 2019.
_MEAN = np.array([-5.081765, 4.532265, 3.646550, 0.426390, 1.666487])
_COVARIANCE = np.diag([0.003571, 0.126168, 7.202739, 0.047426, 0.007107])
_COVARIANCE[2, 3] = _COVARIANCE[3, 2] = 0.569743
_COVARIANCE[2, 4] = _COVARIANCE[4, 2] = -0.197462
_COVARIANCE[3, 4] = _COVARIANCE[4, 3] = -0.015113


@dataclass(frozen=True)
class Scene:
    """How a simulation differs from what the fit assumes.

    Attributes:
        name: In words.
        noise: `published`, `log-normal` or `heavy`.
        coil: Standard deviation of placement. [m], [rad]
        second: Whether another place responds as well.
        conductive: Whether the head conducts otherwise.
    """

    name: str
    noise: str = "published"
    coil: tuple[float, float] = (0.0, 0.0)
    second: bool = False
    conductive: bool = False

    def fits(self, arm: str) -> bool:
        """Whether it is simulated: pulses are chosen with one kind of noise only."""
        return not arm.startswith("chosen") or self.name == "published noise"


_MISPLACED = (3e-3, np.radians(3.0))
SCENES = (
    Scene("log-normal noise", "log-normal"),
    Scene("published noise"),
    Scene("heavy tails", "heavy"),
    Scene("coil errors 3 mm, 3°", coil=_MISPLACED),
    Scene("a second place", second=True),
    Scene("other conductivities", conductive=True),
)


@dataclass(frozen=True, eq=False)
class World:
    """A head with a basis for the fit, and, where it conducts otherwise, for the truth."""

    patch: mapping.CortexPatch
    sites: np.ndarray
    domain: optimize.Placements
    basis: Callable[[str], efield.ReducedField]

    def fields(self, poses, at=None, true: bool = False) -> np.ndarray:
        """|E| per A/µs at places, or at sites, (place, pulse)."""
        basis = self.basis("other" if true else "usual")
        count = len(self.patch.areas)
        chosen = np.arange(count) if at is None else count + np.atleast_1d(at)
        return np.asarray(basis.subset(chosen).magnitude(poses, 1e6)).T.astype(float)


ARMS = ("random 60", "random 180", "chosen 70")
#: What else is measured: about it, and the command.
OTHERS = {
    "motor-0.2M-others": (
        "The same with chosen pulses, and of people who differ from what the fit assumes: "
        "ten each.",
        "python -m benchmarks motor --head=template:200000 --people=10 --draws=50 "
        "--only=coil",
    )
}


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks motor")
    parser.add_argument("--head", default="template:300000")
    parser.add_argument("--at", default=KNOB, help="the hand knob, mm")
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--name", default="", help="of the head, in the results")
    parser.add_argument("--keep", default=None, help="folder of what is done")
    parser.add_argument(
        "--only", default="", help="simulations with this in their name"
    )
    parser.add_argument("--arms", default=",".join(ARMS), help="of these")
    parser.add_argument(
        "--so-far", action="store_true", help="state what is kept, and simulate nobody"
    )
    options = parser.parse_args(words)
    if options.so_far and not (options.name and options.keep):
        parser.error("--so-far takes --keep and --name")
    name = options.name
    if not options.so_far:
        head = head_of(options.head)
        name = name or f"{len(head.tags) / 1e6:.1f}M"
        kept = _simulate(options, head, name)
    else:
        kept = Kept.of(options.keep, f"{name}-{options.draws}")
    rows = []
    for scene in SCENES:
        for arm in ARMS:
            if people := kept.people(scene.name, arm):
                rows += _summaries(scene.name, arm, people)
    print(record.table(rows))
    record.write(f"motor-{name}", rows)


def _simulate(options, head: meshing.HeadMesh, name: str) -> "Kept":
    kept = Kept.of(options.keep, f"{name}-{options.draws}")
    knob = np.array([float(x) for x in options.at.split(",")]) * 1e-3
    world = make_world(head, knob, kept.folder, name)
    every = [
        (scene, arm)
        for scene in SCENES
        for arm in options.arms.split(",")
        if options.only in scene.name and scene.fits(arm)
    ]
    # One person after the other, so that what is done so far is of all simulations.
    for number in range(options.people):
        for scene, arm in every:
            if kept.lacks(scene.name, arm, number):
                found = _person(world, scene, arm, number, options.draws)
                kept.add(scene.name, arm, number, found)
        print(number + 1, "people", flush=True)
    return kept


@dataclass(frozen=True, eq=False)
class Kept:
    """Simulated people that are done, in a file of a line for each where a folder is given.

    Attributes:
        folder: Or None.
        file: Or None.
        done: By scene, arm and number.
    """

    folder: Path | None
    file: Path | None
    done: dict

    @classmethod
    def of(cls, folder: str | None, name: str) -> "Kept":
        if folder is None:
            return cls(None, None, {})
        place = Path(folder)
        place.mkdir(exist_ok=True, parents=True)
        file, done = place / f"people-{name}.jsonl", {}
        if file.is_file():
            lines = file.read_text(encoding="utf-8").splitlines()
            for line in lines:
                with contextlib.suppress(ValueError):  # One that was cut off.
                    each = json.loads(line)
                    done[each["scene"], each["arm"], each["person"]] = each["found"]
        return cls(place, file, done)

    def lacks(self, *key) -> bool:
        return key not in self.done

    def of_person(self, *key) -> list[dict]:
        return self.done[key]

    def people(self, scene: str, arm: str) -> list[list[dict]]:
        """What the first people found, as many as are done without one lacking."""
        found: list[list[dict]] = []
        while not self.lacks(scene, arm, len(found)):
            found.append(self.of_person(scene, arm, len(found)))
        return found

    def add(self, scene: str, arm: str, person: int, found: list[dict]) -> None:
        self.done[scene, arm, person] = found
        if self.file is not None:
            each = {"scene": scene, "arm": arm, "person": person, "found": found}
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write("\n" + json.dumps(each))  # After one that was cut off.


def make_world(
    head: meshing.HeadMesh, knob: np.ndarray, folder: Path | None, name: str
) -> World:
    if folder is not None:
        folder.mkdir(exist_ok=True, parents=True)
    scalp = meshing.scalp(head)
    surface, _ = meshing.gray_matter_surface(head)
    near = np.linalg.norm(surface.vertices - knob, axis=1) < 30e-3
    patch = mapping.cortex_patch(head, near)
    rng = np.random.default_rng(12)
    triangles = patch.surface.triangles
    middles = patch.surface.vertices[triangles].mean(axis=1)
    inside = np.flatnonzero(np.linalg.norm(middles - knob, axis=1) < _NEAR)
    chosen = rng.choice(inside, SITES)
    depth = rng.uniform(0.6e-3, 2.0e-3, SITES)[:, None]
    sites = middles[chosen] - depth * patch.normals[triangles[chosen]].mean(axis=1)
    points = np.concatenate([patch.points, sites])
    sampler = efield.sampler(head, points, "gray matter")
    domain = optimize.placements(scalp, knob, 20e-3, distances=(3e-3, 7e-3))
    wide = optimize.placements(scalp, knob, 30e-3, distances=(1e-3, 12e-3))
    coil = coils.read("magstim-70mm-double")
    usual = np.asarray(efield.isotropic(head))
    # Bone conducts twice as well, gray matter and CSF a fifth less.
    other = usual * np.select(
        [np.isin(head.tags, (4, 7, 8)), np.isin(head.tags, (2, 3))], [2.0, 0.8], 1.0
    )
    at = efield.at_points(sampler, points)

    @functools.cache
    def basis(kind: str) -> efield.ReducedField:
        values = {"usual": usual, "other": other}[kind]
        file = folder and folder / f"{name}-{kind}.h5"
        return _basis(head, values, coil, wide, at, file)

    return World(patch, sites, domain, basis)


def _basis(head, values, coil, domain, at, file: Path | None) -> efield.ReducedField:
    if file is not None and file.is_file():
        return efield.read_reduced(file)
    found = efield.reduce(
        efield.assemble(head, jnp.asarray(values)),
        *(coil, domain, at),
        growth=efield.Growth(tolerance=1e-2, unseen=16),
    )
    if file is not None:
        efield.write_reduced(file, found)
    return found


@dataclass(frozen=True, eq=False)
class Person:
    """A simulated person.

    Attributes:
        world: The head.
        scene: How they differ from what the fit assumes.
        rng: Of their responses.
        site: That responds.
        second: That responds as well, in some scenes.
        threshold: [V/m]
        rate: dI/dt of the pulses. [A/µs]
        subject: How responses grow and vary.
    """

    world: World
    scene: Scene
    rng: np.random.Generator
    site: int
    second: int
    threshold: float
    rate: float
    subject: dict

    @classmethod
    def of(cls, world: World, scene: Scene, number: int) -> "Person":
        rng = np.random.default_rng([number, 5])
        site = int(rng.integers(SITES))
        apart = np.linalg.norm(world.sites - world.sites[site], axis=1)
        second = int(rng.choice(np.flatnonzero((apart > 8e-3) & (apart < 15e-3))))
        threshold = rng.uniform(50.0, 90.0)
        sample = world.domain(300, 900)
        rate = 1.5 * threshold / np.quantile(world.fields(sample, site)[0], 0.95)
        subject = _subject(rng)
        return cls(world, scene, rng, site, second, threshold, float(rate), subject)

    def fields(self, poses) -> np.ndarray:
        """|E| as the fit has it, (place, pulse). [V/m]"""
        return self.rate * self.world.fields(poses)

    def respond(self, poses) -> np.ndarray:
        """Responses to pulses that are meant to be at poses. [V]"""
        scene, rng = self.scene, self.rng
        moved = _moved(rng, poses, *scene.coil)
        sites = [self.site, self.second]
        field = self.rate * self.world.fields(moved, sites, scene.conductive)
        field = field / self.threshold
        made = _responses(rng, scene.noise, self.subject, field[0])
        if scene.second:  # At a threshold 10 % higher.
            made += _responses(rng, scene.noise, self.subject, field[1] / 1.1)
        return np.maximum(made, 1e-6)


def person_of(world: World, scene: Scene, number: int, count: int):
    """Give fields and responses of random pulses."""
    person, poses = (
        Person.of(world, scene, number),
        world.domain(count, 10_000 + number),
    )
    return person.fields(poses), person.respond(poses)


def _person(
    world: World, scene: Scene, arm: str, number: int, draws: int
) -> list[dict]:
    """Simulate a person; give what each number of pulses found."""
    person, count = Person.of(world, scene, number), int(arm.split()[1])
    site, threshold = person.site, person.threshold
    chosen = arm.startswith("chosen")
    poses = world.domain(30 if chosen else count, 10_000 + number)
    fields, values = person.fields(poses), person.respond(poses)
    known, first = _rated(world, fields, values, site, threshold, draws)
    found = [first]
    while chosen and len(values) < count:
        more = world.domain(400, 20_000 + 100 * number + len(values))
        candidates = person.fields(more)
        drawn = known.drawn(300)
        best, _ = mapping.next_pulses(
            known, candidates[drawn[0]], drawn, 20, world.patch.positions
        )
        picked = jax.tree.map(lambda x, best=best: x[best], more)
        fields = np.concatenate([fields, candidates[:, best]], axis=1)
        values = np.concatenate([values, person.respond(picked)])
        known, again = _rated(world, fields, values, site, threshold, draws)
        found.append(again)
    return found


def _rated(world: World, fields, values, site: int, threshold: float, draws: int):
    patch = world.patch
    begin = time.perf_counter()
    found = mapping.respond(
        *(mapping.Sigmoid(), fields, values, patch.positions, patch.areas),
        response=CRITERION,
        resolution=patch.resolution,
        draws=draws,
    )
    took = time.perf_counter() - begin
    place = world.sites[site]
    apart = np.linalg.norm(patch.points - place, axis=1)
    low, high = found.threshold_interval()
    drawn = found._thresholds / threshold
    return found, {
        "pulses": len(values),
        "distance": float(apart[found.optimum]),
        "largest R²": float(apart[found.best]),
        "inside": bool(found.region[np.argmin(apart)]),
        "area": float(patch.areas[found.region].sum()),
        "threshold": found.threshold / threshold - 1,
        "between": bool(low < threshold < high),
        "interval": [low / threshold, high / threshold],
        "tail": found.fit.tail,
        "left out": found.of_method,
        "thresholds": np.nanquantile(drawn, [0.025, 0.16, 0.5, 0.84, 0.975]).tolist(),
        "took": took,
    }


def _summaries(scene: str, arm: str, people: list[list[dict]]) -> list[dict]:
    rows = []
    for step in zip(*people, strict=True):
        of = lambda name, step=step: np.array([each[name] for each in step], float)
        rows.append(
            {
                "simulated": scene,
                "pulses": f"{step[0]['pulses']} {arm.split()[0]}",
                "people": len(step),
                "distance mm, median": _rounded(1e3 * np.median(of("distance")), 1),
                "nine of ten within": _rounded(
                    1e3 * np.quantile(of("distance"), 0.9), 1
                ),
                "region mm², median": _rounded(1e6 * np.median(of("area")), 0),
                "no place stated": int((of("left out") < STATED).sum()),
                "region holds it": _held(of),
                f"of people {CHOICE} on": _held(of, CHOICE),
                "threshold error, median": round(
                    float(np.nanmedian(np.abs(of("threshold")))), 3
                ),
                "interval holds it": _rounded(of("between").mean(), 2),
                "no threshold": int(np.isnan(of("threshold")).sum()),
                "seconds, median": round(float(np.median(of("took"))), 1),
            }
        )
    return rows


def _held(of: Callable[[str], np.ndarray], first: int = 0) -> str | None:
    """How many of the regions of maps that state a place hold it."""
    stated = of("left out")[first:] >= STATED
    held = of("inside")[first:][stated]
    return f"{int(held.sum())} of {len(held)}" if len(held) else None


def _rounded(value: float, digits: int) -> float:
    return round(float(value), digits)


def _moved(rng, poses, shift: float, turn: float):
    if not shift:
        return poses
    count = len(poses.translation)
    shifts = shift / np.sqrt(3) * rng.normal(size=(count, 3))
    turns = turn / np.sqrt(3) * rng.normal(size=(count, 3))
    move = jax.vmap(lambda pose, t, r: pose.moved(t, r))
    return move(poses, jnp.asarray(shifts), jnp.asarray(turns))


@functools.cache
def _population(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(_MEAN, _COVARIANCE, 5000)


def _subject(rng) -> dict:
    """Draw a virtual person whose threshold a stimulator reaches."""
    along = np.linspace(20, 120, 2001)
    while True:
        drawn = _population(3)[rng.integers(5000)]
        fixed = np.concatenate([drawn[:2], 10 ** drawn[2:]])
        curve = _median(fixed, along)
        if curve.min() > 30e-6 or not 1e-3 < curve.max() < 30e-3:
            continue
        threshold = along[np.argmax(curve > CRITERION)]
        if 30 < threshold < 90:
            break
    spread = 10 ** (
        np.array([-0.964533, 0.688273]) + [0.022759, 0.023671] * rng.normal(size=2)
    )
    return {
        "fixed": fixed,
        "threshold": threshold,
        "of response": spread[0],
        "of excitability": spread[1],
        "tail": (1.55e-6 * 1.5 ** rng.normal(), 0.14 * 2 ** rng.normal()),
    }


def _median(fixed: np.ndarray, output: np.ndarray) -> np.ndarray:
    return 10 ** fixed[0] + _evoked(fixed, output)


def _evoked(fixed: np.ndarray, output: np.ndarray, more=0.0) -> np.ndarray:
    above = np.maximum(output - fixed[4], 1e-9)
    return 1e-7 * 10 ** (more + fixed[1] / (1 + fixed[2] / above ** fixed[3]))


def _responses(rng, noise: str, subject: dict, strength: np.ndarray) -> np.ndarray:
    """Draw responses to fields in units of the threshold. [V]"""
    count = len(strength)
    if noise != "published":
        curve = 1e-5 + 3e-3 / (1 + np.exp(-12 * (strength / 1.36 - 1)))
        curve *= CRITERION / (1e-5 + 3e-3 / (1 + np.exp(-12 * (1 / 1.36 - 1))))
        made = (
            rng.normal(size=count)
            if noise == "log-normal"
            else rng.standard_t(2, count)
        )
        return curve * np.exp(0.7 * made)
    output = subject["threshold"] * strength
    output = output + subject["of excitability"] * rng.normal(size=count)
    size, shape = subject["tail"]
    tail = size * ((-np.log(rng.uniform(size=count))) ** -shape - 1) / shape
    factor = subject["of response"] * rng.normal(size=count)
    return 10 ** subject["fixed"][0] + tail + _evoked(subject["fixed"], output, factor)

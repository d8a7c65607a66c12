"""`tmsgrad trial`: power, concealed allocation, and blinded pairs of plans."""

import argparse
import csv
import io
import secrets
from datetime import UTC, datetime
from pathlib import Path

from ...coils import PoseList, navigation, read_poses
from ...disk import holding, read_json, write_whole
from ...disk.as_json import write_json
from ...optimize import trials
from ...optimize.trials import Allocation, Enrolment
from ..inputs.trials import ArmPlan, plans_digest, read_sealed
from ..runtime.notices import warn
from ..runtime.outcome import RESEARCH
from ..runtime.ownership import output_folder


_SEED_BITS = 128
_GUESSED = 1 << 64  # Below that, seeds can be tried one after another.


def trial_power(options: argparse.Namespace) -> dict:
    """Say how likely a trial shows a difference that there is."""
    if options.rates is None:
        found = trials.power_of_means(options.people, options.effect, options.alpha)
        what = f"an effect of {options.effect:g} standard deviations"
    else:
        if len(options.rates) != 2:
            raise ValueError("--rates: two are needed, such as 0.5,0.33.")
        first, second = options.rates
        rates = first, second
        found = trials.power_of_rates(options.people, rates, options.alpha)
        what = f"response rates of {first:.0%} and {second:.0%}"
    each = options.people // 2
    print(f"two arms of {each} people, {what}, error {options.alpha:g}")
    print(f"power two-sided  {found.two_sided:.2f}")
    print(
        f"power one-sided  {found.one_sided:.2f} (only the expected direction counts)"
    )
    return {
        "people_in_an_arm": each,
        "alpha": options.alpha,
        "effect": options.effect,
        "rates": options.rates,
        "power_two_sided": found.two_sided,
        "power_one_sided": found.one_sided,
    }


def trial_allocate(options: argparse.Namespace) -> dict:
    """Draw a sealed list, and what may be published of it."""
    if any(each % 1 for each in options.blocks):
        raise ValueError("--blocks: lengths are whole numbers.")
    seed = options.random_seed
    if seed is None:
        seed = secrets.randbits(_SEED_BITS)
    elif seed < _GUESSED:
        warn(
            "a short --random-seed can be guessed, and the list drawn again from it: leave "
            "it out, or give 20 digits and more, and keep them secret."
        )
    blocks = [int(each) for each in options.blocks]
    found = trials.allocated(options.people, options.arms, seed, blocks)
    if (Path(options.out) / "sealed.json").exists():
        raise ValueError(
            f"--out {options.out}: there is a sealed list already; it is not replaced."
        )
    public = {
        "note": RESEARCH,
        "arms": list(found.arms),
        "people": options.people,
        "sha256": found.digest,
    }
    secret = {"list": list(found.numbers), "key": found.key, "seed": str(seed)}
    with output_folder(options.out) as folder:
        write_json(folder / "trial.json", public)
        write_json(folder / "sealed.json", public | secret)
        (folder / "sealed.json").chmod(0o600)
    print(f"{options.people} places, arms {' and '.join(found.arms)}")
    print(
        f"SHA-256          {found.digest}: publish it (trial.json) before the first person"
    )
    print("sealed.json      is for one who neither enrols, treats nor rates people")
    return public


def trial_pair(options: argparse.Namespace) -> dict:
    """Put the plans of both arms side by side, without their names."""
    allocation = read_sealed(options.sealed)
    plans = ArmPlan.of(options.first), ArmPlan.of(options.second)
    plans[0].check_alike(plans[1])
    if not options.person.strip() or "\n" in options.person:
        raise ValueError("--person: a name is needed, in one line.")
    letters = allocation.letters(options.person)
    with output_folder(options.out) as folder:
        for letter, plan in zip(letters, plans, strict=True):
            _write_plan(folder / letter, plan, f"{options.person} {letter}")
        about = {
            "note": RESEARCH,
            "trial_sha256": allocation.digest,
            "person": options.person,
            "plans_sha256": plans_digest(folder),
        }
        write_json(folder / "pair.json", about)
    print(
        f"{options.person}: plans a and b in {options.out}; look at both before "
        "`trial open`"
    )
    return about


def _write_plan(folder: Path, plan: ArmPlan, name: str) -> None:
    """Write what a treatment needs of a plan, and nothing else."""
    folder.mkdir()
    poses = read_poses(Path(plan.folder) / "pose.txt")
    named = PoseList.of_matrices(poses.matrices()[:1], [name])
    navigation.write_matsimnibs(folder / "pose.txt", named)
    write_json(folder / "dose.json", {"didt": plan.didt, "didt_unit": "A/s"})


def trial_open(options: argparse.Namespace) -> dict:
    """Enrol a person, and say which of the two plans is to be used."""
    allocation = read_sealed(options.sealed)
    pair, log = Path(options.pair), Path(options.log)
    person = _person(pair, allocation)
    with holding(log.with_name(f".{log.name}.lock"), "`tmsgrad trial open`"):
        before = trials.read_enrolments(log)
        try:
            letter = allocation.letter(len(before), person)
        except ValueError as error:
            raise ValueError(f"--sealed {options.sealed}: {error}") from None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            row = Enrolment.after(before, person, letter, plans_digest(pair), now)
        except ValueError as error:
            raise ValueError(f"--log {log}: {error}") from None
        trials.write_enrolments(log, (*before, row))
    print(
        f"{person}: place {row.place + 1}, plan {letter} ({pair / letter / 'pose.txt'})"
    )
    return {"person": person, "place": row.place + 1, "plan": letter}


def _person(pair: Path, allocation: Allocation) -> str:
    """Whose plans they are, where nothing of them was changed."""
    content = read_json(pair / "pair.json")
    try:
        person, trial = str(content["person"]), content["trial_sha256"]
        plans = content["plans_sha256"]
    except (KeyError, TypeError):
        raise ValueError(f"{pair}: this is not what `trial pair` wrote.") from None
    if trial != allocation.digest:
        raise ValueError(
            f"{pair}: these plans are of another trial than the sealed list."
        )
    if plans != plans_digest(pair):
        raise ValueError(f"{pair}: the plans were changed after they were paired.")
    return person


def trial_unblind(options: argparse.Namespace) -> dict:
    """Say who was in which arm."""
    allocation = read_sealed(options.sealed)
    rows = trials.read_enrolments(options.log)
    if not rows:
        raise ValueError(f"--log {options.log}: nobody is in it.")
    if len(rows) > len(allocation.numbers):
        raise ValueError(
            f"--log {options.log}: it has more people than the sealed list."
        )
    arms = []
    for row in rows:
        if allocation.letter(row.place, row.person) != row.letter:
            raise ValueError(
                f"--log {options.log}: {row.person} got plan {row.letter}, which is not "
                "that of the sealed list: is it of another trial?"
            )
        arms.append(allocation.arms[allocation.numbers[row.place]])
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("person", "arm", "plan", "time"))
    lines.writerows(
        (row.person, arm, row.letter, row.time)
        for row, arm in zip(rows, arms, strict=True)
    )
    write_whole(Path(options.out), text.getvalue())
    counts = {arm: arms.count(arm) for arm in allocation.arms}
    print(", ".join(f"{arm} {count}" for arm, count in counts.items()))
    return {"people": len(rows), "arms": counts, "file": options.out}

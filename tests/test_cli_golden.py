"""What the commands write into their JSON files stays what it was, key by key.

`python tests/test_cli_golden.py` writes the stored files anew: do so only where a change of
a value or a name is wanted, and say so in the changelog.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_examples import run
from heads import five_layers


GOLDEN = Path(__file__).parent / "golden"
# What differs from run to run, or from machine to machine.
RUN_DEPENDENT = {"seconds", "provenance", "versions", "schema", "simplification_error"}
# How a climb goes depends on rounding; of its optima the best one is compared.
RUN_DEPENDENT |= {"evaluations", "converged", "stopped", "optima", "history", "reasons"}
TOLERANCE = 1e-3  # Of places: an optimum is flat.
RUNS = {
    "optimize": (
        "summary.json",
        lambda case, out: [
            *case.optimize(out, direction="0.4,-0.6,-0.5"),
            "--rules",
        ],
    ),
    "simulate": ("summary.json", lambda case, out: case.simulate(out)),
    "simulate_target": (
        "summary.json",
        lambda case, out: [*case.simulate(out, target="30,-20,50"), "--radius", "8"],
    ),
    "sweep": (
        "summary.json",
        lambda case, out: [
            *("sweep", case.head, f"--coil={case.coil}", "--target=30,-20,50"),
            *("--radius", "8", "--spacing", "25", "--angles", "36", "--out", out),
            "--direction=0.4,-0.6,-0.5",  # Without it, half a turn gives the same.
        ],
    ),
    "dose": (
        "dose.json",
        lambda case, out: [
            *("dose", case.head, f"--coil={case.coil}", f"--target-pose={case.pose}"),
            *(f"--motor-pose={case.pose}", "--target=30,-20,50", "--radius=8"),
            *("--motor=30,20,50", "--threshold=55", "--out", out),
        ],
    ),
}


def _response(_, out):
    table = out.parent / "responses.csv"
    levels = np.repeat(np.linspace(20, 100, 9), 4)
    noise = 0.2 * np.random.default_rng(0).normal(size=len(levels))
    values = 1 / (1 + np.exp(-10 * (levels / 60 - 1))) + noise
    rows = "\n".join(f"{x:g},{y:.9f}" for x, y in zip(levels, values, strict=True))
    table.write_text(f"field (V/m),sgACC\n{rows}\n")
    words = ["map", "response", table, "--intensity=field", "--response=sgACC"]
    return [*words, "--out", out]


RUNS |= {
    "map_response": ("summary.json", _response),
}
# That of `map motor` is compared where a session is simulated: test_cli_map_motor.py.


def written(name, case, out):
    file, words = RUNS[name]
    result = run(*words(case, out))
    assert result.status == 0, result.err
    return json.loads((out / file).read_text())


def head_of_tests():
    """Figures of the mesh; another version of the mesher changes them."""
    head = five_layers()
    gray = float(head.volumes[head.tags == 2].sum() * 1e9)
    return {"tetrahedra": len(head.tags), "gray_matter_mm3": round(gray, 3)}


def names_only(answer):
    """Keep the keys, and of each value only that there is one."""
    if isinstance(answer, dict):
        return {key: names_only(value) for key, value in answer.items()}
    return "a value"


def differences(found, expected, place="", tolerance=TOLERANCE):
    """List where an answer differs from the stored one."""
    if isinstance(expected, dict) and isinstance(found, dict):
        found_keys, keys = set(found) - RUN_DEPENDENT, set(expected) - RUN_DEPENDENT
        listed = [f"{place}: new or missing {key}" for key in found_keys ^ keys]
        for key in sorted(found_keys & keys):
            at = f"{place}/{key}"
            listed += differences(found[key], expected[key], at, tolerance)
        return listed
    if isinstance(expected, list) and isinstance(found, list):
        if len(found) != len(expected):
            return [f"{place}: {len(found)} entries, not {len(expected)}"]
        pairs = zip(found, expected, strict=True)
        return [
            each
            for number, (a, b) in enumerate(pairs)
            for each in differences(a, b, f"{place}/{number}", tolerance)
        ]
    numbers = (int, float)
    if isinstance(expected, numbers) and isinstance(found, numbers):
        same = np.isclose(found, expected, rtol=tolerance, atol=tolerance)
    elif isinstance(expected, str) and isinstance(found, str) and "/" in expected:
        same = Path(found).name == Path(expected).name or found == expected
    else:
        same = found == expected
    return [] if same else [f"{place}: {found!r}, not {expected!r}"]


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.usefixtures("program_settings")
def test_the_answer_has_the_stored_keys_and_values(name, case, tmp_path, undrawn):
    found = written(name, case, tmp_path / "out")
    expected = json.loads((GOLDEN / f"{name}.json").read_text())
    if json.loads((GOLDEN / "head.json").read_text()) != head_of_tests():
        found, expected = names_only(found), names_only(expected)
    assert differences(found, expected) == []


@pytest.mark.parametrize(
    "changed", [{"a": 1.1, "b": [1]}, {"a": 1.0, "b": []}, {"b": [1]}, {"a": 1.0}]
)
def test_every_difference_is_seen(changed):
    assert differences(changed, {"a": 1.0, "b": [1], "seconds": 3}) != []


def steady(answer):
    """Leave out what differs from run to run."""
    if isinstance(answer, dict):
        items = answer.items()
        return {key: steady(x) for key, x in items if key not in RUN_DEPENDENT}
    return [steady(x) for x in answer] if isinstance(answer, list) else answer


def _store() -> None:
    import tempfile

    import jax
    from cli_examples import Case
    from heads import pose_over, write_coil

    from tmsgrad import meshing

    jax.config.update("jax_enable_x64", True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        meshing.write_msh(folder / "spheres.msh", five_layers())
        pose = pose_over([0.2, 0.3, 1.0], 0.4)
        np.savetxt(folder / "pose.txt", pose.to_matsimnibs())
        files = folder / "spheres.msh", write_coil(folder), folder / "pose.txt"
        case = Case(folder, *files)
        (GOLDEN / "head.json").write_text(json.dumps(head_of_tests()) + "\n")
        for each in RUNS:
            answer = written(each, case, folder / each)
            # Nobody is to read where this ran.
            text = json.dumps(steady(answer), indent=1).replace(f"{folder}/", "/")
            (GOLDEN / f"{each}.json").write_text(text + "\n")
            print(f"{each}: {len(answer)} keys", file=sys.stderr)


if __name__ == "__main__":
    _store()

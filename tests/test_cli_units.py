"""Units of the command line: each kind of option says its own, and refuses another."""

import argparse
import dataclasses

import numpy as np
import pytest
from cli_examples import run
from heads import boxed_coil, scalp_of_five_layers

from tmsgrad.cli.arguments import units, words
from tmsgrad.cli.arguments.former import FORMER, FORMER_NUMBERS, renewed
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.arguments.verbs import verbs
from tmsgrad.cli.inputs import goals
from tmsgrad.cli.inputs.coils import machine_of
from tmsgrad.cli.main import with_negative_values
from tmsgrad.cli.plans.file import StrictParser, read_plan
from tmsgrad.cli.results.plausible import ask_of_strength
from tmsgrad.cli.runtime.notices import listening
from tmsgrad.coils import Stimulator


OPTIONS = [
    (f"{verb} {action.option_strings[-1]}", action)
    for verb, its in verbs(parser())
    for action in its._actions
    if action.option_strings and action.metavar
]


def of_unit(*metavars):
    chosen = [item for item in OPTIONS if item[1].metavar in metavars]
    assert chosen
    return pytest.mark.parametrize(
        "action", [each for _, each in chosen], ids=[name for name, _ in chosen]
    )


@of_unit("A/µs", "A/µs[,…]")
def test_every_rate_of_a_current_is_in_the_unit_that_devices_show(action):
    for word in ("79", "79e6", "79A/µs", "79 A/us", "79e6A/s", "7.9e7"):
        assert action.type(word) == pytest.approx(79e6, rel=1e-15), word
    for word in ("0", "-3", "79 kA/s", "many"):
        with pytest.raises(argparse.ArgumentTypeError):
            action.type(word)


def test_no_option_is_in_amperes_per_second():
    assert not [name for name, action in OPTIONS if "A/S" in str(action.metavar)]
    rated = [name for name, action in OPTIONS if "A/µs" in str(action.metavar)]
    assert {name.split()[-1] for name in rated} == {
        option for option in units.RATES if option.removeprefix("--") not in old_names()
    }


def old_names():
    every = (*FORMER.values(), *FORMER_NUMBERS.values())
    return {old for renames in every for old in renames}


@of_unit("MM")
def test_lengths_in_metres_are_refused_with_what_was_meant(action):
    with pytest.raises(argparse.ArgumentTypeError, match="did you mean 5"):
        action.type("0.005")
    assert action.type("5") == 5


@of_unit("PERCENT")
def test_shares_are_refused_where_per_cent_are_wanted(action):
    if "tolerance" in action.dest:
        pytest.skip("errors below one per cent are usual")
    if action.dest == "hottest":
        pytest.skip(
            "hot spots of 0.1% are usual [Lynch et al. 2022]; answers repeat it"
        )
    with pytest.raises(argparse.ArgumentTypeError, match="did you mean 55"):
        action.type("0.55")


@of_unit("ACCURACY")
def test_accuracies_have_their_sign(action):
    assert action.type("0.5%") == pytest.approx(0.005, rel=1e-15)
    assert action.type("1 %") == pytest.approx(0.01, rel=1e-15)
    for word, said in (
        ("0.5", "write 0.5%"),
        ("0.05%", "between"),
        ("nan%", "finite"),
        ("x%", "number"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=said):
            action.type(word)


@of_unit("X,Y,Z", "X,Y,Z,R", "X,Y,Z,R[,V/M]", "PLACE")
def test_places_in_metres_are_refused_with_what_was_meant(action):
    if action.dest == "direction":
        pytest.skip("a direction has no unit")
    word = "-0.041,-0.013,0.066" + (",10" if "R" in action.metavar else "")
    with pytest.raises(argparse.ArgumentTypeError, match="did you mean -41,-13,66"):
        action.type(word)


def test_several_rates_have_one_unit():
    assert words.current_rate("1e6,5e3,0") == (1e6, 5e3, 0.0)
    assert words.current_rate("79,-40") == (79e6, -40e6)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--didt", "79e6"], ["--didt 79e6 is taken as A/s by its size: 79 A/µs."]),
        (["--didt=1e6,5e5"], ["--didt 1e6,5e5 is taken as A/s by its size: 1,0.5 A/µs."]),
        (["--didt=79"], []),
        (["--didt=79e6A/s"], []),
        (["--didt", "recorded"], []),
        (["--stimulator", "MagPro X100"], []),
        (["--max-didt", "1.5e8"], ["--max-didt 1.5e8 is taken as A/s by its size: 150 "
                                   "A/µs."]),
    ],
)  # fmt: skip
def test_a_unit_that_was_taken_from_the_size_is_said(line, said):
    assert list(units.readings(line)) == said


def test_plan_files_have_the_units_and_names_of_the_command_line(tmp_path, capsys):
    path = tmp_path / "plan.toml"
    path.write_text(
        'command = "optimize"\nhead = "m.msh"\ncoil = "my.ccd"\ntarget = [1, 2, 3]\n'
        'stimulator = 150\nout = "plan"\n'
    )
    (run_of_plan,) = read_plan(path, parser).runs
    assert run_of_plan.options.max_didt == 150e6
    assert "stimulator is called max-didt now" in capsys.readouterr().err


@pytest.mark.parametrize("command", FORMER)
def test_former_names_live_on_with_a_notice(command):
    known = {word for _, its in [v for v in verbs(parser()) if v[0] == command]
             for action in its._actions for word in action.option_strings}  # fmt: skip
    for old, new in FORMER[command].items():
        assert f"--{old}" not in known
        assert f"--{new}" in known
        found, (notice,) = renewed([command, f"--{old}=3", f"--{new}"])
        assert found == [command, f"--{new}=3", f"--{new}"]
        assert f"--{old} is called --{new} now" in notice


def test_a_number_is_of_the_former_meaning_and_a_name_of_the_new():
    line = ["optimize", "m.msh", "--stimulator", "150", "--stimulator=MagPro X100"]
    found, (notice,) = renewed(line)
    assert found == ["optimize", "m.msh", "--max-didt", "150", line[-1]]
    assert "--stimulator is called --max-didt now" in notice
    assert renewed(["optimize", "--stimulator", "MagPro"])[1] == []


def test_outputs_are_of_a_stimulator_whose_maximum_is_known():
    makes = [("MagPro X100", 150e6), ("Rapid²", None)]
    drives = tuple(Stimulator(name, max_current_rate=most) for name, most in makes)
    coil = dataclasses.replace(boxed_coil(), stimulators=drives)
    found = machine_of(coil, "coil.tcd", "magpro", None)
    assert (found.name, found.max_current_rate) == ("MagPro X100", 150e6)
    assert machine_of(coil, "coil.tcd", "magpro", 99e6).max_current_rate == 99e6
    assert machine_of(coil, "coil.tcd", "other", 99e6).name == "other"
    # Of several nobody knows which; of one alone the file says it.
    assert machine_of(coil, "coil.tcd", None, None).name == ""
    alone = dataclasses.replace(coil, stimulators=drives[:1])
    assert machine_of(alone, "coil.tcd", None, None).name == "MagPro X100"
    for name in ("rapid", "other"):
        with pytest.raises(ValueError, match=r"MagPro X100, Rapid².*give --max-didt"):
            machine_of(coil, "coil.tcd", name, None)


def test_the_program_says_both(tmp_path):
    words = "optimize m.msh --coil c.ccd --target 1,2,3 --stimulator 1.5e8"
    result = run(*words.split(), "--out", tmp_path / "out")
    assert result.status == 2
    assert "--stimulator is called --max-didt now" in result.err
    assert "--max-didt" in result.err
    assert "1.5e8 is taken as A/s by its size: 150 A/µs" in result.err


@pytest.mark.parametrize(
    ("rate", "strength", "asked"),
    [(79.0, 1e-4, True), (7.9e13, 9e7, True), (79e6, 90.0, False), (1e6, 0.8, False)],
)
def test_implausible_fields_are_asked_about(rate, strength, asked, capsys):
    with listening() as heard:
        ask_of_strength([(rate, strength)], "in the target")
    assert bool(heard) == asked
    assert all("is dI/dt the one meant" in each for each in heard)
    capsys.readouterr()


def test_the_words_of_every_default_are_read(tmp_path):
    read = parser(StrictParser).parse_args(
        with_negative_values(["simulate", "m.msh", "--coil=c", "--pose=p", "--out=o"])
    )
    assert read.didt == 1e6


@pytest.mark.parametrize("word", ["1e30", "1e6A/µs", "-1e12", "80,1e13"])
def test_a_rate_that_no_stimulator_makes_is_refused(word):
    with pytest.raises(argparse.ArgumentTypeError, match="stimulators make some 100"):
        units.rates(word)


def test_a_place_far_from_the_head_is_not_searched_around():
    scalp = scalp_of_five_layers()
    find = lambda *place: goals.search_place(place, "h.npz", None, scalp)
    np.testing.assert_array_equal(find(0.0, 0.0, 0.12), [0, 0, 0.12])
    with pytest.raises(ValueError, match=r"--around 0,0,500: the place is 414 mm"):
        find(0.0, 0.0, 0.5)

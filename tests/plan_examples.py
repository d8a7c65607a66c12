"""Plans as files, for tests."""

import shlex

from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.plans.file import read_plan


OPTIMIZE = """command = "optimize"
head = "template"
coil = "magstim-70mm-double"
target = [-40, 30, 38]
radius = 5
out = "plan"
"""

TWO = """[defaults]
head = "heads/my.msh"
coil = "magstim-70mm-double"
radius = 5
target = [1, 2, 3]

[[run]]
command = "optimize"
target-mni = [4, 5, 6]
out = "best"

[[run]]
command = "simulate"
pose = "best/pose.txt"
out = "check"
"""


def plan(folder, text, name="plan.toml"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return read_plan(folder / name, parser)


def options_of(line):
    return vars(parser().parse_args(shlex.split(line)))


def without_words(options):
    return {name: value for name, value in vars(options).items() if name != "words"}

"""The package that is built, the environment it asks for, and what it imports."""

import ast
import functools
import json
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FOLDERS = runpy.run_path(str(ROOT / "hatch_build.py"))["FOLDERS"]
LOWEST = runpy.run_path(str(ROOT / ".ci" / "lowest.py"))["lowest"]
NEWEST = runpy.run_path(str(ROOT / ".ci" / "newest.py"))

_BACKTICKED = re.compile(r"`([^`]+)`")

# Imports all there is, and prints the file of each module that is loaded.
IMPORT_ALL = """
import importlib, json, pkgutil, sys
import tmsgrad
for found in pkgutil.walk_packages(tmsgrad.__path__, "tmsgrad."):
    if not found.name.endswith("simnibs_driver"):
        importlib.import_module(found.name)
files = {n: getattr(m, "__file__", None) for n, m in sys.modules.items()}
print(json.dumps({n: f for n, f in files.items() if f}))
"""


def test_the_library_names_no_command():
    for folder in set(FOLDERS) - {"cli"}:
        for path in (ROOT / folder).rglob("*.py"):
            assert "`tmsgrad " not in path.read_text("utf-8"), path


def test_the_map_for_contributors_is_true():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line[:2] == "| "]
    rooms = {_BACKTICKED.findall(row[0])[0] for row in rows[1:] if len(row) == 3}
    assert {name.rstrip("/").removesuffix(".py") for name in rooms} - {
        "cli"
    } == _rooms()
    named = [
        name for row in rows if len(row) == 2 for name in _BACKTICKED.findall(row[1])
    ]
    files = [name for name in named if name.partition("/")[0] in FOLDERS]
    assert len(files) > 20
    assert [name for name in files if not (ROOT / name).exists()] == []


def _rooms():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    (layers,) = (
        each["layers"]
        for each in tool["importlinter"]["contracts"]
        if each.get("containers") == ["tmsgrad.cli"]
    )
    return {name.strip() for layer in layers for name in layer.split("|")}


def build(what, tree, out):
    """Build as pip does, without a network and without pip; return the file's path."""
    command = f"from hatchling.build import build_{what} as b; print(b({str(out)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


def loaded(place, cwd):
    """Import all of the package that is at a place; return files by module."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL],
        cwd=cwd,
        env={"PYTHONPATH": str(place), "PATH": "", "TMSGRAD_CACHE": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the repository as a checkout without symbolic links has it."""
    skipped = shutil.ignore_patterns(
        ".git", ".venv*", ".*_cache", "__pycache__", "demo", "site", "dist"
    )

    def ignored(folder, names):
        links = {name for name in names if (Path(folder) / name).is_symlink()}
        return links | skipped(folder, names)

    copy = tmp_path_factory.mktemp("checkout") / "tmsgrad"
    shutil.copytree(ROOT, copy, ignore=ignored)
    return copy


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return build("wheel", tree, tmp_path_factory.mktemp("wheel"))


def test_every_folder_of_the_library_is_packed():
    found = {path.parent.name for path in ROOT.glob("[a-z]*/__init__.py")}
    assert found - {"benchmarks", "tests", "examples"} == set(FOLDERS)


def test_a_wheel_from_a_checkout_without_links_works(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    files = loaded(tmp_path / "site", tmp_path)
    ours = {n: f for n, f in files.items() if n.split(".")[0] == "tmsgrad"}
    assert {f"tmsgrad.{name}" for name in FOLDERS} <= ours.keys()
    assert all(Path(f).is_relative_to(tmp_path / "site") for f in ours.values())


def test_a_wheel_holds_the_folders_and_nothing_large(wheel):
    names = names_in(wheel)
    tops = {tuple(name.split("/")[:2]) for name in names if "dist-info" not in name}
    files = {("tmsgrad", "__init__.py"), ("tmsgrad", "py.typed")}
    assert tops == files | {("tmsgrad", name) for name in FOLDERS}
    assert "tmsgrad/validation/figure8_70mm.ccd" in names
    assert wheel.stat().st_size < 1.5e6


def test_a_source_archive_has_real_folders_and_builds_the_same_wheel(
    tree, wheel, tmp_path
):
    archive = build("sdist", tree, tmp_path)
    with tarfile.open(archive) as opened:
        assert all(member.isfile() or member.isdir() for member in opened)
        opened.extractall(tmp_path, filter="data")
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert all((unpacked / name / "__init__.py").is_file() for name in FOLDERS)
    assert (unpacked / "tests/data/references/template_simnibs45.npz").is_file()
    assert not (unpacked / ".package/tmsgrad/cli").exists()
    assert names_in(build("wheel", unpacked, tmp_path)) == names_in(wheel)


def test_an_editable_installation_gets_links(tree, wheel, tmp_path):
    # What a checkout without links made of a link that was once committed.
    (tree / ".package/tmsgrad/cli").write_text("../../cli")
    editable = build("editable", tree, tmp_path)
    with zipfile.ZipFile(editable) as archive:
        (path,) = archive.read("_tmsgrad.pth").decode().split()
    assert Path(path) == tree / ".package"
    files = loaded(path, tmp_path)
    for name in FOLDERS:
        found = Path(files[f"tmsgrad.{name}"])
        assert found == tree / ".package/tmsgrad" / name / "__init__.py"
        assert found.resolve() == tree / name / "__init__.py"
    # Nothing stands in memory twice, as `meshing` and as `tmsgrad.meshing`.
    ours = {n: Path(f).resolve() for n, f in files.items()}
    places = [f for f in ours.values() if f.is_relative_to(tree)]
    assert len(set(places)) == len(places)
    # A second time nothing is in the way, and a wheel leaves the links out.
    build("editable", tree, tmp_path)
    assert names_in(build("wheel", tree, tmp_path)) == names_in(wheel)


# What is imported, and what is declared.

# Others' programs, which benchmarks race against where they are installed.
RACED = {"amjax", "fmm3dpy", "mumps", "sparsax"}


def imported(path):
    """Top-level names that a file imports: always, and only when it needs them."""
    found = (set(), set())

    def look(node, late):
        if isinstance(node, ast.Import):
            found[late].update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found[late].add((node.module or "").split(".")[0])
        late |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Try)
        late |= isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.stmt | ast.ExceptHandler):
                look(part, late)

    tree = ast.parse(path.read_text("utf-8"))
    look(tree, False)
    # Some packages are looked for, for the files that they carry.
    found[True].update(
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "find_spec"
        and isinstance(node.args[0], ast.Constant)
    )
    return found


@functools.cache
def third_party(*folders):
    """Distributions that the folders' files import, always and when needed."""
    owners = packages_distributions()
    own = {p.stem for p in (ROOT / "tests").glob("*.py")} | {"tmsgrad", "benchmarks"}
    always, late = set(), set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            if path.name == "simnibs_driver.py":  # SimNIBS' interpreter runs it.
                continue
            for kind, names in zip((always, late), imported(path), strict=True):
                strangers = names - sys.stdlib_module_names - own - RACED
                kind |= {owners.get(name, [name])[0].lower() for name in strangers}
    return always, late - always


def declared(requirements):
    """Names of distributions, with those of the extras that are named."""
    names = set()
    for requirement in requirements:
        name = requirement.split(">=")[0].strip()
        if name.startswith("tmsgrad["):
            for extra in name.removeprefix("tmsgrad[").removesuffix("]").split(","):
                names |= declared(PROJECT["optional-dependencies"][extra])
        else:
            names.add(name.split("[")[0].lower())
    return names


def test_what_is_always_imported_is_what_is_declared():
    always, late = third_party(*FOLDERS)
    core = declared(PROJECT["dependencies"])
    assert always <= core
    assert core <= always | late


def test_what_is_imported_when_needed_is_in_an_extra_of_its_own():
    optional = third_party(*FOLDERS)[1] - declared(PROJECT["dependencies"])
    extras = PROJECT["optional-dependencies"]
    tools = {"test", "lint", "docs", "dev", "cuda", "cuda12", "cuda13"}
    assert optional == set().union(
        *(declared(extras[e]) for e in extras.keys() - tools)
    )


def test_the_tests_ask_for_what_they_import():
    asked = declared(PROJECT["dependencies"]) | declared(["tmsgrad[test]"])
    always, late = third_party("tests", "benchmarks")
    assert always | late <= asked


# The lowest versions, and what `make newest` says.


def test_each_dependency_has_a_lowest_version():
    versions = LOWEST(PROJECT)
    assert versions.keys() >= declared(PROJECT["dependencies"])
    assert versions["nilearn"] == max(
        each.split(">=")[1]
        for extra in PROJECT["optional-dependencies"].values()
        for each in extra
        if each.startswith("nilearn")
    )


@pytest.mark.parametrize("requirement", ["numpy", "numpy>1.0", "numpy>=2.0,<3"])
def test_a_dependency_without_a_lowest_version_is_refused(requirement):
    project = {**PROJECT, "dependencies": [requirement]}
    with pytest.raises(ValueError, match=r"is not `name>=version`"):
        LOWEST(project)


def test_of_two_bounds_the_higher_one_counts():
    extras = {"a": ["mne>=1.9", "x[y]>=2"], "b": ["mne>=1.10", "tmsgrad[a]"]}
    project = {"name": "tmsgrad", "dependencies": [], "optional-dependencies": extras}
    assert LOWEST(project) == {"mne": "1.10", "x": "2"}


def test_newest_names_what_changed_and_groups_failures():
    assert NEWEST["changes"]({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "3"}) == [
        "b 2 -> 3",
        "c 3 -> none",
    ]
    case = (
        '<testcase classname="t" name="{}"><failure message="{}&#10;more"/></testcase>'
    )
    report = "".join(
        case.format(*pair) for pair in [("p", "x"), ("q", "y"), ("r", "y")]
    )
    found = NEWEST["failures"](
        f"<testsuites><testsuite>{report}</testsuite></testsuites>"
    )
    assert list(found.items()) == [("y", ["t::q", "t::r"]), ("x", ["t::p"])]

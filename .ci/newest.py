"""Run the tests, and say what a release of a dependency broke.

    python .ci/newest.py -m pytest ARGUMENTS

Versions with which all tests passed are kept in `.ci/newest.txt`. Where some fail, those
that changed since are printed, and the failures by their message.
"""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path


KEPT = Path(__file__).with_name("newest.txt")
_SHOWN = 160  # Characters of a message.


def installed() -> dict[str, str]:
    """Return the versions of all packages but tmsgrad, by name."""
    found = {d.metadata["Name"].lower(): d.version for d in distributions()}
    return {name: found[name] for name in sorted(found) if name != "tmsgrad"}


def changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Say which versions are others than before."""
    return [
        f"{name} {before.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def failures(report: str) -> dict[str, list[str]]:
    """Return the tests that failed by the first line of the message, from JUnit's XML."""
    found: dict[str, list[str]] = defaultdict(list)
    for case in ElementTree.fromstring(report).iter("testcase"):
        for problem in [*case.findall("failure"), *case.findall("error")]:
            line = (problem.get("message") or "").split("\n")[0][:_SHOWN]
            found[line].append(f"{case.get('classname')}::{case.get('name')}")
    return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def main(command: list[str]) -> int:
    """Run the tests, and return their exit status."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, *command, f"--junitxml={report}"]
        status = subprocess.run(words, check=False).returncode
        failed = failures(report.read_text("utf-8")) if report.is_file() else {}
    now = installed()
    if status == 0:
        lines = (f"{name}=={version}\n" for name, version in now.items())
        KEPT.write_text("".join(lines), "utf-8")
        print(f"all passed: versions written to {KEPT}")
        return 0
    before = dict(line.split("==") for line in KEPT.read_text("utf-8").split())
    print("\nchanged since all passed:", *changes(before, now), sep="\n  ")
    for message, tests in failed.items():
        print(f"\n{len(tests)} x {message}\n  such as {tests[0]}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

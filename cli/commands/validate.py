"""`tmsgrad validate`: checks with limits, as a table, JSON and a page."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from ...validation import checks, report, suite
from ..results.checks import ValidationResult
from ..runtime.progress import Progress
from ..runtime.setup import set_up
from .validate_live import LiveRequest, validate_live


_HOW_TO_GET = (
    "name its interpreter by --simnibs-python. SimNIBS 4.5 and later are free at "
    "https://simnibs.github.io/simnibs; `simnibs_python` lies in its folder `bin`."
)


@dataclass(frozen=True)
class ValidateRequest:
    """Which checks `tmsgrad validate` is to run.

    Attributes:
        group: Of checks.
        quick: Whether only those that take two minutes.
        data: A folder with large references, or None.
        report: A folder for a page, or None.
        results: A JSON file to write, or None.
    """

    group: str
    quick: bool
    data: str | None
    report: str | None
    results: Path | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ValidateRequest":
        """Take it from the options.

        Raises:
            ValueError: Some are of a run of SimNIBS, or the folder is missing.
        """
        stray = [name for name in ("head", "coil", "poses") if getattr(options, name)]
        if stray or options.target is not None:
            name = stray[0] if stray else "target"
            raise ValueError(f"--{name} is of a run of your own SimNIBS: {_HOW_TO_GET}")
        data = options.data or os.environ.get("TMSGRAD_TEST_DATA")
        if data is not None and not Path(data).is_dir():
            raise ValueError(f"--data {data}: folder not found.")
        return cls(
            *(options.group, options.quick, data, options.report),
            results=None if options.results is None else Path(options.results),
        )


def validate(options: argparse.Namespace) -> dict:
    """Run checks, and show whether all hold."""
    set_up()
    if options.simnibs_python is not None:
        return validate_live(LiveRequest.of(options)).to_json()
    return _validate(ValidateRequest.of(options)).to_json()


def _validate(request: ValidateRequest) -> ValidationResult:
    chosen = suite.checks_of(request.group, request.quick)
    progress = Progress()
    progress.stage("checks", f"{len(chosen)} checks")
    done = [0]

    def show(outcome: checks.Outcome, number: int) -> None:
        done[0] = number
        progress(number / len(chosen), outcome.name)

    bench = checks.Workbench(
        data=request.data, progress=lambda what: progress(done[0] / len(chosen), what)
    )
    outcomes = checks.run(chosen, bench, show)
    progress.close()
    record = suite.record(outcomes, bench, request.group, request.quick)
    result = ValidationResult(record)
    result.describe()
    if request.results is not None:
        result.write(request.results)
    if request.report is not None:
        page = report.write_report(request.report, record, bench.pictures)
        print(f"report  {page}")
    return result

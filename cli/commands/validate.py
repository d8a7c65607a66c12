"""`tmsgrad validate`: checks with limits, as a table, JSON and a page."""

import argparse
import os
from pathlib import Path

from ...validation import checks, report, suite
from ..results.checks import print_table, write_results
from ..runtime.progress import Progress
from ..runtime.setup import set_up
from .validate_live import validate_live


def validate(options: argparse.Namespace) -> dict:
    """Run checks, and show whether all hold."""
    set_up()
    if options.simnibs_python is not None:
        return validate_live(options)
    stray = [name for name in ("head", "coil", "poses") if getattr(options, name)]
    if stray or options.target is not None:
        name = stray[0] if stray else "target"
        raise ValueError(f"--{name} is of a run of your own SimNIBS: {_HOW_TO_GET}")
    data = options.data or os.environ.get("TMSGRAD_TEST_DATA")
    if data is not None and not Path(data).is_dir():
        raise ValueError(f"--data {data}: folder not found.")
    chosen = suite.checks_of(options.group, options.quick)
    progress = Progress()
    progress.stage("checks", f"{len(chosen)} checks")
    done = [0]

    def show(outcome: checks.Outcome, number: int) -> None:
        done[0] = number
        progress(number / len(chosen), outcome.name)

    bench = checks.Workbench(
        data=data, progress=lambda what: progress(done[0] / len(chosen), what)
    )
    outcomes = checks.run(chosen, bench, show)
    progress.close()
    result = suite.record(outcomes, bench, options.group, options.quick)
    print_table(result["checks"])
    if options.results is not None:
        write_results(Path(options.results), result)
    if options.report is not None:
        print(f"report  {report.write_report(options.report, result, bench.pictures)}")
    return {**result, "failed": not result["all_hold"]}


_HOW_TO_GET = (
    "name its interpreter by --simnibs-python. SimNIBS 4.5 and later are free at "
    "https://simnibs.github.io/simnibs; `simnibs_python` lies in its folder `bin`."
)

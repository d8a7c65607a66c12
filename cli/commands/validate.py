"""`tmsgrad validate`: checks with limits, as a table, JSON and a page."""

import argparse
import json
import os
from pathlib import Path

from ...disk import write_whole
from ..runtime.progress import Progress
from ..runtime.setup import set_up


def validate(options: argparse.Namespace) -> dict:
    """Run checks, and tell whether all hold."""
    set_up()
    if options.simnibs_python is not None:
        from .validate_live import validate_live

        return validate_live(options)
    stray = [name for name in ("head", "coil", "poses") if getattr(options, name)]
    if stray or options.target is not None:
        name = stray[0] if stray else "target"
        raise ValueError(f"--{name} is of a run of your own SimNIBS: {_HOW_TO_GET}")
    # Matplotlib and what draws are not needed by other commands.
    from ...validation import checks, report, suite

    data = options.data or os.environ.get("TMSGRAD_TEST_DATA")
    if data is not None and not Path(data).is_dir():
        raise ValueError(f"--data {data}: there is no such folder.")
    chosen = suite.checks_of(options.group, options.quick)
    progress = Progress()
    progress.stage("checks", f"{len(chosen)} checks")
    done = [0]

    def tell(outcome: checks.Outcome, number: int) -> None:
        done[0] = number
        progress(number / len(chosen), outcome.name)

    bench = checks.Workbench(
        data=data, progress=lambda what: progress(done[0] / len(chosen), what)
    )
    outcomes = checks.run(chosen, bench, tell)
    progress.close()
    result = suite.record(outcomes, bench, options.group, options.quick)
    print_table(result["checks"])
    if options.results is not None:
        write_results(Path(options.results), result)
    if options.report is not None:
        print(f"report  {report.write_report(options.report, result, bench.pictures)}")
    return {**result, "failed": not result["all_hold"]}


def print_table(rows: list[dict]) -> None:
    """Print check, measured, limit and verdict, and a line that sums up."""
    width = max(len(row["name"]) for row in rows)
    print(f"{'check':{width}}  {'measured':>10}  {'limit':>10}  verdict")
    for row in rows:
        measured = "" if row["measured"] is None else f"{row['measured']:.3g}"
        print(
            f"{row['name']:{width}}  {measured:>10}  {row['limit']:>10}  "
            f"{row['verdict']}{' ' + row['unit'] if row['unit'] else ''}"
            f"{': ' + row['note'] if row['note'] else ''}"
        )
    count = lambda verdict: sum(row["verdict"] == verdict for row in rows)
    print(
        f"{count('holds')} hold, {count('fails')} fail, {count('not run')} not run; "
        f"{sum(row['seconds'] for row in rows):.0f} s"
    )


def write_results(path: Path, result: dict) -> None:
    """Write a run as JSON, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(result, indent=1, ensure_ascii=False) + "\n")


_HOW_TO_GET = (
    "name its interpreter by --simnibs-python. SimNIBS 4.5 and later are free at "
    "https://simnibs.github.io/simnibs; `simnibs_python` lies in its folder `bin`."
)

"""`python -m benchmarks [NAME ...]`: run benchmarks by name, or all that need no data.

`python -m benchmarks shape --coil=FILE` needs a coil whose parts move,
`python -m benchmarks phase --files=FILE,…` resting EEG,
`python -m benchmarks retest --day1=DIR,… --day2=DIR,…` functional targets of two days,
which `--person` and `--simulated=PEOPLE` make,
`python -m benchmarks segment --folders=DIR,…` heads made of one T1,
`python -m benchmarks turned --t1=FILE` a T1,
`python -m benchmarks second_image --t1=FILE --t2=FILE` a T2 too, and
`python -m benchmarks page --page=FILE` what `tmsgrad page` has written.

`python -m benchmarks optimizers --mine module:function` lets an optimizer of yours compete.

`python -m benchmarks history` lists earlier runs, and what takes longer than before;
`python -m benchmarks show-validation` writes the last validation into the documentation,
`python -m benchmarks show-results` the last results.
"""

import importlib
import sys


ALL = (
    *("forward", "solvers", "search", "targets", "meshing", "accuracy"),
    *("coils", "catalogue", "uncertainty", "targeting", "timing", "network"),
    *(
        "motor",
        "motor_command",
        "command",
        "reduced",
        "focality",
        "pulses",
        "truth",
        "refinement",
    ),
    *("midsurface", "response"),
)
NEED_DATA = (
    *("shape", "phase", "page", "retest", "pynibs"),
    *("segment", "turned", "second_image", "air"),
)
NAMED_ONLY = ("optimizers", "gpu", "live", "cohort")  # Need an extra, or time.


KNOWN = (*ALL, *NEED_DATA, *NAMED_ONLY)


def joined(words: list[str]) -> list[str]:
    """Write `--mine module:function` as one word, as all other options are."""
    together: list[str] = []
    for word in words:
        if together[-1:] == ["--mine"]:
            together[-1] += f"={word}"
        else:
            together.append(word)
    return together


def main(words: list[str]) -> int:
    if words[:1] == ["history"]:
        return importlib.import_module("benchmarks.history").main(words[1:])
    if words[:1] == ["show-validation"]:
        return importlib.import_module("benchmarks.show_validation").main(words[1:])
    if words[:1] == ["show-results"]:
        return importlib.import_module("benchmarks.show_results").main(words[1:])
    words = joined(words)
    names = [word for word in words if not word.startswith("-")] or list(ALL)
    options = [word for word in words if word.startswith("-")]
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        print(
            f"unknown benchmark {unknown[0]!r}; known are {', '.join(KNOWN)}",
            file=sys.stderr,
        )
        return 2
    for name in names:
        importlib.import_module(f"benchmarks.bench_{name}").main(options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

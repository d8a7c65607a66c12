"""`python -m benchmarks [NAME ...]`: run benchmarks by name, or all that need no data."""

import importlib
import sys


ALL = (
    *("forward", "solvers", "search", "targets", "meshing", "accuracy"),
    *("coils", "catalogue"),
)
NEED_DATA = ("shape",)


def main(words: list[str]) -> int:
    names = [word for word in words if not word.startswith("-")] or list(ALL)
    options = [word for word in words if word.startswith("-")]
    unknown = [name for name in names if name not in (*ALL, *NEED_DATA)]
    if unknown:
        print(
            f"unknown benchmark {unknown[0]!r}; known are {', '.join((*ALL, *NEED_DATA))}",
            file=sys.stderr,
        )
        return 2
    for name in names:
        importlib.import_module(f"benchmarks.bench_{name}").main(options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

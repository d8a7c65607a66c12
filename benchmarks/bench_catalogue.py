"""Compare catalogue coils with measured ones, as a table in Markdown.

    TMSGRAD_TEST_DATA=FOLDER python -m benchmarks catalogue

FOLDER/coils holds measured files; without it nothing is compared.
"""

import argparse
import os
from pathlib import Path

import jax

from tmsgrad.validation.measured_coils import PAIRS, compare


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    argparse.ArgumentParser(prog="python -m benchmarks catalogue").parse_args(words)
    data = os.environ.get("TMSGRAD_TEST_DATA")
    folder = None if data is None else Path(data) / "coils"
    if folder is None or not folder.is_dir():
        print("catalogue: left out, as TMSGRAD_TEST_DATA names no folder with coils/.")
        return
    print("| coil | measured file | all | 10 | 20 | 30 | 40 | 50 | 60 mm |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, file in PAIRS.items():
        if not (folder / file).exists():
            print(f"| {name} | {file} is not there |")
            continue
        errors = compare(name, folder / file)
        cells = " | ".join(f"{100 * value:.1f}%" for value in errors.values())
        print(f"| {name} | {file} | {cells} |")

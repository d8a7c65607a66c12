"""Files that are whole or not there, their text, and locks that end with a process.

What needs NumPy or another package is imported from its own module.
"""

from .cache import cache_folder
from .lengths import mm_per_unit
from .locking import HeldError, holding
from .text import decoded, read_json, read_table, read_text
from .writing import replacing, whole_file, write_whole


__all__ = [
    "HeldError",
    "cache_folder",
    "decoded",
    "holding",
    "mm_per_unit",
    "read_json",
    "read_table",
    "read_text",
    "replacing",
    "whole_file",
    "write_whole",
]

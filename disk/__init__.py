"""Files that are whole or not there, their text, and locks that end with a process."""

from .cache import cache_folder
from .locking import HeldError, holding
from .text import decoded, read_text
from .writing import replacing, whole_file, write_whole


__all__ = [
    "HeldError",
    "cache_folder",
    "decoded",
    "holding",
    "read_text",
    "replacing",
    "whole_file",
    "write_whole",
]

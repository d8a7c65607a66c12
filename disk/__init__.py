"""Files that are whole or not there, and locks that end with their process."""

from .locking import HeldError, holding
from .writing import replacing, whole_file, write_whole


__all__ = ["HeldError", "holding", "replacing", "whole_file", "write_whole"]

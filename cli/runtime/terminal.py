"""Text on its way to a terminal: what could steer it, or turn its text round, is shown."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


# Control characters, but for line feed and tab; and those that change the direction of
# text, which make a name look like another one. [Unicode Technical Report 36, 2.5]
_SHOWN = {
    code: f"\\x{code:02x}"
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if chr(code) not in "\n\t"
} | {
    code: f"\\u{code:04x}"
    for code in (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}


def printable(text: str) -> str:
    """Show the characters of a text that steer a terminal as Python writes them."""
    return text.translate(_SHOWN)


class _Printable:
    """A stream that shows what would steer the terminal behind it."""

    def __init__(self, stream: Any):
        self.behind = stream

    def write(self, text: str) -> int:
        """Write a text; a stray half of a pair of surrogates is shown too."""
        self.behind.write(_encodable(printable(text), self.behind))
        return len(text)

    def flush(self) -> None:
        """Let the stream behind write what it keeps."""
        self.behind.flush()

    def writelines(self, lines) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str):
        return getattr(self.behind, name)


@contextlib.contextmanager
def safe_output() -> Iterator[None]:
    """Let all that is printed, errors and warnings too, pass through `printable`.

    Names come from files, and files come from others.
    """
    with (
        contextlib.redirect_stdout(_Printable(sys.stdout)),
        contextlib.redirect_stderr(_Printable(sys.stderr)),
    ):
        yield


def raw(stream: Any) -> Any:
    """The stream itself, for a progress bar, which steers the terminal on purpose."""
    return getattr(stream, "behind", stream)


def _encodable(text: str, stream: Any) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)

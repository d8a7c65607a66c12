"""What a run reads: every file that is opened while it runs, whichever reader opens it.

Python announces each opening of a file and each listing of a folder to audit hooks, before
it happens [PEP 578], so that no reader can be forgotten, and what a file leads to is seen
as the file itself is. Code in C that opens files on its own announces nothing: the
readers that use such code (HDF5) raise the event themselves, `sys.audit("open", ...)`, and
the files that a plan names are always among the inputs.

A file's content is digested when it is first opened, and again at the end: where it
changed meanwhile, nobody knows what the run has computed with.
"""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import tmsgrad

from ...disk import cache_folder


_CODE = (".py", ".pyc", ".so", ".pyd", ".dll")
_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/run", "/bin", "/var/lib")
_EVENTS = ("open", "os.listdir", "os.scandir")
_ANY = ".*"


class Places:
    """Files and folders, and all that is in them."""

    def __init__(self, paths: Iterable[str]):
        self._roots = tuple({os.path.abspath(path) for path in paths})
        self._within = tuple(os.path.join(root, "") for root in self._roots)

    def __contains__(self, path: str) -> bool:
        return path in self._roots or path.startswith(self._within)


class Opened:
    """Files that were opened for reading, with their digests, and names beside them.

    What was written before it was read is a product and not among them; nor is what
    belongs to the program or the system: code, caches, settings.

    Attributes:
        files: Digest of each, by path.
        names: Names in each folder that was listed, and, by a path that ends in `.*`,
            those that differ from a file's in their endings alone: a reader may look
            whether such a one is there.
    """

    def __init__(
        self, named: Iterable[str], writes: Sequence[str], products: Iterable[str]
    ):
        """Begin with the files that a plan names.

        Args:
            named: Files and folders that this run is to read.
            writes: Those that it writes.
            products: Those that any run of the plan writes.
        """
        self.files: dict[str, str] = {}
        self.names: dict[str, list[str]] = {}
        self._writes, self._products = Places(writes), Places(products)
        self._program, self._written = _program(), set[str]()
        # Imports list some folders, and writers those that they write to.
        outputs = (os.path.dirname(os.path.abspath(path)) for path in writes)
        self._busy = {*sys.path, os.getcwd(), *outputs}
        for path in map(os.path.abspath, named):
            if os.path.isdir(path):
                self._list(path)
            elif os.path.exists(path):
                self._read(path)

    def changed(self) -> list[str]:
        """Those that are not as they were, now."""
        files = [path for path, kept in self.files.items() if digest(path) != kept]
        return files + [
            place
            for place, kept in self.names.items()
            if names_in(place, self._products) != kept
        ]

    def see(self, event: str, arguments: tuple) -> None:
        """Take an event of the interpreter."""
        path = arguments[0] if arguments[0] is not None else "."
        if not isinstance(path, str | bytes | os.PathLike):
            return
        path = os.path.abspath(os.fsdecode(path))
        if path in self._writes or self._is_of_program(path):
            return
        if event != "open":
            if path not in self._busy:
                self._list(path)
        elif _writes(*arguments[1:3]):
            if path not in self.files:
                self._written.add(path)
        elif path not in self._written:
            self._read(path)

    def _read(self, path: str) -> None:
        if path in self.files:
            return
        self.files[path] = ""  # Digesting opens it, which comes here again.
        self.files[path] = digest(path)
        if not self.files[path]:  # No file, or none that can be read.
            del self.files[path]
            return
        folder, name = os.path.split(path)
        self._list(os.path.join(folder, name.split(".")[0] + _ANY))

    def _list(self, place: str) -> None:
        if place not in self.names:
            self.names[place] = []  # As above.
            self.names[place] = names_in(place, self._products)

    def _is_of_program(self, path: str) -> bool:
        if path.endswith(_CODE) or path in self._program:
            return True
        home = os.path.join(os.path.expanduser("~"), "")
        return path.startswith(home) and path[len(home) :].startswith(".")


def names_in(place: str, products: Container[str]) -> list[str]:
    """Name what is in a folder, or differs in its ending: no products and hidden files."""
    alike = place.endswith(_ANY)
    folder, stem = os.path.split(place.removesuffix(_ANY)) if alike else (place, "")
    try:
        found = sorted(os.listdir(folder))
    except OSError:
        return []
    return [
        name
        for name in found
        if not name.startswith(".")
        and (not alike or name.split(".")[0] == stem)
        and os.path.join(folder, name) not in products
    ]


@contextmanager
def watching(opened: Opened) -> Iterator[None]:
    """Let all that is opened within the block be seen, by any thread."""
    if not _INSTALLED:
        sys.addaudithook(_hook)  # It cannot be removed, and does nothing outside.
        _INSTALLED.append(True)
    _WATCHING.append(opened)
    try:
        yield
    finally:
        _WATCHING.remove(opened)


def digest(path: str) -> str:
    """Digest a file; empty where there is none to read."""
    try:
        if not os.path.isfile(path):
            return ""
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


_WATCHING: list[Opened] = []
_INSTALLED: list[bool] = []


def _hook(event: str, arguments: tuple) -> None:
    if _WATCHING and event in _EVENTS:
        for opened in _WATCHING:
            opened.see(event, arguments)


def _writes(mode: object = None, flags: object = 0) -> bool:
    if isinstance(mode, str) and set(mode) & set("wax+"):
        return True
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _program() -> Places:
    folders = {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix}
    own = Path(tmsgrad.__file__).parent
    rooms = (str(each.resolve()) for each in own.iterdir() if each.is_dir())
    caches = [str(cache_folder()), os.environ.get("JAX_COMPILATION_CACHE_DIR")]
    return Places([*folders, *_SYSTEM, str(own), *rooms, *filter(None, caches)])

"""Files are whole or not there, and locks end with their process."""

import errno
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tmsgrad.disk import HeldError, holding, replacing, whole_file, write_whole, writing


# A process that makes a draft or takes a lock, says so, and waits to be killed.
WRITER = """
import sys
from pathlib import Path
from tmsgrad.disk import whole_file
with whole_file(Path(sys.argv[1])):
    print("there", flush=True)
    sys.stdin.read()
"""
HOLDER = """
import sys
from pathlib import Path
from tmsgrad.disk import holding
with holding(Path(sys.argv[1]), "the first one"):
    print("there", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def beside():
    """Start a program in another process, and wait for its word."""
    started = []

    def start(program, path):
        words = [sys.executable, "-c", program, str(path)]
        child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "there\n"
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def fail_in(context, failure):
    """Write half a file, and fail."""
    with context as draft:
        if isinstance(draft, Path):
            assert draft.name.endswith(".a.nii.gz")
            draft.write_text("half")
        else:
            draft.write(b"half")
        raise failure if isinstance(failure, BaseException) else failure(draft)


def names(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there(tmp_path, failure):
    path = tmp_path / "a.nii.gz"
    path.write_text("old")
    with pytest.raises(type(failure)):
        fail_in(replacing(path), failure)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.nii.gz"]


def test_errors_name_the_file_and_not_its_draft(tmp_path):
    path = tmp_path / "a.nii.gz"
    with pytest.raises(OSError, match="No space") as full:
        fail_in(whole_file(path), OSError(errno.ENOSPC, "No space left on device"))
    assert full.value.filename == str(path)
    denial = lambda draft: PermissionError(errno.EACCES, "denied", str(draft))
    with pytest.raises(PermissionError) as denied:
        fail_in(whole_file(path), denial)
    assert denied.value.filename == str(path)
    with pytest.raises(OSError, match=r"^\S*a\.nii\.gz: cannot write \S*/a\.nii\.gz$"):
        fail_in(whole_file(path), lambda draft: OSError(f"cannot write {draft}"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as taken:
        write_whole(tmp_path / "folder", "x")
    assert taken.value.filename == str(tmp_path / "folder")
    with pytest.raises(FileNotFoundError, match="not found"):
        write_whole(tmp_path / "none" / "x", "x")
    assert names(tmp_path) == ["folder"]


def test_drafts_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path, beside):
    path = tmp_path / "a.msh"
    child = beside(WRITER, path)
    write_whole(path, "mine")
    assert len(names(tmp_path)) == 2
    child.kill()
    child.wait()
    assert len(names(tmp_path)) == 2
    write_whole(path, "again")
    assert names(tmp_path) == ["a.msh"]
    assert path.read_text() == "again"


def test_a_draft_that_is_removed_before_it_is_locked_is_made_anew(
    tmp_path, monkeypatch
):
    path, lock, others = tmp_path / "a.json", writing.lock, iter([True])

    def lock_late(opened):
        # Another process begins to write the same file just now.
        for _ in others:
            writing._clear(path)
        return lock(opened)

    monkeypatch.setattr(writing, "lock", lock_late)
    with whole_file(path) as draft:
        assert names(tmp_path) == [draft.name]
        writing._clear(path)
        assert names(tmp_path) == [draft.name]
    assert names(tmp_path) == ["a.json"]


def test_many_write_one_file_at_once(tmp_path):
    path = tmp_path / "a.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: write_whole(path, f"{n}", durable=False), range(400)))
    assert int(path.read_text()) in range(400)
    assert names(tmp_path) == ["a.json"]


def test_a_lock_says_who_holds_it_and_ends_with_its_process(tmp_path, beside):
    path = tmp_path / "lock"
    child = beside(HOLDER, path)
    with pytest.raises(HeldError, match="the first one"), holding(path, "me"):
        pass
    child.kill()
    child.wait()
    with holding(path, "me") as held:
        assert held
        assert path.read_text() == "me"
        with pytest.raises(HeldError, match="me"), holding(path, "me too"):
            pass
    assert names(tmp_path) == []


def test_a_lock_does_not_write_where_a_link_leads(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "lock").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic"), holding(tmp_path / "lock", "me"):
        pass
    assert (tmp_path / "mine").read_text() == "mine"

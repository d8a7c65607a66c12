"""Work in a thread beside the solver."""

import threading

import pytest

from tmsgrad.cli.runtime.beside import working_beside
from tmsgrad.cli.runtime.notices import heard, listening, warn


def test_work_is_done_in_order_beside_its_caller():
    done, go = [], threading.Event()

    def work(name):
        go.wait(10)
        done.append((name, threading.current_thread() is threading.main_thread()))
        return name

    with working_beside() as beside:
        first, second = beside(work, "a"), beside(work, "b")
        assert done == []
        go.set()
        assert (second(), first()) == ("b", "a")
    assert done == [("a", False), ("b", False)]


def test_what_it_warns_of_is_heard(capsys):
    with listening(), working_beside() as beside:
        beside(warn, "a cut")()
        assert heard() == ["a cut"]
    assert "a cut" in capsys.readouterr().err


def test_what_it_raises_is_raised_where_its_result_is_waited_for():
    def work():
        raise ValueError("a flaw")

    with working_beside() as beside:
        result = beside(work)
        with pytest.raises(ValueError, match="a flaw"):
            result()


def test_after_an_error_what_has_not_begun_is_left_out():
    begun, go, done = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        go.wait(10)

    with pytest.raises(OSError, match="disk"), working_beside() as beside:  # noqa: PT012
        beside(work)
        beside(done.append, 1)
        begun.wait(10)
        threading.Timer(0.05, go.set).start()
        raise OSError("disk")
    assert done == []

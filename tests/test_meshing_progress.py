"""One bar for terminals, notebooks and the command line."""

import io

from tmsgrad.meshing import ProgressBar
from tmsgrad.meshing.progress import part_of


def test_a_bar_shows_words_and_ends_at_one():
    stream = io.StringIO()
    bar = ProgressBar(file=stream)
    bar(0.25, "climbing")
    bar(0.2, "never back")
    bar(1.0, "done")
    shown = stream.getvalue()
    assert "climbing" in shown
    assert shown.endswith("\n")
    assert shown.split("\r")[-1].startswith("done")
    length = len(shown)
    bar.close()
    assert len(stream.getvalue()) == length
    bar(0.5, "once more")
    assert "once more" in stream.getvalue()[length:]


def test_a_part_reports_its_share_of_the_whole():
    seen = []
    part = part_of(lambda share, what: seen.append((share, what)), 0.5, 0.75)
    for share in (0.0, 0.5, 1.0):
        part(share, "half")
    assert seen == [(0.5, "half"), (0.625, "half"), (0.75, "half")]

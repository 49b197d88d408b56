"""Lines that fit a page: in a notebook alone, between words, none of the text lost."""

from __future__ import annotations

import pytest

from helpers.checks import ex00_start_here
from helpers.checks.engine import judge, lines
from helpers.checks.engine.lines import COLUMNS, fitting

HINT = "  hint     " + "this is a word, and " * 9 + "a/very/long/path" * 9


@pytest.fixture
def in_a_notebook(monkeypatch):
    for module in (lines, judge):
        monkeypatch.setattr(module, "in_notebook", lambda: True)


def test_a_long_line_is_broken_between_words_and_goes_on_under_itself(in_a_notebook):
    found = fitting(f"short\n{HINT}", " " * 11).split("\n")
    assert found[0] == "short" and found[1].startswith("  hint     this is a word")
    assert all(line[:11] == " " * 11 and line[11] != " " for line in found[2:])
    assert [len(line) > COLUMNS for line in found] == [False] * (len(found) - 1) + [True]  # a path stays one word
    assert " ".join(" ".join(found).split()) == " ".join(f"short {HINT}".split())


def test_outside_of_a_notebook_a_line_stays_whole():
    assert fitting(HINT) == HINT


def test_no_line_of_a_verdict_is_longer_than_a_page(in_a_notebook, capsys):
    ex00_start_here.flip_keypoints(lambda keypoints, width: width - 1 - keypoints)
    said = capsys.readouterr().out
    assert "hint" in said and max(map(len, said.split("\n"))) <= COLUMNS

"""`helpers.progress`: what is noted when a check passes, and how it is shown; nothing of it can break a check."""

from __future__ import annotations

import json
import os

import pytest

from helpers.checks import ex00_start_here
from helpers.checks import progress as module
from helpers.checks.engine import record
from helpers.checks.engine.record import FILE, last_run, mark, note, read_notes
from helpers.checks.progress import progress, standings
from helpers.results import Results
from helpers.tests.saved_notebooks import EXERCISE, cell, kernel_that_ran, save

DOUBLE = "def double(x):\n    return 2 * x"
MODEL = "def build_model():\n    return None"


def double(x):
    return 2 * x


def build_model():
    return None


@pytest.fixture
def in_a_notebook(tmp_path, monkeypatch):
    """Work in the folder of an exercise, in a notebook in which the two answers were run."""
    folder = tmp_path / EXERCISE
    save(folder, {"double": DOUBLE, "model": MODEL})
    ran = ["", "def double(x): pass", DOUBLE + "\n", "double(3)", MODEL]
    monkeypatch.setattr("IPython.get_ipython", lambda: kernel_that_ran(ran))
    monkeypatch.setattr(record, "in_notebook", lambda: True)
    monkeypatch.chdir(folder)
    return folder


def test_a_check_that_passes_is_noted_with_its_cell_and_one_that_fails_is_not(in_a_notebook):
    note(EXERCISE, "double", double, True)
    note(EXERCISE, "model", build_model, True, 4)
    noted = {"double": {"cell": mark(DOUBLE), "points": None}, "model": {"cell": mark(MODEL), "points": 4}}
    assert read_notes(in_a_notebook) == ({EXERCISE: noted}, "")
    note(EXERCISE, "double", double, False)
    assert list(read_notes(in_a_notebook)[0][EXERCISE]) == ["model"]


def test_the_check_under_a_stub_notes_what_it_finds(in_a_notebook, capsys):
    ex00_start_here.flip_keypoints(double)
    assert not (in_a_notebook / FILE).exists() and "not right yet" in capsys.readouterr().out

    def flip_keypoints(keypoints, width):
        flipped = keypoints.clone()
        flipped[..., 0] = width - 1 - flipped[..., 0]
        return flipped

    ex00_start_here.flip_keypoints(flip_keypoints)
    assert list(read_notes(in_a_notebook)[0]) == ["ex00_start_here"], capsys.readouterr().out


@pytest.mark.parametrize("variable", ["NBGRADER_EXECUTION", "none"])
def test_nothing_is_noted_outside_of_a_students_notebook(in_a_notebook, monkeypatch, variable):
    monkeypatch.setattr(record, "in_notebook", lambda: variable != "none")
    monkeypatch.setenv(variable, "autograde")
    note(EXERCISE, "double", double, True)
    assert not (in_a_notebook / FILE).exists()


def test_the_cell_that_was_run_last_is_found(in_a_notebook):
    assert last_run("double") == DOUBLE + "\n" and last_run("triple") is None


DAMAGED = {
    "empty": "", "cut": "{", "a list": "[]", "a number": "3", "no questions": '{"ex01_toy": 3}',
    "no cells": '{"ex01_toy": {"double": 3}}', "zeros": "\x00" * 99,
}  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_note_is_told_in_one_line_and_written_anew(in_a_notebook, text, capsys):
    (in_a_notebook / FILE).write_text(text)
    progress()
    assert capsys.readouterr().out.count(f"{FILE} is damaged") == 1
    note(EXERCISE, "double", double, True)
    assert list(read_notes(in_a_notebook)[0][EXERCISE]) == ["double"]


def test_a_note_that_cannot_be_written_is_silent_and_told_by_progress(in_a_notebook, monkeypatch, capsys):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(record, "atomically", full)
    monkeypatch.setattr(module.os, "access", lambda path, mode: False)
    note(EXERCISE, "double", double, True)
    assert capsys.readouterr().out == "" and not (in_a_notebook / FILE).exists()
    progress()
    assert capsys.readouterr().out.count("cannot be written, so nothing is noted there") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_note_that_may_not_be_read_is_told(in_a_notebook):
    (in_a_notebook / FILE).write_text("{}")
    (in_a_notebook / FILE).chmod(0)
    assert "cannot be read" in read_notes(in_a_notebook)[1]


def test_an_answer_with_odd_attributes_stops_no_check(in_a_notebook):
    class Odd:
        def __getattr__(self, name):
            raise RuntimeError(name)

    note(EXERCISE, "double", Odd(), True)
    assert not (in_a_notebook / FILE).exists()


def test_progress_shows_questions_points_and_the_best_results(in_a_notebook, capsys):
    results = Results(in_a_notebook / "results.json")
    results.add("mean pose", MPJPE=28.0, **{"PCK@0.5": 0.2})
    results.add("regression", MPJPE=11.25, **{"PCK@0.5": 0.9, "seconds": 75})
    note(EXERCISE, "double", double, True)
    note(EXERCISE, "model", build_model, True, 4)
    progress()
    assert capsys.readouterr().out == (
        f"{EXERCISE}: 1 of 2 questions done, 8 of 10 points\n"
        "  open  model (2 more); words_1 (6, by hand)\n"
        "  best  MPJPE 11.25 (regression), PCK@0.5 0.9 (regression)\n"
    )


def test_a_cell_that_was_changed_after_its_check_is_open_again(in_a_notebook, capsys):
    note(EXERCISE, "double", double, True)
    save(in_a_notebook, {"double": DOUBLE.replace("2", "3")}, words="Because of that.")
    (found,) = standings(in_a_notebook)
    assert found.done == 0 and found.points == 4 and found.of_points == 10
    assert found.open == [
        "double: passed, but its saved cell is another: save the notebook, or check it again", "model (6)"
    ]  # fmt: skip


def test_a_copy_of_an_answer_is_no_question_more(in_a_notebook):
    path = in_a_notebook / f"{EXERCISE}.ipynb"
    data = json.loads(path.read_text())
    data["cells"].insert(3, cell("code", DOUBLE, grade_id="double", solution=True, grade=False))
    path.write_text(json.dumps(data))
    note(EXERCISE, "double", double, True)
    (found,) = standings(in_a_notebook)
    assert (found.done, found.of_questions, found.of_points) == (1, 2, 10)


def test_all_exercises_are_seen_from_one_from_above_and_from_the_course(in_a_notebook, tmp_path):
    save(tmp_path / "ex02_toy", {}, name="ex02_toy")
    save(tmp_path / "course/exercises/ex03_toy", {}, name="ex03_toy")
    for here in (in_a_notebook, tmp_path):
        assert [one.exercise for one in standings(here)] == [EXERCISE, "ex02_toy"]
    assert [one.exercise for one in standings(tmp_path / "course")] == ["ex03_toy"]
    alone = tmp_path / "colab"
    save(alone, {}, name="ex02_toy")
    assert [(one.exercise, one.of_questions) for one in standings(alone)] == [("ex02_toy", 2)]


def test_of_two_notebooks_the_one_with_more_answers_counts(in_a_notebook):
    save(in_a_notebook, {}, name=f"{EXERCISE}-release-0123abcd")
    (found,) = standings(in_a_notebook)
    assert found.open == ["double (4)", "model (6)", "words_1 (6, by hand)"]
    (in_a_notebook / f"{EXERCISE}-release-4567abcd.ipynb").write_text('{"cells": [')
    (found,) = standings(in_a_notebook)
    assert found.problems[0].startswith(f"{EXERCISE}-release-4567abcd.ipynb is no notebook that can be read")
    for path in in_a_notebook.glob("*.ipynb"):
        path.write_text("")
    (found,) = standings(in_a_notebook)
    assert found.open == ["the notebook cannot be read"] and len(found.problems) == 3


def test_a_folder_without_an_exercise_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    progress()
    assert capsys.readouterr().out.startswith(f"There is no exercise in or beside {tmp_path}")


def test_a_notebook_shows_a_table_in_which_nothing_is_markup(in_a_notebook, monkeypatch):
    shown = []
    monkeypatch.setattr(module, "in_notebook", lambda: True)
    monkeypatch.setattr(module, "show_html", shown.append)
    Results(in_a_notebook / "results.json").add("<b>mine</b>", AP=0.5)
    progress()
    (table,) = shown
    assert table.count("<tr>") == 2 and "&lt;b&gt;mine&lt;/b&gt;" in table and "<b>" not in table
    assert ">0 of 2<" in table and "MPJPE" not in table


def test_the_note_holds_no_code(in_a_notebook):
    note(EXERCISE, "double", double, True)
    assert "return" not in json.dumps(read_notes(in_a_notebook)[0])

"""A report holds marks, and only marks."""

import copy
import json
import math
import pickle

import pytest

from grading.errors import GradingError
from grading.report import CheckReport, QuestionReport, Report, report_path

AS_EVER = """{
 "exercise": "toy",
 "student": "ada",
 "submission_hash": "",
 "seed": "",
 "questions": {
  "q": {
   "points": 1.5,
   "maximum": 2.0,
   "verdict": "partly",
   "mistake": null,
   "hint": "h\\u00e9las",
   "note": "",
   "seconds": 0.0,
   "bonus": 1.0,
   "bonus_maximum": 2.0,
   "ending": "",
   "checks": [
    {
     "name": "test_values",
     "points": 0.0,
     "maximum": 2.0,
     "outcome": "wrong",
     "case": "values"
    }
   ]
  }
 },
 "unreadable": null,
 "repairs": [],
 "cells": [
  {
   "name": "a",
   "trouble": null
  }
 ],
 "output": "",
 "seconds": 0.0,
 "peak_mb": 0,
 "forks": 0,
 "isolation": [],
 "isolation_missing": {},
 "versions": {},
 "key": "f",
 "course_key": "c",
 "files": {},
 "grader_mb": 0,
 "schema": 3
}"""


def report(**question) -> Report:
    return Report(
        "toy",
        "ada",
        questions={"q": QuestionReport(**{"points": 1.5, "maximum": 2.0, "verdict": "partly", **question})},
    )


def test_a_report_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "deep" / "ada.json"
    made = report(hint="look", mistake="squared")
    made.write(path)
    assert Report.read(path) == made and Report.read(path).points == 1.5
    assert [file.name for file in path.parent.iterdir()] == ["ada.json"]


@pytest.mark.parametrize("points", [math.nan, math.inf, -1.0, 2.5, True, "2", None])
def test_what_is_no_mark_is_neither_written_nor_read(tmp_path, points):
    forged = report(points=points)
    with pytest.raises(GradingError, match="ada, q: .* is no mark"):
        forged.write(tmp_path / "ada.json")
    assert not (tmp_path / "ada.json").exists()
    sound = report()
    sound.write(tmp_path / "ada.json")
    data = json.loads((tmp_path / "ada.json").read_text())
    data["questions"]["q"]["points"] = points
    (tmp_path / "ada.json").write_text(json.dumps(data))
    with pytest.raises(GradingError):
        Report.read(tmp_path / "ada.json")


@pytest.mark.parametrize("bonus", [math.nan, math.inf, -1.0, 3.5, True, "2", None])
def test_extra_points_are_held_apart_and_checked_as_well(tmp_path, bonus):
    made = report(bonus=2.0, bonus_maximum=3.0)
    made.write(tmp_path / "ada.json")
    read = Report.read(tmp_path / "ada.json")
    assert (read.points, read.bonus) == (1.5, 2.0)
    with pytest.raises(GradingError, match="ada, q: .* is no mark"):
        report(bonus=bonus, bonus_maximum=3.0).write(tmp_path / "ada.json")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 100_000, '{"exercise": "toy"}', '{"questions": {"q": {"points": 1}}}']
)
def test_a_damaged_report_is_no_report(tmp_path, text):
    (tmp_path / "ada.json").write_text(text)
    with pytest.raises(GradingError, match="no sound report"):
        Report.read(tmp_path / "ada.json")


def test_a_missing_report_is_named(tmp_path):
    with pytest.raises(GradingError, match="ada.json"):
        Report.read(tmp_path / "ada.json")


def test_an_unknown_verdict_is_refused(tmp_path):
    with pytest.raises(GradingError, match="unknown verdict"):
        report(verdict="excellent").write(tmp_path / "ada.json")


def test_the_file_is_as_it_always_was(tmp_path):
    """Names, order and form of the fields: what reads reports elsewhere, and what was graded before, goes on."""
    made = report(hint="hélas", bonus=1.0, bonus_maximum=2.0)
    made.questions["q"].checks = [CheckReport("test_values", 0.0, 2.0, "wrong", case="values")]
    made.fingerprint, made.course_fingerprint, made.cells = "f", "c", [{"name": "a", "trouble": None}]
    made.write(tmp_path / "ada.json")
    assert (tmp_path / "ada.json").read_text() == AS_EVER
    assert Report.read(tmp_path / "ada.json") == made and (tmp_path / "ada.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "part",
    [{"seconds": "long"}, {"seconds": math.inf}, {"repairs": 5}, {"cells": [1]}, {"versions": None}, {"more": 1}],
)
def test_a_part_of_another_kind_is_refused(tmp_path, part):
    report().write(tmp_path / "ada.json")
    data = json.loads((tmp_path / "ada.json").read_text())
    (tmp_path / "ada.json").write_text(json.dumps({**data, **part}))
    with pytest.raises(GradingError, match=f"no sound report at .*{next(iter(part))}"):
        Report.read(tmp_path / "ada.json")


def test_a_question_of_another_kind_is_named(tmp_path):
    report().write(tmp_path / "ada.json")
    data = json.loads((tmp_path / "ada.json").read_text())
    data["questions"]["q"]["points"] = "2"
    (tmp_path / "ada.json").write_text(json.dumps(data))
    with pytest.raises(GradingError, match="no sound report at .* q: Expected `float`, got `str` - at `\\$.points`"):
        Report.read(tmp_path / "ada.json")


@pytest.mark.parametrize("student", ["x" * 240, "a\udcff", "zoë"])
def test_any_name_of_a_folder_is_a_student(tmp_path, student):
    made = Report("toy", student, questions=report().questions)
    made.write(tmp_path / f"{student}.json")
    assert Report.read(tmp_path / f"{student}.json") == made


def test_a_report_is_the_same_in_another_process():
    assert pickle.loads(pickle.dumps(report())) == copy.deepcopy(report()) == report()


def test_a_report_from_before_there_were_checks_is_read(tmp_path):
    report().write(tmp_path / "ada.json")
    data = json.loads((tmp_path / "ada.json").read_text())
    del data["questions"]["q"]["checks"]
    (tmp_path / "ada.json").write_text(json.dumps({**data, "schema": 2}))
    assert Report.read(tmp_path / "ada.json").questions["q"].checks == []


@pytest.mark.parametrize("points", [math.nan, -1.0, 2.5])
def test_the_points_of_a_check_are_marks_as_well(tmp_path, points):
    made = report(checks=[CheckReport("test_values", points, 2.0, "wrong")])
    with pytest.raises(GradingError, match="ada, q: .* is no mark"):
        made.write(tmp_path / "ada.json")


def test_the_report_of_a_long_name_has_a_name_that_a_file_may_have(tmp_path):
    long, other = report_path(tmp_path, "é" * 125 + "a"), report_path(tmp_path, "é" * 125 + "b")
    assert report_path(tmp_path, "ada") == tmp_path / "ada.json" and long != other
    assert len(long.name.encode()) <= 255

"""A report holds marks, and only marks."""

import json
import math

import pytest

from grading.errors import GradingError
from grading.report import QuestionReport, Report


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


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"exercise": "toy"}', '{"questions": {"q": {"points": 1}}}'])
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

"""What instructors enter: times, tables of any spreadsheet, who has more time and who has left."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from grading.__main__ import main
from grading.entries.extensions import Extension, extend, extensions, unextend
from grading.entries.tables import write_table
from grading.entries.times import utc_time
from grading.entries.withdrawn import take_back, withdraw, withdrawn
from grading.errors import GradingError

NOON = datetime(2031, 5, 6, 12)
ROW = ["Übel", "toy", "2031-05-08 12:00 UTC"]


@pytest.mark.parametrize(
    "text", ["2031-05-06 12:00", "2031-05-06T14:00+02:00", "2031-05-06 12:00:00 UTC", "2031-05-06 06:30-0530"]
)
def test_a_time_is_read_in_utc(text):
    assert utc_time(text) == NOON


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2031-05-06", "06.05.2031 12:00", "2031-05-06 12:00 CEST", "2031-13-06 12:00", "1031-05-06 12:00"],
)
def test_a_time_that_could_mean_two_is_none(text):
    with pytest.raises(ValueError):
        utc_time(text)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_as_any_spreadsheet_writes_it(tmp_path, separator, encoding):
    lines = [["student ", "exercise", "until"], ROW, ["", "", ""]]
    path = tmp_path / "grading/extensions.csv"
    path.parent.mkdir()
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(lines)
    assert extensions(tmp_path) == ([Extension(*ROW)], [])


def test_a_line_that_says_nothing_clear_is_told_and_the_others_hold(tmp_path):
    path = tmp_path / "grading/extensions.csv"
    path.parent.mkdir()
    path.write_text("student,exercise,until\nada,toy,soon\n,toy,+1 day\nben,toy,+2 days\n")
    found, troubles = extensions(tmp_path)
    assert found == [Extension("ben", "toy", "+2 days")] and len(troubles) == 2
    assert "line 2: 'soon' is no time that can be read. Expected a date" in troubles[0]
    assert "line 3: an extension needs a student's id" in troubles[1]
    with pytest.raises(GradingError, match="mend this first, so that nothing is lost: .*line 2"):
        extend(tmp_path, Extension("cem", "toy", "+1 day"))
    assert "soon" in path.read_text()
    path.write_text("name,until\nada,soon\n")
    assert extensions(tmp_path) == (
        [], ["extensions.csv has no column student, exercise: expected a first line such as student,exercise,until. "
             "Nobody has more time by it."],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("until", "more"),
    [("+3 days", timedelta(days=3)), ("+1d", timedelta(days=1)), ("+36 hours", timedelta(hours=36)),
     ("2031-05-08 12:00 UTC", timedelta(days=2)), ("2031-05-05 12:00 UTC", timedelta())],
)  # fmt: skip
def test_an_extension_adds_to_whatever_is_due_and_never_takes_time_away(until, more):
    assert Extension("ada", "toy", until).beyond(NOON) == more


def test_an_extension_beyond_all_time_ends_with_it():
    due = datetime(9999, 12, 31, 12)  # "never", to which nbgrader could add no three days
    assert due + Extension("ada", "toy", "+3 days").beyond(due) == datetime.max


def test_extensions_are_written_replaced_and_taken_away(tmp_path):
    for until in ("+1 day", "+2 days"):
        extend(tmp_path, Extension("ada", "toy", until))
    extend(tmp_path, Extension("ada", "other", "+1 day"))
    assert extensions(tmp_path)[0] == [Extension("ada", "other", "+1 day"), Extension("ada", "toy", "+2 days")]
    assert unextend(tmp_path, "ada", "toy") and not unextend(tmp_path, "ada", "toy")
    assert extensions(tmp_path)[0] == [Extension("ada", "other", "+1 day")]


def test_who_has_left_is_written_down_and_may_come_back(tmp_path):
    assert withdrawn(tmp_path) == set() and not take_back(tmp_path, "ada")
    for name in ("ada", "Übel; Zoë", "ada"):
        withdraw(tmp_path, name)
    assert withdrawn(tmp_path) == {"ada", "Übel; Zoë"}
    assert take_back(tmp_path, "ada") and withdrawn(tmp_path) == {"Übel; Zoë"}
    with pytest.raises(GradingError, match="expected the id"):
        withdraw(tmp_path, " ")


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "grading").write_text("no folder")
    with pytest.raises(GradingError, match="withdrawn.csv cannot be read .Not a directory.: see to its rights"):
        withdraw(tmp_path, "ada")
    with pytest.raises(GradingError, match="cannot be written"):
        write_table(tmp_path / "grading/withdrawn.csv", ("student",), [])


def said(capsys, course: Path, *words: str) -> tuple[int, str]:
    status = main([*words, "--course", str(course)])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def test_the_verbs_say_what_they_do(tmp_path, capsys):
    (tmp_path / "grading/submitted/ada").mkdir(parents=True)
    (tmp_path / "nbgrader_config.py").touch()
    assert said(capsys, tmp_path, "extend") == (0, "no extensions\n")
    assert said(capsys, tmp_path, "extend", "ada", "toy", "2031-05-08T14:00+02:00") == (
        0, "ada, toy: until 2031-05-08 12:00 UTC. It takes effect with: nbgrader autograde toy\n",
    )  # fmt: skip
    status, text = said(capsys, tmp_path, "extend", "adda", "toy", "+1 day")
    assert status == 0 and "Nothing of adda is here yet: is that the name?" in text
    assert said(capsys, tmp_path, "extend")[1].splitlines() == [
        "toy  ada  until 2031-05-08T14:00+02:00", "toy  adda  until +1 day",
    ]  # fmt: skip
    assert said(capsys, tmp_path, "extend", "adda", "toy", "--remove")[1].startswith(
        "adda, toy: no extension any more."
    )
    assert said(capsys, tmp_path, "extend", "ada", "toy", "next week") == (
        1, "'next week' is no time that can be read. Expected a date, a time, and UTC or an offset: "
        '"2031-05-06 12:00 UTC", "2031-05-06T14:00+02:00", or more days or hours: "+3 days"\n',
    )  # fmt: skip
    assert said(capsys, tmp_path, "withdraw", "ada")[1].startswith("ada has left: ")
    assert said(capsys, tmp_path, "withdraw") == (0, "ada\n")
    assert said(capsys, tmp_path, "withdraw", "ada", "--back") == (0, "ada is back in all tables\n")
    with pytest.raises(SystemExit):
        main(["extend", "ada", "toy", "--course", str(tmp_path)])
    assert "expected STUDENT EXERCISE UNTIL, or STUDENT EXERCISE --remove" in capsys.readouterr().err


def test_a_course_that_is_not_there_is_said_and_not_made(tmp_path, capsys):
    for line in (["extend", "ada", "toy", "2031-05-08 12:00 UTC"], ["autograde", "toy"], ["withdraw", "ada"]):
        with pytest.raises(SystemExit):
            main([*line, "--course", str(tmp_path / "mistyped")])
        assert f"there is no folder {tmp_path / 'mistyped'}" in capsys.readouterr().err
    assert not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize("words", [("extend", "ada", "toy", "+1 day"), ("withdraw", "ada")])
def test_names_are_written_into_a_course_alone(tmp_path, capsys, words):
    with pytest.raises(SystemExit):
        main([*words, "--course", str(tmp_path)])
    assert "there is no nbgrader_config.py in" in capsys.readouterr().err and not list(tmp_path.iterdir())

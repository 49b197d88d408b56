"""What instructors enter by nbgrader's own commands: times that could mean two, and tables of any spreadsheet."""

from __future__ import annotations

import pytest
from toy_course import fresh_copy, gradebook, nbgrader

from grading.entries.tables import read_table
from grading.plugin.entered import _due, _mend

STUDENTS = "\ufeffid;first_name;last_name;email\nada;Ada;Übel;ada@example.org\n;Ben;Nobody;\ncem;Cem;;\n"
ASSIGNMENTS = "name,duedate\ntoy,2031-05-06T14:00+02:00\nother,06.05.2031\nthird,\n"

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries


def test_a_due_date_is_given_on_as_nbgrader_cannot_misread_it():
    assert _due("2031-05-06T14:00+02:00") == _due(" 2031-05-06 12:00 ") == "2031-05-06 12:00:00 UTC"
    with pytest.raises(ValueError):
        _due("2031-05-06 12:00 CEST")


def test_lines_that_cannot_be_entered_are_told_by_their_numbers(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text(STUDENTS, encoding="utf-8")
    table = read_table(path, ("id",))
    assert not table.plain and _mend(table, "id") == ["line 3: there is no id"]
    assert [cells["id"] for _, cells in table.rows] == ["ada", "cem"]
    path.write_text(ASSIGNMENTS)
    table = read_table(path, ("name",))
    troubles = _mend(table, "name")
    assert table.plain and len(troubles) == 1
    assert troubles[0].startswith("line 3: the due date '06.05.2031' cannot be read; expected a date, a time, and UTC")
    assert [cells["duedate"] for _, cells in table.rows] == ["2031-05-06 12:00:00 UTC", ""]


def test_nbgrader_imports_the_rest_of_a_spreadsheets_table(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    (root / "grading").mkdir(exist_ok=True)
    (root / "students.csv").write_text(STUDENTS, encoding="utf-8")
    done = nbgrader(root, "db", "student", "import", "students.csv")
    assert done.returncode == 0, done.stderr
    assert "students.csv, line 3: there is no id. The other lines are imported." in done.stderr
    with gradebook(root) as book:
        assert {one.id: (one.first_name, one.last_name) for one in book.students} == {
            "ada": ("Ada", "Übel"), "cem": ("Cem", None),
        }  # fmt: skip


@pytest.mark.full
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("assignment add toy --duedate=friday", "the due date 'friday' cannot be read. Expected a date"),
        ("student import nameless.csv", "nameless.csv has no column id: expected a first line such as id"),
        ("student import nowhere.csv", "No such file: 'nowhere.csv'"),
    ],
)
def test_what_nobody_can_read_enters_nothing_and_is_said(course, tmp_path, words, said):
    root = fresh_copy(course.root, tmp_path / "course")
    (root / "nameless.csv").write_text("student;name\nada;Ada\n")
    done = nbgrader(root, "db", *words.split())
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr

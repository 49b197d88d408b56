"""Due dates that instructors enter by nbgrader's own commands: none that could mean two times, and none in silence."""

from __future__ import annotations

import pytest
from toy_course import fresh_copy, gradebook, nbgrader

from grading.plugin.entered import due_date

STUDENTS = "\ufeffid;first_name;last_name;email\nada;Ada;Übel;ada@example.org\n;Ben;Nobody;\ncem;Cem;;\n"
ASSIGNMENTS = "name,duedate\ntoy,2031-05-06T14:00+02:00\nother,06.05.2031\nthird,\n"

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries


def test_a_due_date_is_given_on_as_nbgrader_cannot_misread_it():
    assert due_date("2031-05-06T14:00+02:00") == due_date(" 2031-05-06 12:00 ") == "2031-05-06 12:00:00 UTC"
    with pytest.raises(ValueError):
        due_date("2031-05-06 12:00 CEST")


def test_nbgrader_imports_the_rest_of_a_spreadsheets_tables(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    (root / "grading").mkdir(exist_ok=True)
    (root / "students.csv").write_text(STUDENTS, encoding="utf-8")
    (root / "assignments.csv").write_text(ASSIGNMENTS)
    students, assignments = (nbgrader(root, "db", kind, "import", f"{kind}s.csv") for kind in ("student", "assignment"))
    assert students.returncode == assignments.returncode == 1
    assert "line 3 has nothing in the column id" in students.stderr
    assert "line 3 has the due date '06.05.2031', which cannot be read; expected a date, a time" in assignments.stderr
    with gradebook(root) as book:
        assert {one.id: (one.first_name, one.last_name) for one in book.students} == {
            "ada": ("Ada", "Übel"), "cem": ("Cem", None),
        }  # fmt: skip
        assert f"{book.find_assignment('toy').duedate}" == "2031-05-06 12:00:00"


@pytest.mark.full
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("assignment add toy --duedate=friday", "the due date 'friday' cannot be read. Expected a date"),
        ("student import nameless.csv", "nameless.csv has no column id: its first line has student, name"),
        ("student import nowhere.csv", "nowhere.csv"),
    ],
)
def test_what_nobody_can_read_enters_nothing_and_is_said(course, tmp_path, words, said):
    root = fresh_copy(course.root, tmp_path / "course")
    (root / "nameless.csv").write_text("student;name\nada;Ada\n")
    done = nbgrader(root, "db", *words.split())
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr

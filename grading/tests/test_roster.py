"""Tables of students, as spreadsheets and learning platforms save them, by `nbgrader db student import`."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
import toy_course
from nbgrader.api import Gradebook
from toy_course import fresh_copy, nbgrader

from grading.plugin.roster import import_table

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries

ZOE, ADA = ("4712", "Zoë", "O'Neill", "zoe@example.org"), ("4711", "Ada", "Love, Lace", None)
PLAIN = """id,first_name,last_name,email
4712,Zoë,O'Neill,zoe@example.org
4711,Ada,"Love, Lace",
"""
OTHERS = {
    "plain": PLAIN.encode(),
    "byte order mark": codecs.BOM_UTF8 + PLAIN.encode(),
    "semicolons, Windows' signs": (
        "id;first_name;last_name;email\n4712;Zoë;O'Neill;zoe@example.org\n4711;Ada;Love, Lace;\n".encode("cp1252")
    ),
    "tabs, UTF-16, line ends": (
        "id\tfirst_name\tlast_name\temail\r\n"
        "4712\tZoë\tO'Neill\tzoe@example.org\r\n"
        "4711\tAda\tLove, Lace\t\r\n"
    ).encode("utf-16"),
    "Moodle": (
        "First name,Last name,ID number,Email address,Groups\nZoë,O'Neill,4712,zoe@example.org,A\n\n"
        'Ada,"Love, Lace",4711,,B\n'
    ).encode("utf-8-sig"),
}  # fmt: skip


class App:
    """What `import_table` asks of nbgrader's command."""

    primary_key, db_update_method_name, excluded_keys = "id", "update_or_create_student", ()
    name = "nbgrader-db-student-import"
    expected_keys = ("id", "first_name", "last_name", "email", "lms_user_id")
    authenticator = None

    def __init__(self, folder: Path, data: bytes | str) -> None:
        from nbgrader.coursedir import CourseDirectory

        self.coursedir = CourseDirectory(root=str(folder))
        self.course_id = "cv"
        self.log = self.coursedir.log
        self.extra_args = [str(folder / "students.csv")]
        Path(self.extra_args[0]).write_bytes(data if isinstance(data, bytes) else data.encode())

    def fail(self, said: str) -> None:
        raise SystemExit(said)


def known(folder: Path) -> list[tuple]:
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "cv") as book:
        return [(one.id, one.first_name, one.last_name, one.email) for one in book.students]


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_a_table_is_read_whatever_program_saved_it(tmp_path, data):
    import_table(App(tmp_path, data))
    assert sorted(known(tmp_path)) == [ADA, ZOE]


def test_a_line_without_an_id_is_told_and_the_others_are_entered(tmp_path, caplog):
    lines = "id;first_name\n4711;Ada\n;Ben\n47\x1b12;Eve\n4713;Zoë\n;;\n4714\n"
    with pytest.raises(SystemExit, match="2 of 5 lines were not entered, all others are. Mend them and run again"):
        import_table(App(tmp_path, lines))
    assert "line 3 has nothing in the column id" in caplog.text and r"line 4 has '47\x1b12'" in caplog.text
    assert sorted(one[0] for one in known(tmp_path)) == ["4711", "4713", "4714"]


@pytest.mark.parametrize(
    ("data", "said"),
    {
        "name,mail\nAda,x\n": "has no column id: its first line has name, mail. Name them id, first_name",
        "": "has no column id: its first line has nothing. Name",
        'id,first_name\n1,"' + "x" * 200_000: "is no table: field larger than field limit",
    }.items(),
)
def test_what_is_no_table_of_students_is_a_sentence(tmp_path, data, said):
    with pytest.raises(SystemExit, match=said):
        import_table(App(tmp_path, data))


def test_a_gradebook_that_cannot_be_opened_is_a_sentence(tmp_path):
    app = App(tmp_path, PLAIN)
    (tmp_path / "gradebook.db").mkdir()
    with pytest.raises(SystemExit, match="the gradebook cannot be written: unable to open database file. Is it open"):
        import_table(app)


def test_the_command_reads_such_a_table(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    (root / "students.csv").write_bytes(OTHERS["Moodle"] + b",,,\n")
    done = nbgrader(root, "db", "student", "import", "students.csv")
    assert done.returncode == 0 and "Entered 2 of 2 lines" in done.stderr, done.stderr
    with toy_course.gradebook(root) as book:
        assert {one.id for one in book.students} == {"4711", "4712"}
    (root / "students.csv").write_text("id,first_name\n,Ben\n")
    done = nbgrader(root, "db", "student", "import", "students.csv")
    assert (
        done.returncode == 1 and "line 2 has nothing in the column id" in done.stderr and "Traceback" not in done.stderr
    )
    missing = nbgrader(root, "db", "student", "import", "nowhere.csv")
    assert missing.returncode == 1 and "nowhere.csv cannot be read: No such file" in missing.stderr

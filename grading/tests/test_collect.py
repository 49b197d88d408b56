"""Downloads of Moodle and Canvas, collected by `nbgrader zip_collect`, graded, and exported for the same students."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
import toy_course
from toy_course import filled, fresh_copy, nbgrader, weights

from grading.plugin.unpack import _name_of, _safe
from grading.report import Report

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries

SQUARED = "def double(x):\n    return x * x"
FULL = 8.5
WHEN = (2031, 5, 6, 7, 8, 0)


def zipped(**files: bytes | str) -> bytes:
    """Return a zip of these files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, WHEN), content)
    return data.getvalue()


def right(root: Path, **answers: str) -> str:
    """Return the notebook of a student who has everything right, but for these answers."""
    return json.dumps(filled(toy_course.released(root), **answers))


def put(root: Path, name: str, content: bytes | str) -> Path:
    """Put a file into the folder of archives, as a lecturer does."""
    path = root / "grading/downloaded/toy/archive" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def collect(root: Path, *options: str) -> str:
    """Run `nbgrader zip_collect` and return what it said."""
    done = nbgrader(root, "zip_collect", "toy", *options)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def submitted(root: Path) -> dict[str, list[str]]:
    """Return the files of each student's submission."""
    place = root / "grading/submitted"
    found = {folder.name: folder / "toy" for folder in place.iterdir()}
    return {name: sorted(p.relative_to(f).as_posix() for p in f.rglob("*") if p.is_file()) for name, f in found.items()}


def points(root: Path) -> dict[str, float]:
    """Return the points of each student after grading the class."""
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    reports = [Report.read(path) for path in (root / "grading/reports/toy").glob("*.json")]
    return {report.student: report.points + report.bonus for report in reports}


def exported(root: Path, *options: str) -> list[dict[str, str]]:
    """Return the rows of an exported table."""
    done = nbgrader(root, "export", "--to=table.csv", *options)
    assert done.returncode == 0, done.stderr
    with (root / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


MOODLE_STUDENTS = """ID number;First name;Last name;Email address
4711;Jörg;Müller-Lüdenscheidt;joerg@example.org
4712;Zoë;O'Neill;zoe@example.org
4713;Max;Müller;max@example.org
4714;Ann;Zip;ann@example.org
"""


@pytest.fixture(scope="module")
def moodle(course, tmp_path_factory) -> tuple[Path, str]:
    """A class out of a download of Moodle, whose list of students was imported before, and what collecting said."""
    root = fresh_copy(course.root, tmp_path_factory.mktemp("moodle") / "course")
    (root / "students.csv").write_text(MOODLE_STUDENTS, encoding="utf-8-sig")
    done = nbgrader(root, "db", "student", "import", "students.csv")
    assert done.returncode == 0, done.stderr
    file, both = "_assignsubmission_file", ("toy.ipynb", "toy.safetensors")
    work = zipped(**{"in here/toy.ipynb": right(root), "in here/toy.safetensors": weights()})
    files: dict[str, bytes | str] = {f"Jörg Müller-Lüdenscheidt_31{file}/{name}": "" for name in both}
    files |= {f"Zoë ONeill_32{file}_/{name}": "" for name in both}  # as older ones name it, and without an apostrophe
    files |= {f"Max Müller_33{file}_{name}": "" for name in both} | {f"Max Müller_34{file}_{name}": "" for name in both}
    files |= {f"Ben Alone_35{file}/{name}": "" for name in both}
    files = {name: right(root) if name.endswith(".ipynb") else weights() for name in files}
    files |= {f"Max Müller_34{file}_toy.ipynb": right(root, double=SQUARED)}
    files |= {f"Ann Zip_36{file}/my work.zip": work, f"Ben Alone_35{file}/timestamp.txt": "2001-01-01 00:00:00 UTC"}
    files |= {"Tom Text_37_assignsubmission_onlinetext/onlinetext.html": "<p>I could not.</p>"}
    files |= {"../../outside_1_assignsubmission_file_toy.ipynb": "{}", "__MACOSX/._x": "", "notes \x1b[2J.txt": "who?"}
    put(root, "CV-Exercise 1-99.zip", zipped(**files))
    put(root, "broken.zip", b"PK\3\4 and no more")
    put(root, "toy.ipynb", right(root))
    return root, collect(root)


def test_moodles_students_are_those_of_the_gradebook(moodle):
    root, said = moodle
    both = ["toy.ipynb", "toy.safetensors"]
    assert submitted(root) == {
        "4711": both, "4712": both, "Max Müller 33": both, "Max Müller 34": both, "Ben Alone": both,
        "4714": ["my work.zip"], "Tom Text": ["onlinetext.html"], "outside": ["toy.ipynb"],
    }  # fmt: skip
    assert not list(root.parent.glob("outside*"))
    assert "2 students would be '4713'; collected as Max Müller 33, Max Müller 34" in said
    assert "'Ben Alone' is not in the gradebook; collected by this name" in said
    assert "'4711' is not" not in said


def test_what_tells_nobody_is_named_and_the_others_are_collected(moodle):
    _, said = moodle
    assert "broken.zip is no zip that can be opened; download it again" in said
    for name in ("toy.ipynb", "notes _[2J.txt"):
        assert f"{name}, a name that neither Moodle nor Canvas gives: whose is it?" in said
    assert "Ben Alone: timestamp.txt was handed in, which is not for a student to write" in said
    assert "\x1b[2J" not in said


def test_a_class_from_moodle_is_graded_and_exported_for_the_same_ids(moodle):
    root, _ = moodle
    deserved = {
        "4711": FULL, "4712": FULL, "Max Müller 33": FULL, "Max Müller 34": FULL - 3, "Ben Alone": FULL, "4714": FULL,
        "Tom Text": 0, "outside": 0,
    }  # fmt: skip
    assert points(root) == deserved
    rows = exported(root, "--exporter=grading.plugin.MoodleExport")
    marks = {row["ID number"]: row["toy"] for row in rows}
    assert {student: marks[student] for student in ("4711", "4712", "4714")} == dict.fromkeys(
        ("4711", "4712", "4714"), "8.5"
    )
    assert marks["4713"] == ""  # which of the two that is, is for the lecturer to say


@pytest.mark.full
def test_what_was_collected_is_not_overwritten_unasked(moodle):
    root, _ = moodle
    done = nbgrader(root, "zip_collect", "toy")
    assert done.returncode == 1 and "use the --force option" in done.stderr and "Traceback" not in done.stderr


CANVAS_STUDENTS = "id,first_name,last_name,email,lms_user_id\nzx104,Grace,Hopper,,104\nzx105,Jörg,Müller,,\n"


@pytest.fixture(scope="module")
def canvas(course, tmp_path_factory) -> tuple[Path, str]:
    """A class out of a download of Canvas, of whom the gradebook knows two, and what collecting said."""
    root = fresh_copy(course.root, tmp_path_factory.mktemp("canvas") / "course")
    (root / "students.csv").write_text(CANVAS_STUDENTS)
    done = nbgrader(root, "db", "student", "import", "students.csv")
    assert done.returncode == 0, done.stderr
    files = {
        "lovelaceada_LATE_101_5001_toy.ipynb": right(root),
        "lovelaceada_LATE_101_5002_toy.safetensors": weights(),
        "oneillzoë_102_5003_toy-1.ipynb": right(root),
        "oneillzoë_102_5004_toy-1.safetensors": weights(),
        "oneillzoë_102_4003_toy.ipynb": right(root, double=SQUARED),
        "hoppergrace_104_5005_all of it.zip": zipped(**{"toy.ipynb": right(root), "toy.safetensors": weights()}),
        "müllerjörg_105_5006_toy.ipynb": right(root),
        "müllerjörg_105_5007_2031_toy.safetensors": weights(),
        "someone_106_text.html": "<p>I could not.</p>",
    }
    put(root, "submissions.zip", zipped(**files))
    return root, collect(root)


def test_canvas_students_are_called_by_their_number_or_as_the_gradebook_does(canvas):
    root, said = canvas
    both = ["toy.ipynb", "toy.safetensors"]
    assert submitted(root) == {
        "101": both, "102": both, "zx104": ["all of it.zip"], "zx105": ["2031_toy.safetensors", "toy.ipynb"],
    }  # fmt: skip
    assert "marked late by Canvas, which says no time: 101" in said
    assert "'102' handed in 'toy.ipynb' more than once; the latest counts" in said
    assert "someone_106_text.html, a name that neither" in said
    assert "müllerjörg: 2031_toy.safetensors was read as theirs, but the name fits another user, too" in said


def test_a_class_from_canvas_is_graded_and_exported_for_the_same_ids(canvas):
    root, _ = canvas
    assert points(root) == {"101": FULL, "102": FULL, "zx104": FULL, "zx105": FULL}
    rows = exported(root, "--exporter=grading.plugin.CanvasExport", "--CanvasExport.id_column=ID")
    assert {row["ID"]: row["toy"] for row in rows[1:]} == {"101": "8.5", "102": "8.5", "zx104": "8.5", "zx105": "8.5"}


def test_students_can_be_called_by_name_and_a_second_download_replaces_the_first(canvas, tmp_path):
    root = toy_course.with_class(canvas[0], tmp_path / "course", "submitted")
    collect(root, "--force", "--LmsCollector.known_by=name", "--db=sqlite:///nothing.db")
    assert set(submitted(root)) == {"lovelaceada", "oneillzoë", "hoppergrace", "müllerjörg"}
    assert not (root / "nothing.db").exists()  # nobody is known, and no gradebook is made
    later = put(root, "again.zip", zipped(**{"hoppergrace_104_5009_all of it.zip": b"later"}))
    assert "'hoppergrace' handed in 'all of it.zip' more than once" in collect(
        root, "--force", "--LmsCollector.known_by=name", "--db=sqlite:///nothing.db"
    )
    assert (root / "grading/submitted/hoppergrace/toy/all of it.zip").read_bytes() == b"later"
    later.unlink()


@pytest.mark.full
def test_a_pattern_of_ones_own_reads_what_no_platform_names(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    put(root, "ada#toy.ipynb", right(root))
    put(root, "lovelaceada_101_5001_toy.ipynb", right(root))
    collect(root, r"--LmsCollector.named_regexp=.*/(?P<student_id>\w+)#(?P<file_id>.+)")
    assert set(submitted(root)) == {"ada", "101"}


def test_the_folder_of_downloads_is_no_submission_and_no_file_of_the_repository():
    ignored = (toy_course.PROJECT / ".gitignore").read_text().splitlines()
    assert "/grading/downloaded/" in ignored


def test_nobody_hands_in_for_others_by_a_zip_with_their_names(course, tmp_path):
    """Where a lecturer, or a browser, has unpacked the download: a student's zip lies among the archives."""
    root = fresh_copy(course.root, tmp_path / "course")
    put(root, "submissions/lovelaceada_101_5001_toy.ipynb", right(root))
    put(root, "submissions/eve_102_5002_work.zip", zipped(**{"lovelaceada_101_9999_toy.ipynb": "{}"}))
    put(root, "submissions/ben_103_5003_work.zip", zipped(**{"toy.ipynb": right(root)}))
    assert "eve_102_5002_work.zip is called as a student's file is, and holds such files" in collect(root)
    assert submitted(root) == {"101": ["toy.ipynb"], "103": ["work.zip"]}


@pytest.mark.full
def test_an_empty_folder_of_archives_is_a_sentence(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    (root / "grading/downloaded/toy/archive").mkdir(parents=True)
    assert "put there what Moodle or Canvas gave you" in collect(root)


def test_a_member_that_is_too_large_locked_or_damaged_costs_the_others_nothing(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    data = bytearray(zipped(**{f"a{n}_{n}_{n}_toy.ipynb": right(root) for n in (1, 2)}))
    data[data.index(b'"cells"')] ^= 0xFF  # of the first
    put(root, "submissions.zip", bytes(data))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a3_3_3_toy.ipynb", "w") as file:
        for _ in range(129):
            file.write(bytes(1 << 20))
    put(root, "large.zip", bomb.getvalue())
    said = collect(root)
    assert "a1_1_1_toy.ipynb in submissions.zip cannot be unpacked" in said
    assert "a3_3_3_toy.ipynb in large.zip has more than 128 MB" in said
    assert submitted(root) == {"2": ["toy.ipynb"]}


@pytest.mark.full
def test_submissions_that_cannot_be_written_are_a_sentence(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    put(root, "x_1_2_toy.ipynb", right(root))
    (root / "grading/submitted").write_text("a file in the place of the folder")
    done = nbgrader(root, "zip_collect", "toy")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "grading/submitted/1 cannot be written: Not a directory" in done.stderr


def test_a_gradebook_that_cannot_be_read_collects_nobody_under_a_wrong_name(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    put(root, "x_1_2_toy.ipynb", right(root))
    (root / "grading/gradebook.db").mkdir()
    done = nbgrader(root, "zip_collect", "toy")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "nobody was collected: the gradebook cannot be read: unable to open database file" in done.stderr


def test_names_in_a_zip_are_read_as_what_they_are():
    member = zipfile.ZipInfo("Jörg".encode().decode("cp437"))
    assert _name_of(member) == "Jörg"
    member = zipfile.ZipInfo("J\u00f6rg")
    assert _name_of(member) == "Jörg"  # in cp437, which is no UTF-8
    member.flag_bits |= 0x800
    assert _name_of(member) == "Jörg"


def test_long_names_keep_their_beginning_and_their_suffix():
    name = str(_safe(("ü" * 200 + ".safetensors",)))
    assert len(name.encode()) <= 255 and name.startswith("ü" * 100) and name.endswith(".safetensors")

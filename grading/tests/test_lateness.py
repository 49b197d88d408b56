"""Due dates, extensions and penalties take effect for who is done; marks by hand and given credit are told apart."""

from __future__ import annotations

import logging
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import BasePlugin
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import text
from toy_course import EXERCISE, gradebook
from traitlets.config import Config, Configurable

from grading.course.course import Course
from grading.entries.extensions import Extension, extend, unextend
from grading.errors import CourseError, GradingError
from grading.plugin import mended
from grading.plugin.gradebook import _ask_for_a_hand, _give_extra, know_assignment, odd_by_hand
from grading.plugin.lateness import Lateness, rule_of
from grading.plugin.stale import Pages
from grading.plugin.steps import SubmissionExporter
from grading.plugin.written import Written, WrittenCell, all_written
from grading.report import QuestionReport

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries

LATE = datetime(2031, 5, 6, 7, 8, 9)  # dua's time; nobody else of the small class has one


class TenPercentADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score * min(1.0, 0.1 * -(-total_seconds_late // 86400))


class Failing(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 0


@pytest.fixture
def root(small_class, tmp_path) -> Path:
    """A copy of the small class: dua has 8.5 points and words that wait."""
    return Path(shutil.copytree(small_class[0], tmp_path / "course", copy_function=shutil.copy2))


def rule(plugin: type[BasePlugin]) -> AssignLatePenalties:
    made = AssignLatePenalties(plugin_class=plugin)
    made.init_plugin()
    return made


def due(book: Gradebook, date: datetime | None) -> None:
    book.find_assignment(EXERCISE).duedate = date
    book.db.commit()


def renewed(root: Path, book: Gradebook, plugin: type[BasePlugin] = TenPercentADay) -> tuple[float, float, object]:
    """Renew lateness, and return dua's penalty, seconds late and extension."""
    noted: dict[str, float] = {}
    Lateness(root, EXERCISE, logging.getLogger("test")).renew(book, rule(plugin), {"dua", "ada"}, noted.__setitem__)
    submission = book.find_submission(EXERCISE, "dua")
    book.db.refresh(submission)
    assert noted == {"dua": submission.total_seconds_late, "ada": 0}
    return submission.late_submission_penalty, submission.total_seconds_late, submission.extension


def test_a_moved_due_date_an_extension_and_a_mark_by_hand_change_the_penalty(root):
    with gradebook(root) as book:
        assert renewed(root, book) == (0, 0, None)
        due(book, LATE - timedelta(hours=25))  # two days begun: a fifth of 8.5
        assert renewed(root, book) == (pytest.approx(1.7), 25 * 3600, None)
        book.find_grade("words_1", EXERCISE, EXERCISE, "dua").manual_score = 4.0
        book.db.commit()
        assert renewed(root, book)[0] == pytest.approx(2.5)
        extend(root, Extension("dua", EXERCISE, "+1 day"))  # one hour is left, one day begun
        assert renewed(root, book) == (pytest.approx(1.25), 3600, timedelta(days=1))
        due(book, LATE - timedelta(hours=24))
        assert renewed(root, book) == (0, 0, timedelta(days=1))
        unextend(root, "dua", EXERCISE)
        assert renewed(root, book) == (pytest.approx(1.25), 86400, None)
        due(book, None)
        assert renewed(root, book) == (0, 0, None)


def test_an_extension_from_elsewhere_stays_and_one_without_a_due_date_goes(root):
    with gradebook(root) as book:
        due(book, LATE - timedelta(hours=25))
        book.find_submission(EXERCISE, "dua").extension = timedelta(days=3)  # nbgrader's own grant_extension, say
        book.db.commit()
        assert renewed(root, book) == (0, 0, timedelta(days=3))
        due(book, None)  # nbgrader would add to it, and fail
        assert renewed(root, book) == (0, 0, None)


def test_a_rule_that_fails_leaves_the_penalty_and_is_named(root, caplog):
    with gradebook(root) as book:
        due(book, LATE - timedelta(hours=25))
        renewed(root, book)
        assert renewed(root, book, Failing)[0] == pytest.approx(1.7)
    assert (
        "The rule Failing failed for dua (ZeroDivisionError" in caplog.text and "mend it and run again" in caplog.text
    )


def test_a_rule_that_is_not_there_is_said_before_anybody_is_graded():
    parent = Configurable(config=Config({"AssignLatePenalties": {"plugin_class": "no_such_module.Rule"}}))
    with pytest.raises(GradingError, match="c.AssignLatePenalties.plugin_class, cannot be used: "):
        rule_of(parent)


# --- what a hand gave ------------------------------------------------------------------------------------------------


def grade(**given):
    fields = {"auto_score": None, "manual_score": None, "extra_credit": None, "needs_manual_grade": True}
    return SimpleNamespace(**fields | given)


def test_a_mark_by_hand_is_asked_for_again_only_where_the_words_are_others():
    mine, written = grade(), WrittenCell()

    def handed_in(words: str) -> bool:
        _ask_for_a_hand(mine, words, written)
        return mine.needs_manual_grade

    def marked(score: float) -> None:
        mine.manual_score, mine.needs_manual_grade = score, False  # as Formgrader does

    assert handed_in("Wrists.")
    marked(3.5)
    assert not handed_in("Wrists.") and not handed_in("Wrists.  \n")
    assert handed_in("Ankles.") and handed_in("Ankles.")
    assert not handed_in("Wrists.")  # these were marked
    assert handed_in("Ankles.")
    marked(2.0)
    assert not handed_in("Ankles.") and handed_in("Wrists.")
    mine.manual_score, mine.auto_score = None, 0.0
    assert not handed_in("Wrists.")


def test_a_notebook_of_another_name_waits_on_when_it_is_graded_again(root):
    """nbgrader took it for missing, and what it then wrote for the word of whoever marks."""
    with gradebook(root) as book:  # eli's is called mine.ipynb
        book.find_grade("words_1", EXERCISE, EXERCISE, "eli").needs_manual_grade = True
        book.db.commit()
    coursedir = CourseDirectory(
        root=str(root), db_url=f"sqlite:///{root}/grading/gradebook.db", submitted_directory="grading/submitted"
    )
    mended._enter(Autograde(coursedir=coursedir, exporter_class=SubmissionExporter), EXERCISE, "eli")
    with gradebook(root) as book:
        assert book.find_grade("words_1", EXERCISE, EXERCISE, "eli").needs_manual_grade
        assert book.find_grade("double_check", EXERCISE, EXERCISE, "eli").auto_score == 3


def bonus(points: float | None) -> QuestionReport:
    return QuestionReport(0, 0, "passed", bonus=points or 0.0, bonus_maximum=1.5 if points is not None else 0.0)


def test_a_withdrawn_bonus_leaves_and_what_a_hand_gave_stays():
    mine, other, written, beside = grade(), grade(extra_credit=0.5), WrittenCell(shown="x"), WrittenCell(shown="x")
    for points, extra in ((1.5, 1.5), (1.0, 1.0), (None, None), (0.0, 0.0)):
        _give_extra(mine, bonus(points), written)
        _give_extra(other, None, beside)
        assert (mine.extra_credit, other.extra_credit) == (extra, 0.5)
    mine.extra_credit = 0.75  # a hand's word
    for points in (1.5, None):
        _give_extra(mine, bonus(points), written)
        assert mine.extra_credit == 0.75


def test_what_was_in_a_gradebook_of_before_is_taken_for_a_hands_unless_there_is_a_bonus():
    mine = grade(extra_credit=0.5)
    _give_extra(mine, None, WrittenCell())
    assert mine.extra_credit == 0.5
    _give_extra(mine, bonus(1.0), WrittenCell())
    assert mine.extra_credit == 1.0


@pytest.mark.parametrize(
    ("automatic", "by_hand", "maximum", "said"),
    [(3, None, 3, ""), (3, 3, 3, ""), (None, 2, 4, ""), (3, 1, 3, "has 1 points by hand, and 3 by its checks"),
     (None, 3.5, 3, "has 3.5 points by hand, of 3 now")],
)  # fmt: skip
def test_marks_by_hand_that_are_worth_a_look(automatic, by_hand, maximum, said):
    assert odd_by_hand(automatic, by_hand, maximum) == said


# --- the gradebook's cells -------------------------------------------------------------------------------------------


def know(root: Path, change) -> dict[str, Written]:
    """Enter a changed release into the gradebook."""
    course = Course(root, EXERCISE, "toy_checks")
    change({cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in course.released["cells"] if cell["metadata"]})
    return know_assignment(CourseDirectory(root=str(root), db_url=f"sqlite:///{root}/grading/gradebook.db"), course)


def named(name: str, **meta):
    return lambda cells: cells[name]["metadata"]["nbgrader"].update(meta)


def cells_of(root: Path, student: str) -> dict[str, float]:
    with gradebook(root) as book:
        notebook = book.find_submission_notebook(EXERCISE, EXERCISE, student)
        assert len(notebook.comments) == 5
        return {grade.name: grade.max_score for grade in notebook.grades}


def test_changed_points_new_cells_and_cells_that_left_reach_a_gradebook_with_submissions(root):
    before = cells_of(root, "dua")
    assert set(know(root, named("words_1", points=3))) == {"ada", "ben", "cem", "dua", "eli", "fay", "gus"}
    assert cells_of(root, "dua") == {**before, "words_1": 3}
    know(root, named("words_1", grade_id="words_2", points=2))
    left = {name: points for name, points in before.items() if name != "words_1"}
    assert cells_of(root, "dua") == {**left, "words_2": 2}


def test_a_cell_that_left_and_was_marked_by_hand_is_not_lost(root):
    with gradebook(root) as book:
        book.find_grade("words_1", EXERCISE, EXERCISE, "dua").manual_score = 3.5
        book.db.commit()
    before = cells_of(root, "dua")
    with pytest.raises(CourseError, match="words_1 is in the release no more, .* by hand for dua. Put it"):
        know(root, named("words_1", grade_id="words_2"))
    assert cells_of(root, "dua") == before


def test_an_older_copy_of_the_gradebook_is_not_taken_for_done(root):
    with gradebook(root) as book:
        known = all_written(book.db, EXERCISE)
        assert len(known["dua"].done) == 64 and len({one.done for one in known.values()}) == 7
        notebook = book.find_submission_notebook(EXERCISE, EXERCISE, "dua")
        Written(done="of another report").write(book.db, notebook.id)
        book.db.commit()
        assert all_written(book.db, EXERCISE)["dua"].done == "of another report"
        book.db.execute(text("UPDATE deep_learning_lab_written SET value = '{'"))
        assert all_written(book.db, EXERCISE)["dua"] == Written()


# --- pages of feedback -----------------------------------------------------------------------------------------------


def test_a_page_is_stale_when_work_a_mark_a_comment_or_the_penalty_is_another(root, caplog):
    coursedir = CourseDirectory(
        root=str(root), db_url=f"sqlite:///{root}/grading/gradebook.db",
        autograded_directory="grading/autograded", feedback_directory="grading/feedback",
    )  # fmt: skip
    folders = [root / "grading/autograded" / name / EXERCISE for name in ("ada", "dua")]
    pages = [root / "grading/feedback" / folder.parent.name / EXERCISE / f"{EXERCISE}.html" for folder in folders]

    def fresh() -> list[bool]:
        """Return whose page stays, and write both as they are now."""
        found = Pages(coursedir, EXERCISE, folders)
        found.drop_stale(logging.getLogger("test"))
        stays = [page.exists() for page in pages]
        for folder, page in zip(folders, pages, strict=True):
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(f"<html>{found.mark(folder)}")
        return stays

    assert fresh() == [False, False] and fresh() == [True, True]
    with gradebook(root) as book:
        grade = book.find_grade("words_1", EXERCISE, EXERCISE, "dua")
        comment = book.find_comment("words_1", EXERCISE, EXERCISE, "dua")
        notebook = book.find_submission_notebook(EXERCISE, EXERCISE, "dua")
        for row, name, value in (
            (grade, "manual_score", 2.0), (comment, "manual_comment", "well said"), (grade, "extra_credit", 0.5),
            (book.find_student("dua"), "last_name", "Lipa"),
            (notebook, "late_submission_penalty", 1.0),
        ):  # fmt: skip
            setattr(row, name, value)
            book.db.commit()
            assert fresh() == [True, False] and fresh() == [True, True], name
    graded = folders[0] / f"{EXERCISE}.ipynb"
    graded.chmod(0o644)
    graded.write_text(graded.read_text() + " ")
    assert fresh() == [False, True] and fresh() == [True, True]
    pages[1].write_text("an older page, which has no mark")
    assert fresh() == [True, False]

"""The sample class, graded by stock nbgrader from the repository's root: `make demo` after its environment."""

import json
import re
import subprocess
import sys

import pytest
from test_release import answer_lines

from grading import sample_class
from grading.release import ROOT
from grading.sample_submissions import EXERCISE, SUBMISSIONS

SLOW_TRAINING = 900  # seconds; the network of the class is trained once, and cached


@pytest.fixture(scope="module")
def demo():
    """Run the command once and give what it printed."""
    before = changed_files()
    command = [sys.executable, "-m", "grading", "sample-class"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SLOW_TRAINING, check=False)
    assert changed_files() == before  # nothing outside grading/sample and the caches
    return done


def changed_files() -> str:
    return subprocess.check_output(["git", "status", "--porcelain"], cwd=ROOT, text=True)


def test_every_mark_is_as_deserved(demo):
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert len(SUBMISSIONS) >= 8 and all(student in demo.stdout for student in SUBMISSIONS)


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_every_student_ends_with_a_report_and_a_feedback_page(demo, student):
    report = json.loads((sample_class.SAMPLE / "reports" / EXERCISE / f"{student}.json").read_text())
    assert {"points", "verdict", "hint", "seconds"} <= report["questions"]["mpjpe"].keys()
    page = (sample_class.SAMPLE / "feedback" / student / EXERCISE / f"{EXERCISE}.html").read_text()
    assert "mpjpe" in page


def test_every_student_ends_with_a_row_in_the_export(demo):
    rows = (sample_class.SAMPLE / "marks.csv").read_text()
    assert all(student in rows for student in SUBMISSIONS)


def test_feedback_holds_no_hidden_check(demo):
    source = (ROOT / "grading" / "hidden_checks" / f"test_{EXERCISE}.py").read_text()
    names = re.findall(r"def (test_\w+)", source)
    pages = "".join(path.read_text() for path in (sample_class.SAMPLE / "feedback").rglob("*.html"))
    assert names and not [name for name in names if name in pages]


def test_feedback_of_the_untouched_notebook_holds_no_line_of_the_solution(demo):
    page = (sample_class.SAMPLE / "feedback" / "dua_untouched" / EXERCISE / f"{EXERCISE}.html").read_text()
    text = re.sub(r"<[^>]+>", "", page)
    lines = answer_lines(EXERCISE)
    assert lines and not [line for line in lines if line in text]


def test_hints_name_the_known_mistakes(demo):
    report = json.loads((sample_class.SAMPLE / "reports" / EXERCISE / "eli_known_mistakes.json").read_text())
    named = [report["questions"][name]["mistake"] for name in ("mpjpe", "masked_l2_loss", "PoseRegressor")]
    assert named == ["l1_distance", "divides_by_all_joints", "normalised_output"]

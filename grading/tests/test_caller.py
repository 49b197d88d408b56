"""Whoever starts grading, from wherever and with whatever around it: marks are the same, or nobody is graded."""

from __future__ import annotations

import csv
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import toy_course
from toy_course import PROJECT, filled, fresh_copy, hand_in, nbgrader, weights

from grading import sample_class
from grading.errors import CourseError, GradingError
from grading.examination import grader as grader_module
from grading.examination.points import collect_points
from grading.examination.pytest_plugin import HiddenChecks, run
from grading.isolation import caller
from grading.report import QuestionReport, Report
from grading.submission.read import read_submission

SQUARED = "def double(x):\n    return x * x"
MARKS = {"ada": 8.5, "ben": 5.5}  # the second with a known mistake: stock nbgrader gives both all points


@pytest.fixture
def root(course, tmp_path) -> Path:
    """A course of its own with right work and work with a mistake, not graded yet."""
    root = fresh_copy(course.root, tmp_path / "course")
    release, files = toy_course.released(root), {"toy.safetensors": weights()}
    hand_in(root, "ada", filled(release), files)
    hand_in(root, "ben", filled(release, double=SQUARED), files)
    return root


def reports(root: Path) -> dict[str, Report]:
    found = [Report.read(path) for path in (root / "grading/reports/toy").glob("*.json")]
    return {report.student: report for report in found}


def marks(root: Path) -> dict[str, float]:
    return {student: report.points + report.bonus for student, report in reports(root).items()}


def in_shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell, in which `nbgrader` is stock, as a lecturer or a service has it."""
    line = line.replace("nbgrader", f"{sys.executable} -m nbgrader")
    told = {**toy_course.environment(), **environment}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=told, capture_output=True, text=True, timeout=300, check=False
    )


# --- any folder ------------------------------------------------------------------------------------------------------

WHERE = """
from nbgrader.apps import AutogradeApp, ExportApp
from nbgrader.apps.dbapp import DbStudentAddApp
app = {app}.instance()
app.initialize(["toy"])
print(app.coursedir.root, app.config.Autograde.exporter_class, app.coursedir.db_url, sep="|")
"""


def settings_in(folder: Path, app: str = "AutogradeApp", **environment: str) -> list[str]:
    """Return the course's folder, the exporter and the gradebook that nbgrader works with when started in a folder."""
    told, line = {**toy_course.environment(), **environment}, [sys.executable, "-c", WHERE.format(app=app)]
    said = subprocess.run(line, cwd=folder, env=told, capture_output=True, text=True, check=True).stdout
    return said.strip().split("|")


def as_in(root: Path) -> list[str]:
    return [str(root), "grading.plugin.SubmissionExporter", f"sqlite:///{root}/grading/gradebook.db"]


def test_in_the_folder_of_grading_marks_are_those_of_the_root(root):
    """Submissions and gradebook lie where stock nbgrader looks for them, and gives everybody all points."""
    shutil.copy(PROJECT / "grading/nbgrader_config.py", root / "grading")
    done = in_shell(root / "grading", "nbgrader autograde toy && nbgrader export")
    assert done.returncode == 0, done.stderr
    assert marks(root) == MARKS
    with open(root / "grading/grades.csv") as file:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == MARKS


def test_in_the_folder_of_the_sample_class_settings_are_those_of_the_root(root):
    (root / "grading/sample").mkdir()
    text = sample_class.CONFIG.replace(repr(str(PROJECT)), repr(str(root)))
    (root / "grading/sample/nbgrader_config.py").write_text(text)
    assert settings_in(root / "grading/sample") == as_in(root)


@pytest.mark.parametrize("app", ["AutogradeApp", "ExportApp", "DbStudentAddApp"])
def test_in_every_folder_below_the_environment_leads_to_the_root(root, tmp_path, app):
    """`make env` puts the file there."""
    folder = tmp_path / "etc"
    folder.mkdir()
    shutil.copy(PROJECT / "tools/nbgrader_config.py", folder)
    below = {"AutogradeApp": "exercises/toy", "ExportApp": "toy_checks"}.get(app, "grading/hidden_checks")
    assert settings_in(root / below, app, JUPYTER_CONFIG_PATH=str(folder)) == as_in(root)


def test_among_submissions_nbgrader_is_refused_before_it_runs_a_students_settings(root, tmp_path):
    (tmp_path / "etc").mkdir()
    shutil.copy(PROJECT / "tools/nbgrader_config.py", tmp_path / "etc")
    (root / "grading/submitted/ada/toy/nbgrader_config.py").write_text("open('trap', 'w')\n")
    done = in_shell(root / "grading/submitted/ada/toy", "nbgrader export", JUPYTER_CONFIG_PATH=str(tmp_path / "etc"))
    assert done.returncode == 1 and f"cd {root} first" in done.stderr, done.stderr
    assert not (root / "grading/submitted/ada/toy/trap").exists()


def test_another_course_in_the_same_environment_is_left_alone(root, tmp_path):
    (tmp_path / "etc").mkdir()
    shutil.copy(PROJECT / "tools/nbgrader_config.py", tmp_path / "etc")
    other = root / "another"
    other.mkdir()
    (other / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'another'\n")
    assert settings_in(other, JUPYTER_CONFIG_PATH=str(tmp_path / "etc"))[0] == str(other)


def test_a_faulty_configuration_grades_nobody_in_any_folder(root):
    shutil.copy(PROJECT / "grading/nbgrader_config.py", root / "grading")
    with open(root / "nbgrader_config.py", "a") as config:
        config.write("\nthis is no Python\n")
    done = in_shell(root / "grading", "nbgrader autograde toy")
    assert done.returncode == 1 and "SyntaxError" in done.stderr and "No notebooks were matched" in done.stderr
    assert not (root / "grading/gradebook.db").exists() and not (root / "grading/autograded").exists()


# --- any name --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Kurs [2026] {a}:: 100%? #1 ü'x", pytest.param("Kurs {a} #1 ü 'x\";", marks=pytest.mark.full)]
)
def test_a_course_may_lie_in_a_folder_of_any_name(root, tmp_path, name):
    root = root.rename(tmp_path / name)
    verbs = "generate_assignment toy --force", "autograde toy --Grading.jobs=2", "generate_feedback toy", "export"
    done = in_shell(root, " && ".join(f"nbgrader {verb} --log-level=WARN" for verb in verbs))
    assert done.returncode == 0, done.stderr
    assert marks(root) == MARKS and (root / "grading/feedback/ben/toy/toy.html").is_file()
    with open(root / "grades.csv") as file:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == MARKS


# --- any umask, any limits, any streams ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            "umask 077; trap '' CHLD; unset HOME; TMPDIR=/nowhere LC_ALL=nonsense MPLBACKEND=nonsense "
            "PYTEST_ADDOPTS='-x -k model' {} 0<&- 2>&- >/dev/full",
            id="all at once",
        ),
        pytest.param(
            "umask 027; ulimit -S -n 64; ulimit -S -v 4000000; PYTHONWARNINGS=error PYTHONOPTIMIZE=2 LC_ALL=C "
            "TZ=Pacific/Kiritimati HOME=/proc/1/nothing OMP_NUM_THREADS=64 COLUMNS=1 {}",
            id="limits",
            marks=pytest.mark.full,
        ),
    ],
)
def test_what_a_caller_has_set_changes_no_mark(root, line):
    done = in_shell(root, line.format("nbgrader autograde toy --log-level=WARN"))
    assert done.returncode == 0, done.stderr
    assert marks(root) == MARKS
    assert {student: report.isolation_missing for student, report in reports(root).items()} == {"ada": {}, "ben": {}}


def test_a_report_without_a_layer_that_there_is_is_not_current(root):
    assert nbgrader(root, "autograde", "toy").returncode == 0
    path = root / "grading/reports/toy/ada.json"
    weak = Report.read(path)
    weak.isolation_missing, weak.questions["double"].points = {"landlock": "Permission denied"}, 0.0
    weak.questions["double"].verdict = "wrong"
    weak.write(path)
    assert nbgrader(root, "autograde", "toy").returncode == 0
    assert marks(root) == MARKS and Report.read(path).isolation_missing == {}


def test_places_of_closed_streams_are_filled(tmp_path):
    """What is opened next, a gradebook say, would get what any program prints."""
    script = (
        "from grading.isolation import caller; caller.settle(); print(open('said', 'w').fileno(), file=open(3, 'w'))"
    )
    line = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(script)} 3>number 0<&- 1>&- 2>&-"
    assert in_shell(tmp_path, line).returncode == 0
    assert int((tmp_path / "number").read_text()) > 2


def test_a_soft_limit_of_the_caller_is_raised_and_a_signal_that_is_ignored_comes_back():
    script = """
import resource, signal
from grading.isolation import caller
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
resource.setrlimit(resource.RLIMIT_NOFILE, (32, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
caller.settle()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
      signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    said = subprocess.check_output([sys.executable, "-c", script], env=toy_course.environment(), text=True)
    assert said.split(maxsplit=1) == ["1024", "True set()\n"]


def test_a_hard_limit_below_what_a_submission_may_use_is_a_layer_that_is_missing():
    script = """
import resource
from grading.isolation import sandbox
from grading.limits import Limits
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
layers = sandbox.Layers()
layers.apply("limits", lambda: sandbox._set_limits(Limits(), 8 << 30))
size, core = resource.getrlimit(resource.RLIMIT_FSIZE)[0], resource.getrlimit(resource.RLIMIT_CORE)[1]
print(layers.used, layers.missing, size, core)
"""
    said = subprocess.check_output([sys.executable, "-c", script], env=toy_course.environment(), text=True)
    missing = "{'limits': 'whoever grades may use less room in a file than a submission may'}"
    assert said.strip() == f"[] {missing} {1 << 20} 0"


def test_checks_that_can_draw_are_there_whatever_matplotlib_would_draw_with(monkeypatch):
    script = "from grading.isolation import caller; caller.settle(); import helpers.checks.ex02_softargmax"
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    subprocess.run([sys.executable, "-c", script], env=toy_course.environment(), check=True)


def test_names_that_are_not_read_as_utf8_grade_nobody(monkeypatch):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(CourseError, match="read as iso8859-1 here, not as UTF-8.*PYTHONUTF8=1"):
        caller.settle()


# --- pytest's own settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["-x", "-k total", "--maxfail=1", "-p no:python", "--no-such-option"])
def test_hidden_checks_are_deaf_to_pytests_environment(grader, release, tmp_path, monkeypatch, options):
    monkeypatch.setenv("PYTEST_ADDOPTS", options)
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    submission = read_submission(
        hand_in(tmp_path, "ben", filled(release, double=SQUARED), {"toy.safetensors": weights()}), "toy", 5, 1
    )
    report = grader.grade(grader.repair(submission), submission)
    assert report.points + report.bonus == MARKS["ben"] and os.environ["PYTEST_ADDOPTS"] == options
    assert collect_points(grader.course) == grader.course.maxima


def test_hidden_checks_are_deaf_to_settings_in_files(course, tmp_path):
    root = shutil.copytree(course.root, tmp_path / "course")
    for place in (root, root / "grading/hidden_checks"):
        (place / "pytest.ini").write_text("[pytest]\naddopts = -k total\npython_functions = no_*\n")
        (place / "conftest.py").write_text("raise SystemExit")
    elsewhere = type(course)(root, "toy", "toy_checks")
    assert collect_points(elsewhere) == course.maxima


def test_checks_that_did_not_run_are_counted(course):
    class Skipping:
        def pytest_runtest_protocol(self, item):
            return True  # as if it had run

    class Checks(HiddenChecks):
        def pytest_configure(self, config):
            super().pytest_configure(config)
            config.pluginmanager.register(Skipping())

    with pytest.raises(CourseError, match="0 of 6 checks of test_toy.py ran"):
        run(course, Checks(None, {}))


def test_passed_below_the_maximum_is_no_report(grader, release, tmp_path, monkeypatch):
    with pytest.raises(GradingError, match="passed, with 0 of 3 points: not all checks ran"):
        Report("toy", "ada", questions={"double": QuestionReport(0, 3, "passed")}).check()

    def nothing_fails(course, checks, *options):
        run(course, checks, "--collect-only")

    monkeypatch.setattr(grader_module, "run", nothing_fails)
    submission = read_submission(hand_in(tmp_path, "ada", filled(release)), "toy", 5, 1)
    report = grader.grade(grader.repair(submission), submission)
    assert {question.verdict for question in report.questions.values()} == {"not graded"} and not report.sound
    assert "no check failed, and yet 0 of 3 points" in report.questions["double"].note


# --- a person's own settings -----------------------------------------------------------------------------------------

PERSONAL = """
c = get_config()
c.IncludeHeaderFooter.header = "source/header.ipynb"
c.ClearSolutions.code_stub = {"python": "pass"}
c.ClearSolutions.enforce_metadata = False
c.Preprocessor.enabled = False
c.LockCells.lock_grade_cells = False
c.GenerateAssignment.preprocessors = []
c.NotebookExporter.nbformat_version = 3
c.Exporter.preprocessors = ["nbconvert.preprocessors.ExecutePreprocessor"]
c.FilesWriter.files = ["/etc/passwd"]
c.CourseDirectory.directory_structure = "{nbgrader_step}/{assignment_id}/{student_id}"
c.CourseDirectory.ignore = ["*"]
c.CourseDirectory.student_id = "nobody"
c.Autograde.create_student = False
c.Grading.cell_seconds = 0.001
c.Exchange.root = "/srv/exchange"
"""


def test_a_header_that_is_not_there_leaves_what_was_released(root):
    before = toy_course.snapshot(root / "exercises")
    done = nbgrader(root, "generate_assignment", "toy", "--force", "--IncludeHeaderFooter.header=source/header.ipynb")
    assert done.returncode == 1 and "there is no header or footer source/header.ipynb" in done.stderr, done.stderr
    assert toy_course.snapshot(root / "exercises") == before


def test_a_persons_own_settings_change_nothing_that_is_released_or_graded(root, tmp_path):
    (tmp_path / "jupyter").mkdir()
    (tmp_path / "jupyter/nbgrader_config.py").write_text(PERSONAL)
    (tmp_path / "jupyter/jupyter_config.py").write_text("c.ClearSolutions.text_stub = 'from another file'\n")
    before = toy_course.snapshot(root / "exercises")
    personal = {"JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter")}
    done = in_shell(root, "nbgrader generate_assignment toy --force && nbgrader autograde toy", **personal)
    assert done.returncode == 0, done.stderr
    after = toy_course.snapshot(root / "exercises")
    assert {path: state[3] for path, state in after.items()} == {path: state[3] for path, state in before.items()}
    assert marks(root) == MARKS
    lines = [line for line in done.stderr.splitlines() if "is set outside the course" in line]
    assert any("IncludeHeaderFooter.header" in line and "the course has its own" in line for line in lines)
    assert any("Exchange.root" in line and "it holds here, too" in line for line in lines)
    assert "nbgrader_config.py" in lines[0] and len(lines) == 2 * 16, lines

"""Submissions to the toy course through the real grader: right work earns its points, nothing else does."""

import json

import pytest
from toy_course import FULL, cell, filled, hand_in, named, weights

from grading.answers import Course, References, warm_process
from grading.errors import CourseError, GradingError, NotIsolated
from grading.examine import collect_points, submission_seed
from grading.grade import Grader, cells_to_run
from grading.sandbox import Limits
from grading.secret import course_secret
from grading.submission import read_submission


@pytest.fixture
def grade(grader, tmp_path):
    """A function that grades a notebook with the right weights and returns its report; the graded notebook is kept."""

    def run(notebook, files=None):
        folder = hand_in(tmp_path, "ada", notebook, {"toy.safetensors": weights()} if files is None else files)
        submission = read_submission(folder, "toy", 5, 1)
        run.notebook = grader.repair(submission)
        return grader.grade(run.notebook, submission)

    return run


def points(report):
    return {name: question.points for name, question in report.questions.items()}


def verdicts(report):
    return {name: question.verdict for name, question in report.questions.items()}


def test_right_answers_earn_everything(grade, release):
    report = grade(filled(release))
    assert points(report) == FULL and set(verdicts(report).values()) == {"passed"}
    assert report.isolation and report.peak_mb > 50 and report.forks == 1 and len(report.seed) == 64
    assert set(report.versions) == {"python", "torch", "numpy", "project"}


def test_an_untouched_notebook_earns_nothing(grade, release):
    report = grade(release, files={})
    assert points(report) == dict.fromkeys(FULL, 0.0)
    assert set(verdicts(report).values()) == {"not written"}


def test_the_same_submission_gets_the_same_report(grade, release):
    first, second = (grade(filled(release, total="def total(x): return x.mean()")) for _ in range(2))
    assert (first.seed, first.submission_hash, points(first)) == (second.seed, second.submission_hash, points(second))
    assert verdicts(first) == verdicts(second)


def test_a_known_mistake_is_named_and_the_rest_counts(grade, release):
    report = grade(filled(release, double="def double(x): return x * x"))
    assert points(report) == {**FULL, "double": 0.0}
    assert report.questions["double"].mistake == "squared"
    assert report.questions["double"].hint == "this is the square, not the double."


def test_part_of_the_tests_earns_part_of_the_points(grade, release):
    report = grade(filled(release, double="def double(x):\n    return 2 * x if x.dtype == torch.float32 else x"))
    assert (report.questions["double"].points, report.questions["double"].verdict) == (2.0, "partly")


STOPS = {
    "an endless answer": ("def double(x):\n    while True: pass", "timed out"),
    "an answer that ends the process": ("import os\ndef double(x): os._exit(0)", "crashed"),
    "an answer that crashes": ("import ctypes\ndef double(x): return ctypes.string_at(0)", "crashed"),
    "an answer that exits": ("def double(x): raise SystemExit", "wrong"),
    "an answer of the wrong kind": ("def double(x): return object()", "wrong"),
    "a syntax error": ("def double(x:\n    return 2 * x", "wrong"),
    "an endless cell": ("while True: pass\ndef double(x): return 3", "wrong"),
    "a cell that is endless whatever is left of it": ("class A:\n    while True: pass", "timed out"),
    "a cell that ends the process": ("import os\nclass A:\n    os._exit(1)", "crashed"),
    "nothing": ("", "not written"),
    "another name": ("def duble(x): return 2 * x", "not written"),
    "not implemented": ("def double(x):\n    y = x\n    raise NotImplementedError", "not written"),
    "too much memory": ("def double(x): return torch.zeros(2 * 10**9)", "wrong"),
    "a huge answer": ("def double(x): return torch.zeros(90 * 10**6, dtype=torch.uint8)", "crashed"),
}


@pytest.mark.parametrize(("source", "verdict"), STOPS.values(), ids=STOPS)
def test_an_answer_that_fails_costs_its_question_only(grade, release, source, verdict):
    report = grade(filled(release, double=source))
    assert points(report) == {**FULL, "double": 0.0}
    assert report.questions["double"].verdict == verdict, report.questions["double"]


HARMLESS = {
    "an endless scratch cell": "n = 0\nwhile True:\n    n += 1",
    "an endless definition": "class Endless:\n    while True: pass",
    "a scratch cell that ends the process": "import os\nos._exit(1)",
    "a definition that ends the process": "import os\nclass Ending:\n    os.kill(os.getpid(), 9)",
    "warnings, prints, progress bars": (
        "import warnings, sys\nwarnings.warn('x')\nprint('p' * 10**6)\nprint('bar', file=sys.stderr)"
    ),
    "input and magics": "%matplotlib inline\nname = input('?')\n!pip install everything",
    "an error": "1 / 0",
    "a syntax error": "this is no Python",
    "torch made strange": (
        "torch.Tensor.__eq__ = None\ntorch.allclose = torch.equal = torch.isclose = lambda *a, **k: True"
    ),
}


@pytest.mark.parametrize("source", HARMLESS.values(), ids=HARMLESS)
def test_scratch_cells_cost_nobody_a_point(grade, release, source):
    notebook = filled(release)
    notebook["cells"].insert(2, cell("code", source))
    assert points(grade(notebook)) == FULL


def test_noise_in_an_answer_costs_nothing(grade, release):
    noisy = (
        "import warnings, sys\nfor i in range(99): print('.', end='\\r', file=sys.stderr)\n"
        "def double(x):\n    warnings.warn('slow')\n    print(x)\n    return x.cuda().to('cuda:0') * 2"
    )
    report = grade(filled(release, double=noisy))
    assert points(report) == FULL
    assert "." in report.output and "tensor" in report.output


TRICKS = {
    "an object equal to everything": (
        "class E:\n    def __eq__(self, o): return True\n    def __float__(self): return 1.0\ndef double(x): return E()"
    ),
    "a tensor that lies": (
        "class L(torch.Tensor):\n    @classmethod\n"
        "    def __torch_function__(cls, *a, **k): return True\n"
        "def double(x): return torch.zeros(4, 2).as_subclass(L)"
    ),
    "the expected value in a caller's frame": (
        "import sys\ndef double(x):\n    f = sys._getframe()\n    while f := f.f_back:\n"
        "        for k in ('right', 'expected', 'oracle'):\n"
        "            if k in f.f_locals: return f.f_locals[k]"
    ),
    "the check replaced": (
        "import helpers.checks.question as q\nq.run_probe = lambda *a, **k: True\nq.Wrong = ValueError\n"
        "def double(x): return x"
    ),
    "nan": "def double(x): return x * float('nan')",
    "infinity": "def double(x): return float('inf')",
    "a report written": (
        "import json\nopen('report.json', 'w').write(json.dumps({'double': 1e9}))\ndef double(x): return x"
    ),
    "comparisons replaced": (
        "torch.isclose = torch.allclose = lambda *a, **k: True\nimport sys\nsys.displayhook = print\n"
        "def double(x): return 3.0"
    ),
    "replies sent ahead": (
        "import socket\nfor d in range(3, 200):\n    try: socket.socket(fileno=d).send(b'\\0' * 12)\n"
        "    except OSError: pass\ndef double(x): return x"
    ),
    "the solution read": (
        "import glob\ndef double(x): return eval(open(glob.glob('/**/solutions/**/*.ipynb', recursive=True)[0]).read())"
    ),
    "a shadowed helpers": (
        "import sys, types\nsys.modules['helpers'] = types.ModuleType('helpers')\n"
        "sys.modules['toy_checks.toy'] = None\ndef double(x): return x"
    ),
}


@pytest.mark.parametrize("source", TRICKS.values(), ids=TRICKS)
def test_tricks_earn_nothing(grade, release, source):
    report = grade(filled(release, double=source))
    assert report.questions["double"].points == 0
    assert report.questions["double"].verdict in ("wrong", "crashed"), report.questions["double"]


def test_answers_that_change_torch_hurt_only_themselves_in_the_grader(grade, release):
    grade(filled(release, double="torch.Tensor.__mul__ = lambda s, o: 0\ndef double(x): return 2 * x"))
    assert points(grade(filled(release))) == FULL


WEIGHTS = {
    "none": {},
    "not safetensors": {"toy.safetensors": b"\x80\x04pickle"},
    "too large": {"toy.safetensors": bytes(2 << 20)},
}


@pytest.mark.parametrize("files", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_cannot_be_used_cost_the_model_question(grade, release, files):
    report = grade(filled(release), files)
    assert points(report) == {**FULL, "model": 0.0}
    assert report.questions["model"].mistake == "no_weights"


def test_an_unreadable_notebook_is_zero_with_the_reason(grade):
    report = grade(b'{"cells"')
    assert points(report) == dict.fromkeys(FULL, 0.0)
    assert "not JSON" in report.unreadable and set(verdicts(report).values()) == {"not graded"}


def test_a_slow_submission_stops_at_its_own_limit(course, release, tmp_path):
    limits = Limits(cell_seconds=1, question_seconds=1, submission_seconds=2, memory_mb=400)
    slow = Grader(course, warm_process(course, limits), tmp_path / "secret")
    try:
        notebook = filled(release)
        for n in range(6):
            notebook["cells"].insert(2, cell("code", f"class Slow{n}:\n    while True: pass"))
        submission = read_submission(hand_in(tmp_path, "ada", notebook, {"toy.safetensors": weights()}), "toy", 5, 1)
        report = slow.grade(slow.repair(submission), submission)
    finally:
        slow.close()
    assert set(verdicts(report).values()) == {"timed out"} and report.points == 0
    assert "the submission as a whole" in report.questions["total"].hint


def test_a_check_that_fails_itself_is_for_staff(grade, release, course, monkeypatch):
    def broken(ask, rng, oracle):
        raise ZeroDivisionError("a bug in the check")

    monkeypatch.setitem(course.questions["double"].cases, "values", broken)
    question = grade(filled(release)).questions["double"]
    assert (question.points, question.verdict) == (1.0, "partly")
    assert "ZeroDivisionError" in question.note and "bug" not in question.hint


def test_feedback_stands_under_the_checks_and_says_nothing_of_them(grade, release):
    grade(filled(release, double="def double(x):\n    print('PRINTED', x)\n    return x * x"))
    text = "".join(named(grade.notebook, "double_check")["outputs"][0]["text"])
    assert text == "\u2718 double: 0 of 3 points, wrong.\n  hint  this is the square, not the double.\n"
    page = json.dumps(grade.notebook)
    assert "hidden_literal" not in page and "tensor(" not in page


def test_cells_to_run_are_setup_answers_and_definitions(release):
    cells = cells_to_run(filled(release))
    assert [(one.name, one.mode) for one in cells[:3]] == [("setup", "full"), ("double", "full"), ("total", "full")]
    assert [one.mode for one in cells[5:]] == ["definitions"]


# --- the course itself -----------------------------------------------------------------------------------------------


def test_the_hidden_checks_give_the_notebooks_points(course):
    assert collect_points(course) == FULL == course.maxima
    with pytest.raises(CourseError, match="double has 3 points in the notebook and 2"):
        course.check({**FULL, "double": 2.0})
    with pytest.raises(CourseError, match="gives points for extra"):
        course.check({**FULL, "extra": 2.0})


def test_an_incomplete_course_grades_nobody(course, tmp_path):
    with pytest.raises(CourseError, match="no hidden checks"):
        collect_points(Course(course.root, "toy", "toy_checks", hidden_checks="nowhere"))
    with pytest.raises(CourseError, match="cannot be read"):
        warm_process(Course(tmp_path, "toy", "toy_checks"), Limits())


def test_strict_isolation_refuses_what_is_missing(course, tmp_path, monkeypatch):
    monkeypatch.setattr("grading.warm.WarmProcess.start_turn", _without_landlock())
    with pytest.raises(NotIsolated, match="landlock: switched off"):
        Grader(course, warm_process(course, Limits()), tmp_path / "secret", isolation="strict")


def _without_landlock():
    from grading.warm import WarmProcess

    start = WarmProcess.start_turn
    return lambda self, channel, output, weights, without=(): start(self, channel, output, weights, ("landlock",))


def test_the_reference_and_its_mistakes_answer_the_oracle(course):
    import torch

    right, wrong = References(course).oracle("double")("call", x=torch.tensor([3.0]))
    assert right.tolist() == [6.0] and wrong["squared"].tolist() == [9.0]


def test_the_secret_is_made_once_and_kept_private(tmp_path):
    path = tmp_path / "new" / "secret"
    secret = course_secret(path)
    assert course_secret(path) == secret and len(secret) == 64 and path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]
    assert submission_seed(secret, "a") == submission_seed(secret, "a") != submission_seed(secret, "b")
    path.write_text("short")
    with pytest.raises(CourseError, match="holds no secret"):
        course_secret(path)


def test_a_warm_process_that_died_is_started_anew(grade, grader, release):
    import os
    import signal

    first = grader.warm.process.pid
    os.kill(first, signal.SIGKILL)
    assert points(grade(filled(release))) == FULL
    assert grader.warm.process.pid != first


def test_without_any_worker_nobody_gets_points(grade, grader, release, monkeypatch):
    def no_worker(*arguments, **options):
        raise GradingError("no worker today")

    monkeypatch.setattr(grader.warm, "start_turn", no_worker)
    report = grade(filled(release))
    assert report.points == 0 and set(verdicts(report).values()) == {"not graded"}
    assert "no worker today" in report.questions["double"].note
    assert report.questions["double"].hint == "grading failed; your lecturer is told."


KILLED = """
import sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from grading.answers import Course, warm_process
from grading.sandbox import Limits
from grading.secret import course_secret
from grading.turns import Cell, Turns
warm = warm_process(Course(Path({root!r}), "toy", "toy_checks"), Limits(cell_seconds=60))
print(warm.process.pid, warm.folder, flush=True)
Turns(warm, [Cell("a", "print('started')", "full"), Cell("b", "import time; time.sleep(60)", "full")]).begin()
"""


def test_nothing_outlives_a_grader_that_is_killed(course):
    """kill -9 leaves no chance to clean up; the warm process notices, ends its turn and itself."""
    import os
    import subprocess
    import sys
    import time

    from toy_course import PROJECT

    script = KILLED.format(path=[str(PROJECT), str(course.root)], root=str(course.root))
    grader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid, folder = grader.stdout.readline().split()

    def family() -> list[str]:
        found, queue = [], [pid]
        while queue:
            parent = queue.pop()
            try:
                with open(f"/proc/{parent}/task/{parent}/children") as file:
                    children = file.read().split()
            except OSError:
                continue
            found += children
            queue += children
        return found

    deadline = time.monotonic() + 60
    while len(workers := family()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    grader.kill()
    grader.wait()
    grader.stdout.close()
    while any(os.path.exists(f"/proc/{one}") for one in (pid, *workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(workers) >= 2
    assert [one for one in (pid, *workers) if os.path.exists(f"/proc/{one}")] == []
    assert not os.path.exists(folder)

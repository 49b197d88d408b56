"""A wrong answer costs its own points and no other question's: whoever calls it is judged with a right one, too."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import inspect
import json
import pdb
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from answer_bank import KEYS, POINTS, hidden_marks
from toy_course import filled, hand_in, weights

from grading import sample_class
from grading.course.course import Course, References
from grading.course.release import ROOT
from grading.examination.grader import cells_to_run, examine
from grading.isolation.cells import Notebook
from grading.isolation.session import Cell, Session
from grading.known_wrong import ex02_softargmax, ex03_segmentation
from grading.limits import Limits
from grading.report import QuestionReport, Report
from grading.sample_submissions import handing_in
from grading.sample_submissions.taken import mistakes
from grading.submission.calls import called_answers
from grading.submission.read import read_submission
from helpers.checks.engine.question import run_probe

# --- the toy course, in real isolation -------------------------------------------------------------------------------

WRONG = "def double(x):\n    return x * x"
CALLS = "def total(x):\n    return half(double(x)).sum()\n\ndef half(x):\n    return x / 2"


@pytest.fixture
def graded(grader, release, tmp_path):
    """A function that grades toy answers."""

    def grade(**answers: str) -> Report:
        folder = hand_in(tmp_path, "ada", filled(release, **answers), {"toy.safetensors": weights()})
        submission = read_submission(folder, "toy", 5, 1)
        return grader.grade(grader.repair(submission), submission)

    return grade


def test_a_wrong_answer_costs_no_other_question_a_point(graded):
    report = graded(double=WRONG, total=CALLS)
    double, total = report.questions["double"], report.questions["total"]
    assert (double.points, double.mistake) == (0, "squared")
    assert (total.points, total.verdict) == (2, "passed")
    assert total.hint == "It was judged with a right double, for yours is not right yet."


@pytest.mark.parametrize("double", [
    None, "", "def double(x:", "def double(x):\n    raise NotImplementedError", "import os\nos._exit(3)",
    "def double(x):\n    while True: pass",
])  # fmt: skip
def test_an_answer_that_is_missing_or_never_returns_costs_no_other_question_a_point(graded, double):
    report = graded(double=double, total=CALLS)
    assert (report.questions["double"].points, report.questions["total"].points) == (0, 2)


@pytest.mark.parametrize("answers", [
    {}, {"double": WRONG}, {"total": CALLS}, {"double": WRONG, "total": "def total(x):\n    return x.max()"},
    {"double": WRONG, "total": None},
    {"double": WRONG, "total": "def total(x):\n    double = x.max()\n    return double"},
    {"double": WRONG, "total": "def double(x):\n    return x\n\ndef total(x):\n    return double(x)"},
])  # fmt: skip
def test_who_calls_no_wrong_answer_is_asked_once(graded, answers):
    assert graded(**answers).forks == 1


def test_an_answer_that_is_wrong_itself_is_told_so(graded):
    total = graded(double=WRONG, total="def total(x):\n    return double(x).max()").questions["total"]
    assert (total.points, total.verdict) == (0, "wrong")
    assert total.hint == (
        "compute it by hand for one number. It was judged with a right double, for yours is not right yet."
    )


def test_what_goes_better_with_the_students_own_is_judged_by_that(graded):
    """Here the right one makes the caller hang, so that the first finding counts."""
    double = "def double(x):\n    return x * x if x.ndim else 2 * x"
    total = "def total(x):\n    while (double(x) != x * x).any(): pass\n    return x"
    found = graded(double=double, total=total).questions["total"]
    assert (found.points, found.verdict) == (0, "wrong")
    assert found.hint.endswith(" It calls double, which is not right yet.")


def test_aliases_and_defaults_find_the_stand_in_too(graded):
    for total in (
        "twice = double\ndef total(x):\n    return twice(x).sum() / 2",
        "def total(x, double=double):\n    return double(x).sum() / 2",
        "import functools\ntotal_of = functools.partial(double)\ndef total(x):\n    return total_of(x).sum() / 2",
    ):
        assert graded(double=WRONG, total=total).questions["total"].points == 2, total


SPILL = """
import gc, sys

def spill():
    frame, seen = sys._getframe(), [repr(double.__defaults__)]
    while frame := frame.f_back:
        seen.append(repr(frame.f_locals))
    seen += [repr(thing.__defaults__) for thing in gc.get_objects() if hasattr(thing, "__defaults__")]
    return "".join(part[max(0, part.find("31415" + "9") - 90):][:120] for part in seen if "31415" + "9" in part)

print("a cell found", spill())

def total(x):
    print("an answer found", spill(), flush=True)
    raise ValueError("ASKED" + spill())

raise RuntimeError("ASKED" + spill())
"""


def test_nothing_that_is_said_beside_a_stand_in_is_kept(graded):
    """It goes to the worker as text; the student's code there can find it, and has nowhere to take it."""
    report = graded(double=WRONG, total=SPILL)
    assert report.forks == 2 and "ASKED" in repr(report.cells)
    text = json.dumps([report.output, report.cells, [repr(question) for question in report.questions.values()]])
    assert "a cell found" in text and "314159" not in text
    assert "judged with a right double" in report.questions["total"].hint


def test_it_would_be_seen(course, fork_server):
    """The worker beside a stand-in does see it: the code above knows where to look."""
    cells = [Cell("double", WRONG, "full"), Cell("total", SPILL, "full")]
    with Session(fork_server, cells) as first, first.with_stand_ins(["double"], course.stand_in_source) as second:
        second.ensure_worker()
    assert "314159" in second.output and "314159" not in first.output


# --- which answers an answer calls -----------------------------------------------------------------------------------

CODE = [
    ("a", "def a(x): return x"),
    ("b", "import math\ndef b(x):\n    return helper(x)"),
    ("c", "class C:\n    f = staticmethod(b)\n    def forward(self, x):\n        return [a(y) for y in x]"),
    ("d", "def d(a):\n    b = 3\n    def a(x): return b\n    return a(b)"),
    ("e", "def a(x): return 2\ndef e(x): return a(x)"),
    ("f", "def f(x:"),
    ("g", "%time\nfrom functools import partial\ng = partial(lambda x, **k: [k, d(x)])"),
    ("own", "def helper(x):\n    return other(x)\nother = lambda x: a(x)"),
]


def test_calls_are_found_through_helpers_and_classes_but_not_in_what_is_local():
    names = {"a": "a", "b": "b", "c": "C", "d": "d", "e": "e", "f": "f", "g": "g", "gone": "gone"}
    called = called_answers(CODE, names)
    assert called == {
        "a": set(), "b": {"a"}, "c": {"a", "b"}, "d": set(), "e": set(), "f": set(), "g": {"d"}, "gone": set(),
    }  # fmt: skip


# --- the stand-ins ---------------------------------------------------------------------------------------------------


def stand_ins(key: str) -> dict[str, Any]:
    """Return the stand-ins of an exercise by name."""
    names: dict[str, Any] = {"__name__": "stand_in"}
    exec(Course(ROOT, key).stand_in_source, names)
    return {name: thing for name, thing in names.items() if inspect.isfunction(thing) and name[0] != "_"}


@pytest.mark.parametrize("key", KEYS)
def test_every_question_that_is_a_function_has_a_stand_in(key):
    functions = {
        question for question, answer in References(Course(ROOT, key)).right.items() if inspect.isfunction(answer)
    } - {"model"}
    assert set(stand_ins(key)) == functions


STAND_INS = {name: thing for key in KEYS for name, thing in stand_ins(key).items()}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 20))])
@pytest.mark.parametrize("name", STAND_INS)
def test_a_stand_in_is_right(name, seed, one_thread):
    points, named = hidden_marks(name, STAND_INS[name], seed)
    lean = name == "lean_softargmax"  # right, but not lean: nobody who calls it needs that
    assert (points, named) == (POINTS[name] - lean, ["memory"] * lean)


@pytest.mark.parametrize("key", KEYS)
def test_a_stand_in_is_no_copy_of_the_solution(key):
    """No line of more than a few words is one of the solution notebook's."""
    own = {line.strip() for line in Course(ROOT, key).stand_in_source.splitlines() if len(line.strip()) > 30}
    solution = json.loads((ROOT / "solutions" / key / f"{key}.ipynb").read_text())
    theirs = {line.strip() for cell in solution["cells"] for line in "".join(cell["source"]).splitlines()}
    assert {line for line in own & theirs if not line.startswith("def ")} == set()


# --- the course's own questions, in this process ---------------------------------------------------------------------


class LocalSession:
    """A session whose cells run in this process: known wrong answers by the dozen, without a fork for each."""

    def __init__(self, cells: list[Cell]) -> None:
        self.cells, self.limits, self.broken = cells, Limits(), None
        self.forks, self.notebook, self.case, self.memory = 0, None, None, {}
        self.spent = 0.0
        self.questions: Mapping[str, Any] = {}

    def __enter__(self) -> LocalSession:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def ensure_worker(self) -> None:
        if self.notebook is None:
            self.notebook, self.forks = Notebook(), self.forks + 1
            for cell in self.cells:
                self.notebook.run(cell.name, cell.source, cell.mode)

    def with_stand_ins(self, names, source) -> LocalSession:
        other = LocalSession([*(Cell(name, source, "stand-in") for name in names), *self.cells])
        other.questions = self.questions
        return other

    def count(self, other: LocalSession) -> None:
        self.forks += other.forks

    def ask(self, request: dict[str, Any], inputs: dict[str, Any], seconds: float) -> Any:
        if request["case"] != self.case:
            self.case, self.memory = request["case"], {}
        answer = self.notebook.answer(request["cell"], request["name"], request["untouched"])
        return run_probe(self.questions[request["question"]].probes[request["step"]], answer, self.memory, inputs)


@contextlib.contextmanager
def notebook_in_this_process() -> Iterator[None]:
    """Put back what a `Notebook` replaces."""
    before = sys.modules["__main__"], builtins.input, sys.breakpointhook, pdb.set_trace
    try:
        yield
    finally:
        sys.modules["__main__"], builtins.input, sys.breakpointhook, pdb.set_trace = before


class Few(Course):
    """A course of a few of an exercise's questions."""

    questions_asked: tuple[str, ...] = ()

    @property
    def maxima(self) -> dict[str, float]:
        return {name: points for name, points in super().maxima.items() if name in self.questions_asked}


REFERENCES: dict[str, References] = {}


def judged(key: str, asked: tuple[str, ...], monkeypatch, **answers: str) -> dict[str, QuestionReport]:
    """Return the reports on some questions of a notebook with these answers and the reference ones."""
    course = Few(ROOT, key)
    object.__setattr__(course, "questions_asked", asked)
    references = REFERENCES.setdefault(key, References(course))
    notebook = handing_in.filled(course.released, {**sample_class.answer_sources(key), **answers})
    session = LocalSession(cells_to_run(notebook))
    session.questions = course.questions
    plugin = importlib.import_module("grading.examination.pytest_plugin")
    wanted = plugin.HiddenChecks.pytest_collection_modifyitems

    def only_asked(self, items):
        wanted(self, items)
        items[:] = [item for item in items if plugin._worth(item).args[0] in asked]

    with monkeypatch.context() as patch, notebook_in_this_process():
        patch.setattr(plugin.HiddenChecks, "pytest_collection_modifyitems", only_asked)
        return examine(course, references, session, "seed", dict.fromkeys(course.answer_cells, False))


OWN = {
    "SoftargmaxPose": None,  # the solution's calls it
    "lean_softargmax": "def lean_softargmax(scoremaps, beta=1.0):\n    return softargmax(scoremaps, beta)",
    "mean_iou": """
def mean_iou(pred, target, num_classes, ignore_index=255):
    keep = target != ignore_index
    each = torch.stack([torch.as_tensor(iou(keep & (pred == c), keep & (target == c))) for c in range(num_classes)])
    return each.float().nanmean(), each.float()
""",
    "transposed_convolution": """
def transposed_convolution(image, kernel, stride=1, padding=0):
    large = [(n - 1) * stride - 2 * padding + k for n, k in zip(image.shape, kernel.shape)]
    return (convolution_matrix(kernel, large, stride, padding).T @ image.flatten()).view(large)
""",
}
CALLER_OF = {
    "softargmax": ("ex02_softargmax", ("SoftargmaxPose",), ex02_softargmax.KNOWN_WRONG["softargmax"]),
    "softargmax for lean": ("ex02_softargmax", ("lean_softargmax",), ex02_softargmax.KNOWN_WRONG["softargmax"]),
    "iou": ("ex03_segmentation", ("mean_iou",), ex03_segmentation.KNOWN_WRONG["iou"]),
    "convolution_matrix": (
        "ex03_segmentation", ("transposed_convolution",), ex03_segmentation.KNOWN_WRONG["convolution_matrix"],
    ),
}  # fmt: skip
EVERY = 16  # of a question's mistakes one in so many is in every tier


def rows() -> list[Any]:
    """Return every known wrong answer that another question may call; few of them are in every tier."""
    found = []
    for called, (key, callers, wrong) in CALLER_OF.items():
        for place, mistake in enumerate(wrong):
            marks = [pytest.mark.full] if place % EVERY else []
            name = called.split()[0]
            found.append(pytest.param(key, name, mistake, callers[0], marks=marks, id=f"{callers[0]}-{mistake}"))
    return found


@pytest.mark.parametrize(("key", "called", "mistake", "caller"), rows())
def test_a_known_wrong_answer_costs_no_caller_a_point(key, called, mistake, caller, monkeypatch, one_thread):
    own = {caller: OWN[caller]} if OWN[caller] else {}
    found = judged(key, (called, caller), monkeypatch, **mistakes(key, **{called: mistake}), **own)
    wrong, right = found[called], found[caller]
    assert wrong.points < wrong.maximum
    lost = right.maximum - right.points + right.bonus_maximum - right.bonus
    assert lost == (caller == "lean_softargmax")  # the point for memory, which no plain form earns
    own_run = not right.hint or "judged with" not in right.hint
    assert own_run or f"It was judged with a right {called}, for yours is not right yet." in right.hint


def test_the_worst_of_them_did_cost_points(monkeypatch, one_thread):
    """What is measured above: without stand-ins x and y swapped cost all but two points."""
    monkeypatch.setattr("grading.examination.grader.spare_follow_on_losses", lambda examinee: None)
    asked = ("softargmax", "SoftargmaxPose")
    found = judged("ex02_softargmax", asked, monkeypatch, **mistakes("ex02_softargmax", softargmax="x_y_swapped"))
    assert found["SoftargmaxPose"].points < 4

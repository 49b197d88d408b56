"""What a statement of the student's process is worth: tricks on the probes that compute facts earn nothing.

The plain soft argmax is right as `lean_softargmax` but for one point, which it would earn if its memory were counted as
less. That count is a fact that a probe reports; each trick below tries to have another one reported.
"""

from __future__ import annotations

import json

import pytest

from grading import sample_class
from grading.course.course import Course
from grading.course.release import ROOT
from grading.errors import ProtocolError
from grading.examination.grader import Grader
from grading.isolation import session as session_module
from grading.isolation.forkserver import start_fork_server
from grading.isolation.session import Cell, Session
from grading.limits import Limits
from grading.sample_submissions import handing_in
from grading.submission.read import read_submission
from helpers.checks.engine.earlier_answers import BORROWED

KEY = "ex02_softargmax"
PLAIN = "\n\ndef lean_softargmax(scoremaps, beta=1.0):\n    {}\n    return softargmax(scoremaps, beta)\n"
FORGED = '{**found, "peak": 1, "passes": True}'
TRICKS = {
    "code of the probes": f"""
import sys

def forged(answer, memory, **inputs):
    value = answer(**inputs)
    found = {{"value": value, "gradient": None, "changed": []}}
    return {FORGED}

import helpers.checks.probes.lean as lean
lean.count_memory.__code__ = lean.check_gradients.__code__ = forged.__code__
""",
    "code of all functions of checks": """
import sys, types
for name, module in list(sys.modules.items()):
    if name.startswith("helpers.checks"):
        for thing in list(vars(module).values()):
            if isinstance(thing, type) and thing.__name__ == "LiveBytes":
                thing.peak = property(lambda self: 1, lambda self, value: None)
            if isinstance(thing, types.FunctionType) and thing.__name__ in ("count_memory", "run_probe"):
                thing.__code__ = (lambda *a, **k: {"peak": 1}).__code__
""",
    "torch's functions": """
torch.UntypedStorage.nbytes = lambda self: 1
torch.Tensor.untyped_storage = lambda self: None
torch.equal = torch.allclose = lambda *a, **k: True
import torch.utils._python_dispatch as dispatch
dispatch.TorchDispatchMode.__enter__ = lambda self: self
dispatch.TorchDispatchMode.__exit__ = lambda self, *a: None
""",
    "encode": """
import helpers.checks.engine.values as values
before = values.encode
def encode(tree):
    return before({**tree, "peak": 1} if isinstance(tree, dict) and "peak" in tree else tree)
values.encode = encode
import sys
for name, module in list(sys.modules.items()):
    if name.startswith(("helpers", "grading")) and hasattr(module, "encode"):
        module.encode = encode
""",
    "run_probe": """
import sys
import helpers.checks.engine.question as question
before = question.run_probe
def run_probe(probe, answer, memory, inputs):
    found = before(probe, answer, memory, inputs)
    return {**found, "peak": 1} if isinstance(found, dict) and "peak" in found else found
question.run_probe = run_probe
for module in list(sys.modules.values()):
    if hasattr(module, "run_probe"):
        module.run_probe = run_probe
""",
    "the worker's own names": """
import sys
frame = sys._getframe()
while frame := frame.f_back:
    for steps in dict(frame.f_locals.get("probes") or {}).values():
        if "memory" in steps:
            before = steps["memory"]
            try:
                steps["memory"] = lambda answer, memory, **inputs: {**before(answer, memory, **inputs), "peak": 1}
            except TypeError:
                pass
""",
    "the names in frames": """
import sys
frame = sys._getframe()
while frame := frame.f_back:
    if "run_probe" in frame.f_globals:
        before, encode = frame.f_globals["run_probe"], frame.f_globals["encode"]
        def forged(*arguments):
            found = before(*arguments)
            return {**found, "peak": 1} if isinstance(found, dict) and "peak" in found else found
        def forged_too(tree):
            return encode({**tree, "peak": 1} if isinstance(tree, dict) and "peak" in tree else tree)
        frame.f_globals.update(run_probe=forged, encode=forged_too)
        break
""",
    "objects of the collector": """
import gc, types
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType) and thing.__name__ in ("count_memory", "check_gradients"):
        thing.__code__ = (lambda *a, **k: {"peak": 1, "passes": True}).__code__
""",
}  # fmt: skip
WHILE_ASKED = {  # the same from within the answer, while the probe waits for it
    "torch's functions": "torch.UntypedStorage.nbytes = lambda self: 1; torch.equal = lambda *a: True",
    "builtins": "import builtins; builtins.max = lambda *a: 1; builtins.sum = lambda *a: 1",
    "names of the probe": """
    import sys
    frame = sys._getframe()
    while frame := frame.f_back:
        if "LiveBytes" in frame.f_globals:
            frame.f_globals.update(max=lambda *a: 1, sum=lambda *a: 1)
            frame.f_globals["LiveBytes"].peak = property(lambda self: 1, lambda self, value: None)
""".strip(),
}


@pytest.fixture(scope="module")
def grade(own_secret, tmp_path_factory):
    """A function that grades answers to exercise 2, the others left as stubs, and returns the reports by question."""
    folder, course = tmp_path_factory.mktemp("graded"), Course(ROOT, KEY)
    limits = Limits(cell_seconds=5, question_seconds=10, submission_seconds=60)
    grader = Grader(course, start_fork_server(course, limits), folder / "course_secret")

    def graded(**answers: str):
        place = folder / "ada" / KEY
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{KEY}.ipynb").write_text(json.dumps(handing_in.filled(course.released, answers)))
        submission = read_submission(place, KEY, 5, 64)
        return grader.grade(grader.repair(submission), submission).questions

    yield graded
    grader.close()


@pytest.fixture(scope="module")
def softargmax() -> str:
    return sample_class.answer_sources(KEY)["softargmax"]


def test_what_a_plain_one_earns(grade, softargmax):
    report = grade(softargmax=softargmax, lean_softargmax=PLAIN.format("pass"))["lean_softargmax"]
    assert (report.bonus, report.mistake) == (2, "memory")


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_on_probes_earns_a_point(grade, softargmax, trick):
    report = grade(softargmax=softargmax, lean_softargmax=TRICKS[trick] + PLAIN.format("pass"))["lean_softargmax"]
    assert report.bonus <= 2  # some tricks harm the answer that they come with


@pytest.mark.parametrize("trick", WHILE_ASKED)
def test_no_trick_while_a_probe_waits_earns_a_point(grade, softargmax, trick):
    report = grade(softargmax=softargmax, lean_softargmax=PLAIN.format(WHILE_ASKED[trick]))["lean_softargmax"]
    assert report.bonus <= 2


def test_what_a_student_patched_for_good_reason_stays(fork_server):
    """A new method, a new function of torch; only what was there and what stands before it is put back."""
    code = "import torch\ntorch.Tensor.twice = lambda self: 2 * self\ntorch.own = 3\ndef double(x): return x.twice()"
    with Session(fork_server, [Cell("double", code, "full")]) as session:
        request = {"question": "double", "step": "call", "case": 1, "seed": 1, "cell": "double", "name": "double"}
        import torch

        for _ in range(2):
            got = session.ask({**request, "untouched": False}, {"x": torch.ones(2)}, float("inf"))
            assert got.tolist() == [2, 2]


# --- a changed argument is found by the grader -----------------------------------------------------------------------


def test_which_inputs_came_back_changed_is_for_the_grader_to_say():
    import torch

    x, nan = torch.ones(2), torch.tensor([float("nan"), 1.0])
    inputs = {"x": x, "list": [x, nan], "n": 3}
    changed = session_module._changed
    assert changed([], inputs, {"x": x.clone(), "list": [x.clone(), nan.clone()], "n": 4}) == []
    assert changed([], inputs, {"x": x + 1, "list": [x, nan]}) == ["x"]
    assert changed(["x"], inputs, {"x": x, "list": [x]}) == ["x", "list"]
    assert changed(False, inputs, {"x": x, "list": [nan, x]}) is True
    assert changed(False, inputs, {"x": x.double(), "list": [x, nan]}) is True
    with pytest.raises(ValueError, match="did not come back"):
        changed([], inputs, None)


def test_a_worker_that_keeps_the_inputs_to_itself_has_given_no_answer(monkeypatch):
    session = Session.__new__(Session)
    session._channel = None
    monkeypatch.setattr(session, "ensure_worker", lambda: None)
    monkeypatch.setattr(session, "_exchange", lambda *a: ({"values": {"d": {"changed": {"l": []}}}}, []))
    with pytest.raises(ProtocolError):
        session.ask({}, {}, 1.0)


# --- answers are graded without helpers.checks -----------------------------------------------------------------------


def modules_of_checks() -> list[str]:
    """Return the names of all modules of `helpers.checks`."""
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "helpers/checks").rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in paths}
    return sorted(names - {"helpers.checks", *(f"helpers.checks.{key}" for key in KEYS)})


KEYS = [path.name for path in (ROOT / "helpers/checks").glob("ex*")]
LOOK = """
import importlib, pathlib, sys, helpers
from helpers import checks
from helpers.checks import ex02_softargmax as check
assert check.softargmax(len) is None and check.inputs == {}
found = []
for name in %r:
    try:
        importlib.import_module(name)
        found.append(name)
    except ImportError as error:
        assert "write that part yourself" in str(error), error
    if name in sys.modules:
        found.append(name)
found += [str(path) for path in pathlib.Path(helpers.__path__[0], "checks").rglob("*.py")]
for name in ("QUESTIONS", "cases"):
    try:
        found.append(vars(check)[name])
    except KeyError:
        pass
print("FOUND", found)
"""


def test_no_module_of_the_checks_can_be_had_in_a_worker(fork_server):
    with Session(fork_server, [Cell("look", LOOK % modules_of_checks(), "full")]) as session:
        session.ensure_worker()
        assert session.cells[0].errors == []
    assert "FOUND []" in session.output


WAYS = {
    "within": "def softargmax(scoremaps, beta=1.0):\n    from helpers.checks.networks.score_ties import soft_places\n"
    "    return torch.stack(soft_places(beta * scoremaps), dim=-1).view(*scoremaps.shape[:2], 2)",
    "above": "from helpers.checks.networks.score_ties import soft_places\n\ndef softargmax(scoremaps, beta=1.0):\n"
    "    return torch.stack(soft_places(beta * scoremaps), dim=-1).view(*scoremaps.shape[:2], 2)",
    "by attribute": "def softargmax(maps, beta=1.0):\n    return helpers.checks.networks.score_ties.soft_places(maps)",
}


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_borrows_from_the_checks_is_told_so(grade, way):
    report = grade(softargmax=WAYS[way])["softargmax"]
    assert report.points == 0 and BORROWED in report.hint

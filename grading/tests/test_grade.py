"""Submissions to the toy course through the real grader: right work earns its points, nothing else does."""

import gc
import json
import os
import re
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from toy_course import ANSWERS, FULL, cell, filled, hand_in, named, weights

from grading.course.course import Course, References
from grading.course.secret import course_secret
from grading.errors import CourseError, GradingError, NotIsolated
from grading.examination.grader import Grader, cells_to_run
from grading.examination.points import collect_points
from grading.examination.seeds import submission_seed
from grading.isolation.forkserver import start_fork_server
from grading.limits import Limits
from grading.reporting.feedback import write_feedback
from grading.submission.read import read_submission
from helpers.checks.engine.question import Wrong


@pytest.fixture
def grade(grader, tmp_path):
    """A function that grades a notebook with the right weights and returns its report; the notebook is kept, with its
    feedback.
    """

    def run(notebook, files=None):
        folder = hand_in(tmp_path, "ada", notebook, {"toy.safetensors": weights()} if files is None else files)
        submission = read_submission(folder, "toy", 5, 1)
        run.notebook = grader.repair(submission)
        report = grader.grade(run.notebook, submission)
        write_feedback(run.notebook, report)
        return report

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


def test_no_folder_is_listed_but_that_of_the_hidden_checks(course, monkeypatch):
    """pytest goes up from a test as far as it is let; a home or a /tmp may hold thousands of names."""
    listed, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(str(path)) or scandir(path))
    assert collect_points(course).keys() == FULL.keys()
    assert listed and {Path(path) for path in listed} <= {course.hidden_module.parent}


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
        "import helpers.checks.engine.question as q\nq.run_probe = lambda *a, **k: True\nq.Wrong = ValueError\n"
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
    assert report.questions["model"].mistake in ("no_weights", "damaged_weights")


def test_an_unreadable_notebook_is_zero_with_the_reason(grade):
    report = grade(b'{"cells"')
    assert points(report) == dict.fromkeys(FULL, 0.0)
    assert "not JSON" in report.unreadable and set(verdicts(report).values()) == {"not graded"}


def test_a_slow_submission_stops_at_its_own_limit(course, release, tmp_path):
    limits = Limits(cell_seconds=1, question_seconds=1, submission_seconds=2, memory_mb=400)
    slow = Grader(course, start_fork_server(course, limits), tmp_path / "secret")
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
    text = named(grade.notebook, "double_check")["outputs"][0]["data"]["text/plain"]
    assert text == "\u2718 double: 0 of 3 points, wrong.\n  hint  this is the square, not the double.\n"
    page = json.dumps(grade.notebook)
    assert "hidden_literal" not in page and "tensor(" not in page


def test_cells_to_run_are_setup_answers_and_definitions(release):
    modes = {one.name: one.mode for one in cells_to_run(filled(release))}
    assert [modes.pop(name) for name in ("setup", *ANSWERS)] == ["full"] * 5
    assert [modes.pop(f"{name}_check") for name in ANSWERS] == ["check"] * 4
    assert list(modes.values()) == ["definitions"]


def test_answers_may_share_the_name_of_a_helper(grade, release):
    sharing = filled(
        release,
        double="def h(x): return 2 * x\ndef double(x): return h(x)",
        total="def h(x): return x.sum()\ndef total(x): return h(x)",
    )
    sharing["cells"].append(cell("code", "torch = None\nsum = len = 3"))
    assert points(grade(sharing)) == FULL


def test_a_comprehension_of_the_students_own_cell_is_there(grade, release):
    own = filled(release, double="def double(x): return FACTORS[0] * x")
    own["cells"].insert(1, cell("code", "FACTORS = [2 * k for k in range(1, 3)]"))
    assert points(grade(own)) == FULL


def test_a_verdict_cannot_be_forged_by_a_message(grade, release):
    forged = "def double(x): return x\nraise ValueError('a\\n\u2714 double: 3 of 3 points, passed.')"
    grade(filled(release, double=forged))
    text = named(grade.notebook, "double_check")["outputs"][0]["data"]["text/plain"]
    assert len(text.splitlines()) == 2 and text.endswith("Your cell stopped: ValueError in line 2.\n")


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
        start_fork_server(Course(tmp_path, "toy", "toy_checks"), Limits())


def test_strict_isolation_refuses_what_is_missing(course, tmp_path, monkeypatch):
    monkeypatch.setattr("grading.isolation.forkserver.ForkServer.start_worker", _without_landlock())
    with pytest.raises(NotIsolated, match="landlock: switched off"):
        Grader(course, start_fork_server(course, Limits()), tmp_path / "secret", isolation="strict")


def _without_landlock():
    from grading.isolation.forkserver import ForkServer

    start = ForkServer.start_worker
    return lambda self, channel, output, weights, without=(): start(self, channel, output, weights, ("landlock",))


def test_the_reference_and_its_mistakes_answer_the_oracle(course):
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


def test_a_fork_server_that_died_is_started_anew(grade, grader, release):
    import os
    import signal

    first = grader.fork_server.process.pid
    os.kill(first, signal.SIGKILL)
    assert points(grade(filled(release))) == FULL
    assert grader.fork_server.process.pid != first


def test_without_any_worker_nobody_gets_points(grade, grader, release, monkeypatch):
    def no_worker(*arguments, **options):
        raise GradingError("no worker today")

    monkeypatch.setattr(grader.fork_server, "start_worker", no_worker)
    report = grade(filled(release))
    assert report.points == 0 and set(verdicts(report).values()) == {"not graded"}
    assert "no worker today" in report.questions["double"].note
    assert report.questions["double"].hint == "grading failed; your lecturer is told."


KILLED = """
import sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from grading.course.course import Course
from grading.isolation.forkserver import start_fork_server
from grading.limits import Limits
from grading.course.secret import course_secret
from grading.isolation.session import Cell, Session
fork_server = start_fork_server(Course(Path({root!r}), "toy", "toy_checks"), Limits(cell_seconds=60))
print(fork_server.process.pid, fork_server.folder, flush=True)
cells = [Cell("a", "print('started')", "full"), Cell("b", "import time; time.sleep(60)", "full")]
Session(fork_server, cells).ensure_worker()
"""


def test_nothing_outlives_a_grader_that_is_killed(course):
    """kill -9 leaves no chance to clean up; the fork server notices, ends its worker and itself."""
    import os
    import subprocess
    import sys
    import time

    from kill_loop import descendants
    from toy_course import PROJECT

    script = KILLED.format(path=[str(PROJECT), str(course.root)], root=str(course.root))
    grader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid, folder = grader.stdout.readline().split()

    deadline = time.monotonic() + 60
    while len(workers := descendants(int(pid))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    grader.kill()
    grader.wait()
    grader.stdout.close()
    while any(os.path.exists(f"/proc/{one}") for one in (pid, *workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(workers) >= 2
    assert [one for one in (pid, *workers) if os.path.exists(f"/proc/{one}")] == []
    assert not os.path.exists(folder)


# --- what one worker leaves to the next ------------------------------------------------------------------------------


def test_a_fork_server_that_dies_under_a_question_costs_nobody_a_point(grade, grader, release, monkeypatch):
    """Its end takes the worker along, so what is asked just then is asked once more; no descriptor is left open."""
    import os
    import signal

    from grading.isolation.session import Session

    ask, killed = Session.ask, []

    def ask_the_dead(session, *arguments):
        if not killed:
            session.ensure_worker()
            killed.append(session.fork_server.process.pid)
            os.kill(killed[0], signal.SIGKILL)
        return ask(session, *arguments)

    grade(filled(release))
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(Session, "ask", ask_the_dead)
    report = grade(filled(release))
    assert killed and points(report) == FULL and set(verdicts(report).values()) == {"passed"}
    assert len(os.listdir("/proc/self/fd")) == before


def test_strict_isolation_holds_in_every_worker(grade, grader, release, monkeypatch):
    """A zero would count: there is no report at all, and once the layer is back there is one."""
    monkeypatch.setattr(grader, "strict", True, raising=False)
    with monkeypatch.context() as lost:
        lost.setattr("grading.isolation.forkserver.ForkServer.start_worker", _without_landlock())
        with pytest.raises(NotIsolated, match="landlock: switched off .what to do"):
            grade(filled(release))
    monkeypatch.setattr(grader, "strict", False)
    assert points(grade(filled(release))) == FULL


LEAKS = {
    "the default dtype": "torch.set_default_dtype(torch.float64)",
    "the default device": "torch.set_default_device('meta')",
    "no gradients": "torch.set_grad_enabled(False)",
    "NumPy's errors": "import numpy; numpy.seterr(all='raise')",
    "anomalies looked for": "torch.autograd.set_detect_anomaly(True)",
}
STATE = (
    "import numpy\ndef total(x):\n    numpy.float32(0) / numpy.float32(0)\n    assert torch.is_grad_enabled()\n"
    "    assert torch.ones(1).device.type == 'cpu' and not torch.is_anomaly_enabled()\n"
    "    return x.sum()"
)


@pytest.mark.parametrize("source", LEAKS.values(), ids=LEAKS)
def test_what_an_answer_sets_for_all_is_gone_with_the_next_question(grade, release, source):
    report = grade(filled(release, double=f"def double(x):\n    x = 2 * x\n    {source}\n    return x", total=STATE))
    assert points(report) == FULL, report.questions


HUGE_SHAPE = """
import json, os, struct
def double(x):
    header = json.dumps({"message": {}, "tensors": [["float32", [int("9" * 4000)] * 2 + [3]]]}).encode()
    os.write(100, struct.pack("!IQ", len(header), 0) + header)
"""


def test_numbers_of_thousands_of_digits_are_no_answer(grade, release):
    for source, costs in ((HUGE_SHAPE, {"double": 0.0}), (HUGE_SHAPE + "double(1)", {"double": 0.0})):
        report = grade(filled(release, double=source))
        assert points(report) == {**FULL, **costs}
        assert report.questions["double"].verdict == "crashed" and not report.questions["double"].note


def test_whatever_ends_an_exchange_ends_the_worker(fork_server):
    import time

    from grading.isolation.session import Session

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with Session(fork_server, []) as session:
        session.ensure_worker()
        session._channel.receive = interrupted
        request = {"op": "cell", "cell": "a", "source": "", "mode": "full"}
        with pytest.raises(KeyboardInterrupt):
            session._exchange(request, [], time.monotonic() + 5)
        assert session._channel is None


def test_an_error_without_a_text_never_gets_back_into_the_fork_server(grade, grader, release):
    source = "class Mute(Exception):\n    def __str__(self): raise Mute\ndef double(x): raise Mute"
    report = grade(filled(release, double=source))
    assert points(report) == {**FULL, "double": 0.0}
    assert "status 70" in report.questions["double"].ending, report.questions["double"]


def test_texts_of_errors_can_be_written_wherever_they_stand(grade, release):
    source = "def double(x): raise ValueError('\\ud800')\nraise ValueError('\\ud800\\x00' * 300)"
    report = grade(filled(release, double=source))
    assert points(report) == {**FULL, "double": 0.0} and report.cells[0]["errors"]
    assert json.dumps(grade.notebook, ensure_ascii=False).encode()
    assert json.dumps(report.cells, ensure_ascii=False).encode()


def test_a_worker_says_no_more_of_an_error_than_fits_into_a_report():
    from grading.isolation.session import checked_errors

    (error,) = checked_errors([{"type": "E" * 10**6, "message": "\ud800" * 10**6, "line": 10**4000}])
    assert error == {"type": "E" * 500, "message": "?" * 500, "line": 0}


def test_a_status_like_that_of_a_signal_is_none(grade, release, caplog):
    report = grade(filled(release, double="import os\ndef double(x): os._exit(137)"))
    assert points(report) == {**FULL, "double": 0.0} and "killed from outside" not in caplog.text
    assert "ended itself with status 137" in report.questions["double"].ending


def test_held_out_scenes_come_from_the_secret_of_the_course_that_is_graded(grade, grader, release, own_secret):
    import hashlib
    import hmac

    from grading.course import held_out

    grade(filled(release))
    seed = held_out._secret_seed(b"held-out people")
    assert seed == int.from_bytes(hmac.digest(grader.secret, b"held-out people", hashlib.sha256)[:6], "big")
    assert not (held_out.GRADING / "course_secret").exists()
    scenes = held_out.held_out_people(1).images
    held_out.draw_from(b"another secret" * 3)
    assert not torch.equal(held_out.held_out_people(1).images, scenes)


# --- judging ---------------------------------------------------------------------------------------------------------


def test_an_answer_beyond_all_sizes_is_refused_before_it_is_judged(grade, release, course, monkeypatch):
    judged = []
    case = course.questions["double"].cases["values"]

    def seeing(ask, rng, oracle):
        return case(lambda *a, **k: judged.append(ask(*a, **k)) or judged[-1], rng, oracle)

    monkeypatch.setitem(course.questions["double"].cases, "values", seeing)
    report = grade(filled(release, double="def double(x): return torch.zeros(17, 2**20, dtype=torch.int8)"))
    assert points(report) == {**FULL, "double": 0.0} and not judged
    question = report.questions["double"]
    assert (question.verdict, question.mistake) == ("wrong", "too_large") and "17" not in question.hint


def endless(ask, rng, oracle):
    ask("call", x=torch.ones(2))
    while True:
        try:
            len("")
        except Exception:  # as a probe that runs a reference
            continue


@pytest.mark.parametrize("aside", [False, True], ids=["main thread", "another thread"])
def test_endless_judging_costs_its_question_only(grade, release, course, monkeypatch, aside):
    monkeypatch.setitem(course.questions["double"].cases, "values", endless)

    def run():
        return grade(filled(release)), sys.getprofile()

    with ThreadPoolExecutor(1) as pool:
        report, watching = pool.submit(run).result() if aside else run()
    assert points(report) == {**FULL, "double": 0.0} and watching is None
    question = report.questions["double"]
    assert question.verdict == "timed out" and question.seconds < 2 and not question.note
    assert question.hint == "your code took too long: to judge what it returns takes longer than 2 s."


def test_judging_ends_at_its_time_and_nothing_comes_later():
    from grading.examination.deadline import Deadline, DeadlinePassed

    judging = Deadline(0.01)
    with pytest.raises(DeadlinePassed):
        judging.start()
        while True:
            len("")
    judging.stop()
    assert sys.getprofile() is None and judging.left < 0
    judging = Deadline(5.0)
    judging.start()
    judging.stop()
    assert sys.getprofile() is None and 0 < judging.left < 5
    judging.look_at = 0.0
    len("")


def test_what_came_back_is_not_kept_with_what_went_wrong(grade, release, course, monkeypatch):
    class Answers:
        pass

    kept = []

    def wrong(ask, rng, oracle):
        answers = Answers()
        kept.append(weakref.ref(answers))
        raise Wrong("", "", "", "no.")

    def then(ask, rng, oracle):
        gc.collect()
        assert kept[0]() is None

    monkeypatch.setitem(course.questions["double"].cases, "values", wrong)
    monkeypatch.setitem(course.questions["double"].cases, "again", then)
    assert points(grade(filled(release))) == {**FULL, "double": 1.0}


NUMBERS = {
    "a status": "import os\ndef double(x): os._exit(77)",
    "a signal": "import ctypes\ndef double(x): return ctypes.string_at(0)",
    "a time": (
        "import time\nslept = []\ndef double(x):\n    time.sleep(20 if slept else 0.9)\n    slept.append(1)\n"
        "    return 2 * x"
    ),
}


@pytest.mark.parametrize("source", NUMBERS.values(), ids=NUMBERS)
def test_no_number_that_an_answer_chooses_comes_back_to_the_student(grade, release, source):
    """It could be one of the hidden inputs."""
    report = grade(filled(release, double=source))
    question = report.questions["double"]
    assert question.verdict in ("crashed", "timed out", "partly") and points(report)["double"] < 3
    assert set(re.findall(r"\d+", question.hint)) <= {"2"}, "2 s are the limit of a question"
    if question.verdict == "crashed":
        assert re.search(r"status 77|signal", question.ending) and question.ending not in json.dumps(grade.notebook)


def test_a_hint_is_one_line(grade, release):
    forged = "raise type('a\\nb', (Exception,), {})('x\\n\u2714 double: 3 of 3 points, passed.')"
    question = grade(filled(release, double=forged)).questions["double"]
    assert question.hint == "Your cell stopped: an error of a kind of its own in line 1."

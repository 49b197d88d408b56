"""What crosses from one worker to the next, from a turn that knows inputs to one that speaks, reaches no student.

A clock that is read, pages of a file that are in memory or not, numbers that the kernel counts up: all of that cannot
be closed. So nothing is heard of a cell once anything was asked, and what was heard before is no free text.
"""

from __future__ import annotations

import pytest
import torch
from toy_course import FULL, filled, hand_in, weights

from grading.errors import AnswerMissing, Crashed
from grading.isolation import session as session_module
from grading.isolation.session import Cell, Session, checked_errors
from grading.reporting.feedback import overall
from grading.submission.read import read_submission

ANSWER = "def double(x):\n    import os\n    os._exit(1)"
REQUEST = {"question": "double", "step": "call", "case": 1, "cell": "double", "untouched": False, "name": "double"}
LATER = {  # what a cell does in the next worker, of which a clock could have told it
    "raises": "raise ValueError('it was asked')",
    "ends the process": "__import__('os')._exit(77)",
}


def ask(session: Session) -> None:
    """Ask an answer that ends its worker, or that is not there."""
    with pytest.raises((Crashed, AnswerMissing)):
        session.ask({**REQUEST, "seed": 1}, {"x": torch.ones(2)}, 10.0)


@pytest.mark.parametrize("then", LATER.values(), ids=LATER)
def test_a_cell_is_heard_before_anything_is_asked_and_never_again(fork_server, then):
    with Session(fork_server, [Cell("double", ANSWER, "full")]) as session:
        ask(session)
        (cell,) = session.cells
        cell.source = f"{then}\n{ANSWER}"  # as if a clock had told it
        ask(session)
        assert cell.errors == [] and cell.trouble is None and session.forks > 1
    again = Session(fork_server, [Cell("double", f"{then}\n{ANSWER}", "full")])
    again.follow(session)  # graded again, for whatever reason
    with again:
        again.ensure_worker()
    assert again.cells[0].errors == [] and again.cells[0].trouble is None


@pytest.mark.parametrize("then", LATER.values(), ids=LATER)
def test_before_anything_is_asked_a_cell_is_heard(fork_server, then):
    with Session(fork_server, [Cell("double", f"{then}\n{ANSWER}", "full")]) as session:
        session.ensure_worker()
    (cell,) = session.cells
    assert cell.errors or cell.trouble
    again = Session(fork_server, [Cell("double", ANSWER, "full")])
    again.follow(session)  # in which nothing was asked
    assert not again.asked


@pytest.mark.parametrize("killed", [False, True])
def test_how_a_cell_ended_is_forgotten_where_its_worker_was_killed_from_outside(fork_server, killed):
    with Session(fork_server, [Cell("double", f"__import__('os')._exit(77)\n{ANSWER}", "full")]) as session:
        session.ensure_worker()
    session.asked, session.killed = True, killed
    again = Session(fork_server, [Cell("double", ANSWER, "full")])
    again.follow(session)
    assert (again.cells[0].trouble is None) == killed


def test_what_is_graded_again_says_what_it_said_at_first(grader, release, tmp_path, monkeypatch):
    """A worker that is killed from outside is replaced, and its inputs may have crossed by then."""
    source = "raised = 0\nraise KeyError('first')\ndef double(x): return 2 * x"
    folder = hand_in(tmp_path, "ada", filled(release, double=source), {"toy.safetensors": weights()})
    submission, before = read_submission(folder, "toy", 5, 1), Session._end

    def killed_once(self, gone):
        said = before(self, gone)
        self.killed = not ended
        ended.append(said)
        return said

    ended: list[str] = []
    monkeypatch.setattr(session_module.Session, "_end", killed_once)
    report = grader.grade(grader.repair(submission), submission)
    assert len(ended) > 1 and {name: q.points for name, q in report.questions.items()} == {**FULL}
    assert [error["type"] for error in report.cells[0]["errors"]] == ["KeyError"]


def test_a_student_reads_no_number_or_word_that_a_cell_chose(grader, release, tmp_path):
    source = "class Pixels_271(Exception): pass\nraise Pixels_271('828 is hidden')\ndef double(x): return x"
    notebook = filled(release, double=source, total="import os\nos._exit(77)")
    folder = hand_in(tmp_path, "ada", notebook, {"toy.safetensors": weights()})
    submission = read_submission(folder, "toy", 5, 1)
    report = grader.grade(grader.repair(submission), submission)
    read = overall(report) + "".join(question.hint for question in report.questions.values())
    assert "stopped: an error of a kind of its own in line 2." in read and "it ended the process that ran it" in read
    assert not any(word in read for word in ("271", "828", "77", "Pixels", "hidden"))
    assert "828 is hidden" in report.cells[0]["errors"][0]["message"]  # staff may know


def test_a_line_that_a_cell_does_not_have_is_none():
    errors = [{"type": "E", "message": "", "line": line} for line in (-1, 0, 1, 3, 4, 828)]
    assert [error["line"] for error in checked_errors(errors, 3)] == [0, 0, 1, 3, 0, 0]

"""Verdicts: from the values of an answer to one sentence or four lines.

`judge` compares an answer with the oracle over several calls and raises `Wrong` about the first that differs; the
mistake named is a known wrong version that gives the same values over all calls, or at least at the first that differs
(`engine/mistakes.py`). A call says how its values are read: `judge_values` (`engine/calls.py`) compares one value with
the right one, and a question that leaves its answer a freedom has a call of its own, as most of exercise 4 do.
`run_check` is the line under a stub: every case of a question, and what it printed.

How a new exercise joins (examples: CONTRIBUTING.md; `pytest -q grading/tests/test_parts.py` names what is missing):
1. The notebook, `solutions/exNN_topic/exNN_topic.ipynb`.
2. `helpers/checks/exNN_topic/`: in `cases.py` cases, which draw inputs and call `judge` or `judge_values`, from them
   and probes `QUESTIONS`; in `__init__.py` these, and a function for each under `@checking`; hints in `hints.toml`.
3. `KNOWN_WRONG = {question: {mistake: answer}}` in `grading/known_wrong/exNN_topic.py`, every mistake with a hint; and
   right answers in many styles, `grading/right_variants/exNN_topic.py`.
4. `grading/hidden_checks/test_exNN_topic.py`: a row for each question, with points and the cases that earn them; points
   once more in `grading/tests/answer_bank.py`. Before that nothing can be graded, and no bundle is built.
5. The task's sentences, `grading/sentences/exNN_topic.toml`; strangers, wrong answers as the world writes them,
   `grading/tests/strangers/exNN.py`; what words are marked by, `grading/rubrics/exNN_topic.toml`.
6. Stand-ins for answers that others call, `grading/stand_ins/`, and `grading/sample_submissions/` with their marks.
7. `python -m grading release`, as early as step 3: the table of the notebook's checks, and the students' notebook.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from helpers.checks.engine.compare import argument, show
from helpers.checks.engine.earlier_answers import BORROWED, borrows, earlier_fault
from helpers.checks.engine.lines import fitting
from helpers.checks.engine.mistakes import Judged, Way
from helpers.checks.engine.picture import draw
from helpers.checks.engine.question import (
    VISIBLE_SEED,
    Ask,
    CheckFailed,
    Oracle,
    Question,
    Wrong,
    case_rng,
    local_ask,
    strict,
)
from helpers.checks.engine.record import note
from helpers.checks.engine.table import table_oracle
from helpers.checks.engine.time_limit import in_time
from helpers.checks.engine.values import Other, Raised, Value
from helpers.notebook import in_notebook
from helpers.pictures.figure import Picture
from helpers.training.threads import Threads

__all__ = [
    "AnyCall",
    "Fault",
    "GENERAL_HINTS",
    "NOT_WRITTEN",
    "call_line",
    "changed_argument",
    "checking",
    "inputs",
    "judge",
    "kind_of_error",
    "no_oracle",
    "no_value",
    "refuse_exception",
    "refuse_too_many",
    "run_check",
]

inputs: dict[
    str, Any
] = {}  # of the call that the last printed verdict speaks of: a student can call `mpjpe(**check.inputs)`

NOT_WRITTEN = "not_written"
NO_KNOWN_MISTAKE = (
    "none of the mistakes we know gives this value. Take the smallest input there is, work it out on paper, and "
    "print what your code has after each line."
)
GENERAL_HINTS = {
    NOT_WRITTEN: "it is not written yet: replace `raise NotImplementedError` by your answer and run its cell.",
    "raised": "your code stopped with this error: read what it says, and print what the names in that line hold.",
    "raised_shapes": "two shapes do not go together in that line: print them, axis by axis, and say what each axis is.",
    "raised_index": "an index reaches beyond the end of its axis: print the largest one and that axis's length. Do "
    "rows and columns, y and x, stand in their places?",
    "raised_kinds": "an operation got a dtype or a kind of object that it does not take: print what the names in that "
    "line are.",
    "raised_arguments": "a function was called with too many arguments, too few, or under names that it does not have: "
    "compare the call, or your own signature, with what it takes.",
    "endless": "your code does not come to an end: is there a loop whose condition never becomes false, or one "
    "step for each pixel where a whole tensor could be taken at once?",
    "NameError": "a name is used that is neither an argument nor defined in the cell: work with the arguments only.",
    "type": "is something returned at all, and of the kind that the docstring promises?",
    "shape": "compare the shape with the one in the docstring: which axes should be gone, which should stay?",
    "too_many": "more came than there can be, whatever the values: is something added twice, or never taken away?",
    "numpy": "these are the right numbers in a NumPy array: the cells that follow need a tensor. Compute in torch to "
    "the end, or turn them back by torch.from_numpy.",
    "dtype": "keep the dtype of the input: no .float(), .double() or numbers of another dtype on the way.",
    "changed": "an argument was changed in place (`x[...] = ...`, `x += ...`, `x.sub_()`): work on a copy.",
    "no_gradient": "the value has lost its tie to the first argument: .item(), .detach(), .numpy(), torch.tensor(...) "
    "and comparisons cut it. Compute with tensors to the end.",
    "gradient": "the value is right, its gradient is not: is it NaN, or does it reach what must not count?",
}


@dataclass(frozen=True)
class Fault:
    """What is wrong with what came back.

    `kind` is a key of GENERAL_HINTS, or "value" or "place" where only a known mistake can say more; `returned` and
    `expected` are two lines of the verdict. Where `alone` is given and no known mistake explains the fault, it is the
    line `expected`, and the verdict has no inputs.
    """

    kind: str
    returned: str
    expected: str
    alone: str = ""


class AnyCall(Protocol):
    """One call of an answer: what is asked, and how what comes back is judged."""

    hints: Mapping[str, str]
    """Those of the question, by the mistake's name."""

    @property
    def steps(self) -> tuple[str, str]:
        """The step that the answer is asked, and that which the oracle is."""
        return "call", "call"

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The arguments by name."""

    @property
    def called(self) -> str:
        """The line `called` of the verdict."""

    def ways(self, fault: Fault) -> Sequence[Way]:
        """Return in which ways an answer with this fault can be like a known wrong version's, the surest first."""

    def refuse(self, got: Value) -> None:
        """Raise `Wrong` if so much came that it is not to be judged; asked before the next call."""
        return None

    def read(self, got: Value, right: Value) -> Fault | None:
        """Return what is wrong with what came, None if nothing is."""

    def picture(self, got: Value, right: Value) -> Picture | None:
        """Return what came beside what is right, where that is wrong in its values; None where a number says it all."""
        return draw(self.inputs, got, right)


def judge(calls: Sequence[AnyCall], ask: Ask, oracle: Oracle) -> None:
    """Ask every call of an answer and compare with the oracle.

    Raises:
        Wrong: about the first call that is answered wrongly.
    """
    asked: dict[int, Value] = {}
    by_size = sorted(range(len(calls)), key=lambda index: _size(calls[index].inputs))
    for index in by_size:  # an answer that never ends is told with the smallest
        asked[index] = ask(calls[index].steps[0], **calls[index].inputs)
        calls[index].refuse(asked[index])
    answers = [asked[index] for index in range(len(calls))]
    judged = [oracle(call.steps[1], **call.inputs) for call in calls]
    for index, (call, got, (right, _)) in enumerate(zip(calls, answers, judged, strict=True)):
        fault = call.read(got, right)
        if fault:
            wrong = _wrong(call, fault, _mistake(index, fault, calls, answers, judged))
            if fault.kind in ("value", "place"):
                wrong.draw = functools.partial(call.picture, got, right)
            raise wrong


def _size(value: Any) -> int:
    """Return how many numbers the tensors in a tree of inputs have."""
    if isinstance(value, Tensor):
        return value.numel()
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return sum(map(_size, parts))


def _mistake(
    index: int, fault: Fault, calls: Sequence[AnyCall], answers: Sequence[Value], judged: Sequence[Judged]
) -> str | None:
    """Return the known mistake behind a fault. A wrong version called "mistake.variant" shows the mistake "mistake"."""
    if fault.kind == NOT_WRITTEN:
        return None
    names = (way.nearest(index, calls, answers, judged) for way in calls[index].ways(fault))
    name = next(filter(None, names), None)
    return name and name.partition(".")[0]


def _wrong(call: AnyCall, fault: Fault, mistake: str | None) -> Wrong:
    unknown = fault.kind in ("value", "place")
    hint = call.hints.get(mistake or "") or (NO_KNOWN_MISTAKE if unknown else GENERAL_HINTS[fault.kind])
    alone = "" if mistake else fault.alone
    expected = alone or fault.expected
    wrong = Wrong(call.called, fault.returned, expected, hint, mistake or (None if unknown else fault.kind))
    wrong.inputs = {} if alone else dict(call.inputs)
    return wrong


def no_value(got: Value, expected: str, alone: str = "") -> Fault:
    """Return what is wrong with an answer that gave no value: an exception, or what does not cross."""
    kind = kind_of_error(got) if isinstance(got, Raised) else "type"
    return Fault(kind, show(got), expected, alone)


def changed_argument(names: Sequence[Any]) -> Fault | None:
    """Return what is wrong with an answer that changed these arguments, None if it changed none."""
    if not names:
        return None
    return Fault(
        "changed", "changed its argument " + " and ".join(map(str, names)), "arguments that are left as they were"
    )


def kind_of_error(raised: Raised) -> str:
    """Return the key of an exception in GENERAL_HINTS; torch raises NotImplementedError, too, but says why."""
    if raised.type_name == "NotImplementedError" and not raised.message:
        return NOT_WRITTEN
    if raised.type_name in ("NameError", "UnboundLocalError"):
        return "NameError"
    return next((kind for kind, pattern in KINDS_OF_ERRORS.items() if pattern.search(raised.message)), "raised")


KINDS_OF_ERRORS = {  # by what the message says, the first that fits
    "raised_arguments": re.compile(r"positional argument|unexpected keyword|multiple values for argument"),
    "raised_index": re.compile(r"out of bounds for (dimension|axis)"),
    "raised_kinds": re.compile(
        r"dtype|scalar type|not implemented for|unsupported operand|must be (a )?Tensor|not subscriptable|not callable"
        r"|has no attribute|only tensors|can't convert|cannot be converted|on the same device"
        r"|; expected a (tensor|list)"
    ),
    "raised_shapes": re.compile(
        r"shape|size|[Dd]imension|dim\b|broadcast|channels|(?<!negative )elements|too many indices|unpack"
    ),
}


CALL_SECONDS = 30.0  # of one call in a notebook: a hundred times what any right answer needs on a slow machine


def call_line(name: str, arguments: str, note: str) -> str:
    """Return a call as the verdict names it, with what is special about it."""
    return f"{name}({arguments})" + (f"; {note}" if note else "")


def refuse_exception(called: str, got: Value, expected: str, hints: Mapping[str, str] | None = None) -> None:
    """Raise `Wrong` if `got` is an exception or an object that does not cross; `hints` by the mistake's name."""
    if isinstance(got, Raised):
        kind = kind_of_error(got)
        hint = (hints or {}).get(kind) or (hints or {}).get(kind.partition("_")[0]) or GENERAL_HINTS[kind]
        raise Wrong(called, show(got), expected, hint, kind)
    if isinstance(got, Other):
        raise Wrong(called, show(got), expected, GENERAL_HINTS["type"], "type")


FEW = 3  # as many are judged as they are, where there should be none: two empty lists, say


def refuse_too_many(called: str, got: Value, most: int, what: str, given: Mapping[str, Any]) -> None:
    """Raise `Wrong` if `got`, a list or a tensor, has more items than the `most` there can be of `what`.

    To be asked before anything else, where the length of an answer is free: what judging it and looking for a mistake
    cost grows with that, and an answer of 64 MB is written in one line. The hint has neither number: `got` is the
    student's own, and could tell of the inputs.

    Args:
        given: the inputs of the call.
    """
    items = 0 if isinstance(got, Tensor) and got.ndim == 0 else len(got) if isinstance(got, (list, Tensor)) else 0
    if items > max(most, FEW):
        wrong = Wrong(called, show(got), f"at most {most} {what}", GENERAL_HINTS["too_many"], "too_many")
        wrong.inputs = dict(given)
        raise wrong


def run_check(
    question: Question,
    answer: Any,
    oracle: Oracle | None,
    facts: Mapping[str, Any] | None = None,
    right: Callable[[Any], str] | None = None,
    earlier: Callable[[], str | None] = lambda: None,
) -> bool:
    """Print the verdict on an answer: one sentence if it is right, else four lines. Return whether it is right.

    Args:
        oracle: as for the cases; None where no case asks it.
        facts: what the cases get by name.
        right: makes the sentence from what the last case returned; by default the question's sentence and any notes.
        earlier: says of a wrong answer whether it calls another one that is to blame: the hint, or None.
    Raises:
        CheckFailed: instead of printing a failure, under DEEP_LEARNING_LAB_STRICT=1.
    """
    notes = []
    for case_id, case in question.cases.items():
        rng = case_rng(VISIBLE_SEED, question.name, case_id)
        ask = _within(CALL_SECONDS, question.name, answer, local_ask(question, answer))
        try:
            notes.append(case(ask, rng, oracle or no_oracle, **(facts or {})))
        except Wrong as wrong:
            # what is not there is told as such, whatever it is
            wrong.hint = (wrong.mistake not in (NOT_WRITTEN, "NameError") and earlier()) or wrong.hint
            _report(question.name, wrong)
            return False
    _tell("right", right(notes[-1]) if right else "\n  note     ".join([question.sentence, *filter(None, notes)]))
    return True


def _within(seconds: float, name: str, answer: Any, ask: Ask) -> Ask:
    """Return an `Ask` that waits so long for an answer, and no longer."""

    def takes(inputs: Mapping[str, Any]) -> bool:  # those of a probe may be for the probe: how often, to what end
        try:
            return bool(inspect.signature(answer).bind(**inputs))
        except Exception:  # an answer may be any object
            return False

    def limited(step: str, **inputs: Any) -> Value:
        came, value = in_time(seconds, lambda: ask(step, **inputs))
        if came:
            return value
        own = inputs if takes(inputs) else {}
        given = ", ".join(f"{key}: {argument(value)}" for key, value in own.items()) or "..."
        wrong = Wrong(
            call_line(name, given, ""), f"nothing within {seconds:g} s", "an answer at once", GENERAL_HINTS["endless"],
            "endless",
        )  # fmt: skip
        wrong.inputs = own
        raise wrong

    return limited


SIGNS = {"right": ("\N{CHECK MARK}", 32), "wrong": ("\N{BALLOT X}", 31), "open": ("\N{WHITE CIRCLE}", 36)}


def _tell(verdict: str, text: str) -> None:
    """Print a verdict; in a notebook with a sign before it, its first line in a colour (ANSI's number for it), and none
    longer than a page is wide."""
    sign, colour = SIGNS[verdict]
    first, rest = text.partition("\n")[::2]
    first, rest = fitting(first, "  "), fitting(rest, " " * 11)  # the names of the lines take so much
    print(f"\x1b[{colour}m{sign} {first}\x1b[0m" + (f"\n{rest}" if rest else "") if in_notebook() else text)


def no_oracle(step: str, **inputs: Any) -> tuple[Value, Mapping[str, Value]]:
    """Stand in for the oracle where no case asks it."""
    raise LookupError(f"no case of this question may ask the oracle, and one asks for {step}")


Check = Callable[[Any], None]


def checking(exercise: str, questions: Mapping[str, Question]) -> Callable[[Check], Check]:
    """Return the decorator that makes the check under a stub, by the question of its name, of a function that has only
    a name and a docstring."""

    def check_of(named: Check) -> Check:
        name = named.__name__

        oracle_of = functools.partial(table_oracle, exercise)

        @functools.wraps(named)
        def check(answer: Any) -> None:
            if borrows(answer):
                _report(name, Wrong(f"{name}(...)", "what the checks compute", "your own work", BORROWED, "borrowed"))
            else:
                earlier = functools.partial(earlier_fault, name, answer, questions, oracle_of)
                with Threads(1):  # beside a busy program two are 20 times slower, and one is enough
                    passed = run_check(questions[name], answer, oracle_of(name), earlier=earlier)
                note(exercise, name, answer, passed)

        return check

    return check_of


def _report(name: str, wrong: Wrong) -> None:
    inputs.clear()
    inputs.update(wrong.inputs)
    again = f" Try {name}(**check.inputs)." if inputs else ""
    text = (
        f"{name} is not written yet." if wrong.mistake == NOT_WRITTEN else f"{name} is not right yet.\n{wrong}{again}"
    )
    if strict():
        raise CheckFailed(text)
    _tell("open" if wrong.mistake == NOT_WRITTEN else "wrong", text)
    if in_notebook() and wrong.draw and (picture := wrong.draw()):
        picture.show()

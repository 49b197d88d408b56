"""Verdicts: from the values of an answer to one sentence or four lines.

`judge` compares an answer with the oracle over several calls and raises `Wrong` about the first that differs; the
mistake named is a known wrong version that gives the same values over all calls, or at least at the first that differs.
`run_check` is the line under a stub: every case of a question, and what it printed.

How a new exercise joins:
1. `helpers/checks/exNN_topic/`: `QUESTIONS`, built from probes (`helpers/checks/probes/`) and cases that draw inputs
   and call `judge`; one public function per question that calls `run_check`. Hints: `exNN_topic/hints.toml`.
2. `grading/known_wrong/exNN_topic.py`: `KNOWN_WRONG = {question: {mistake: answer}}`, every mistake with a hint.
3. `grading/hidden_checks/test_exNN_topic.py`: `submission.examine(question, case)` under `@pytest.mark.points`.
4. `python -m grading release` bakes the table that the notebook's checks read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from helpers.checks.engine.compare import Form, fault, same, show
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
from helpers.checks.engine.values import Other, Raised

__all__ = [
    "Call",
    "GENERAL_HINTS",
    "NOT_WRITTEN",
    "inputs",
    "judge",
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
    "raised": "your code stopped with this error: call it yourself with small tensors and look at each line's shapes.",
    "NameError": "a name is used that is neither an argument nor defined in the cell: work with the arguments only.",
    "type": "is something returned at all, and of the kind that the docstring promises?",
    "shape": "compare the shape with the one in the docstring: which axes should be gone, which should stay?",
    "too_many": "more came than there can be, whatever the values: is something added twice, or never taken away?",
    "dtype": "keep the dtype of the input: no .float(), .double() or numbers of another dtype on the way.",
    "changed": "an argument was changed in place (`x[...] = ...`, `x += ...`, `x.sub_()`): work on a copy.",
    "no_gradient": "the value has lost its tie to the first argument: .item(), .detach(), .numpy(), torch.tensor(...) "
    "and comparisons cut it. Compute with tensors to the end.",
    "gradient": "the value is right, its gradient is not: is it NaN, or does it reach what must not count?",
}


@dataclass(frozen=True)
class Call:
    """One call of an answer: the probe's step, its inputs, and what is special about them, for the line `called`.

    `form` is what this call expects, where that differs from the other calls.
    """

    step: str
    inputs: Mapping[str, Any]
    note: str = ""
    form: Form | None = None


@dataclass
class _Found:
    """A call whose values are wrong: which part, and how."""

    index: int
    part: str
    kind: str
    got: Any
    right: Any = field(default=None)


def judge(name: str, hints: Mapping[str, str], calls: Sequence[Call], ask: Ask, oracle: Oracle, form: Form) -> None:
    """Ask every call of an answer and compare with the oracle.

    Raises:
        Wrong: about the first call whose values are wrong.
    """
    answers = [ask(call.step, **call.inputs) for call in calls]
    judged = [oracle(call.step, **call.inputs) for call in calls]
    for index, (got, (right, _)) in enumerate(zip(answers, judged, strict=True)):
        expected = calls[index].form or form
        found = _find(index, got, right, expected)
        if found:
            mistake = _mistake(found, answers, [wrong for _, wrong in judged])
            raise _wrong(name, hints, calls[index], found, expected, mistake)


def _find(index: int, got: Any, right: Any, form: Form) -> _Found | None:
    """Return the first part of a probe's values that is wrong."""
    if isinstance(got, Raised):
        return _Found(index, "value", "raised", got)
    if not isinstance(got, Mapping) or not isinstance(right, Mapping) or got.keys() != right.keys():
        return _Found(index, "value", "type", got)
    kind = fault(got["value"], right["value"], form)
    if kind:
        return _Found(index, "value", kind, got["value"], right["value"])
    if "gradient" in right:
        if not isinstance(got["gradient"], Tensor):
            return _Found(index, "gradient", "no_gradient", got["gradient"], right["gradient"])
        if not same(got["gradient"], right["gradient"]):
            return _Found(index, "gradient", "gradient", got["gradient"], right["gradient"])
    return _Found(index, "changed", "changed", got["changed"]) if got["changed"] else None


def _mistake(found: _Found, answers: Sequence[Any], wrong: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the known mistake that explains all answers, else one that explains the answer that was found wrong.

    A wrong version called "mistake.variant" shows the mistake "mistake".
    """
    here = [name for name in wrong[found.index] if _alike(answers[found.index], wrong[found.index][name])]
    everywhere = (name for name in here if all(_alike(a, w[name]) for a, w in zip(answers, wrong, strict=True)))
    name = next(everywhere, here[0] if here else None)
    return name and name.partition(".")[0]


def _alike(a: Any, b: Any) -> bool:
    """Return whether two answers agree in their values and, where they have one, their dtypes."""
    if not same(a, b):
        return False
    if isinstance(a, Mapping) and isinstance(a.get("value"), Tensor) and isinstance(b["value"], Tensor):
        return a["value"].dtype == b["value"].dtype
    return True


def _wrong(name: str, hints: Mapping[str, str], call: Call, found: _Found, form: Form, mistake: str | None) -> Wrong:
    kind = _kind_of_error(found.got) if found.kind == "raised" else found.kind
    if kind == NOT_WRITTEN:
        mistake = NOT_WRITTEN
    general = NO_KNOWN_MISTAKE if kind == "value" else GENERAL_HINTS.get(kind, GENERAL_HINTS["raised"])
    hint = hints[mistake] if mistake in hints else general
    wrong = Wrong(
        _called(name, call), _got(found), _expected(found, form), hint, mistake or (kind if kind != "value" else None)
    )
    wrong.inputs = dict(call.inputs)
    return wrong


def _kind_of_error(raised: Raised) -> str:
    if raised.type_name == "NotImplementedError":
        return NOT_WRITTEN
    return "NameError" if raised.type_name in ("NameError", "UnboundLocalError") else "raised"


def _called(name: str, call: Call) -> str:
    arguments = ", ".join(f"{key}: {_argument(value)}" for key, value in call.inputs.items())
    return f"{name}({arguments}){'; ' + call.note if call.note else ''}"


def _argument(value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"{value:g}" if isinstance(value, float) else repr(value)
    dtype = str(value.dtype).removeprefix("torch.")
    true = f", {int(value.sum())} of {value.numel()} true" if dtype == "bool" else ""
    return f"{dtype} {tuple(value.shape)}{true}"


def _got(found: _Found) -> str:
    if found.part == "gradient":
        return "the right value, but " + (
            "no gradient" if found.kind == "no_gradient" else _gradient(found.got, found.right)
        )
    return "changed its argument " + " and ".join(map(str, found.got)) if found.part == "changed" else show(found.got)


def _gradient(got: Tensor, right: Tensor) -> str:
    if not got.isfinite().all():
        return "a gradient with NaN or infinite entries"
    where = (got - right).abs().flatten().argmax() if got.shape == right.shape else None
    if where is None:
        return show(got)
    return f"a gradient of {float(got.flatten()[where]):.4g} where it should be {float(right.flatten()[where]):.4g}"


def _expected(found: _Found, form: Form) -> str:
    if found.part == "gradient":
        return f"{form.text}, with a finite gradient that only depends on what counts"
    if found.part == "changed":
        return "arguments that are left as they were"
    value = show(found.right) + ": " if found.kind in ("value", "shape", "dtype") else ""
    return value + form.text


def refuse_exception(called: str, got: Any, expected: str, hints: Mapping[str, str] | None = None) -> None:
    """Raise `Wrong` if `got` is an exception or an object that does not cross; `hints` by the mistake's name."""
    if isinstance(got, Raised):
        kind = _kind_of_error(got)
        raise Wrong(called, show(got), expected, (hints or {}).get(kind, GENERAL_HINTS[kind]), kind)
    if isinstance(got, Other):
        raise Wrong(called, show(got), expected, GENERAL_HINTS["type"], "type")


FEW = 3  # as many are judged as they are, where there should be none: two empty lists, say


def refuse_too_many(called: str, got: Any, most: int, what: str, given: Mapping[str, Any]) -> None:
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
) -> None:
    """Print the verdict on an answer: one sentence if it is right, else four lines.

    Args:
        oracle: as for the cases; None where no case asks it.
        facts: what the cases get by name.
        right: makes the sentence from what the last case returned; by default the question's sentence and any notes.
    Raises:
        CheckFailed: instead of printing a failure, under DEEP_LEARNING_LAB_STRICT=1.
    """
    notes = []
    for case_id, case in question.cases.items():
        rng = case_rng(VISIBLE_SEED, question.name, case_id)
        try:
            notes.append(case(local_ask(question, answer), rng, oracle, **(facts or {})))
        except Wrong as wrong:
            return _report(question.name, wrong)
    print(right(notes[-1]) if right else "\n  note     ".join([question.sentence, *filter(None, notes)]))


def _report(name: str, wrong: Wrong) -> None:
    inputs.clear()
    inputs.update(getattr(wrong, "inputs", {}))
    again = f" Try {name}(**check.inputs)." if inputs else ""
    text = (
        f"{name} is not written yet." if wrong.mistake == NOT_WRITTEN else f"{name} is not right yet.\n{wrong}{again}"
    )
    if strict():
        raise CheckFailed(text)
    print(text)

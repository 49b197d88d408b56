"""What an answer calls: other answers of its notebook, which may be the wrong ones, and parts of `helpers.checks`.

Nothing of it is run to find that out: it is read from the code of the answer and of whatever the notebook defines that
it calls.
"""

from __future__ import annotations

import builtins
import contextlib
import dis
import re
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from helpers.checks.engine.question import VISIBLE_SEED, Oracle, Question, Wrong, case_rng, local_ask
from helpers.checks.engine.time_limit import in_time

__all__ = ["BORROWED", "borrows", "called_answers", "earlier_fault", "unknown_names"]

CHECKS = "helpers.checks"
BORROWED = f"{CHECKS} is for checks alone, and answers are graded without it: write that part yourself."
SECONDS = 30.0  # for all cases of an earlier answer
GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")


def earlier_fault(
    name: str, answer: Any, questions: Mapping[str, Question], oracle_of: Callable[[str], Oracle]
) -> str | None:
    """Return the hint for a wrong answer that calls others which fail their own visible checks; None if it does not.

    Args:
        name: of the question that `answer` is for.
        questions: of its exercise.
        oracle_of: from a question's name to its oracle.
    """
    called = called_answers(answer, [other for other in questions if other not in (name, "model")])
    wrong = [other for other, found in called.items() if _fails(questions[other], found, oracle_of(other))]
    if not wrong:
        return None
    are = "is" if len(wrong) == 1 else "are"
    return f"{name} calls {' and '.join(wrong)}, which {are} not right yet: mend that first, then look here again."


def _fails(question: Question, answer: Any, oracle: Oracle) -> bool:
    """Return whether an answer fails a case of its visible check, or is none or never returns."""

    def passes() -> bool:
        try:
            for case_id, case in question.cases.items():
                case(local_ask(question, answer), case_rng(VISIBLE_SEED, question.name, case_id), oracle)
        except Wrong:
            return False
        return True

    return not callable(answer) or in_time(SECONDS, passes) != (True, True)


def called_answers(answer: Any, names: list[str]) -> dict[str, Any]:
    """Return, by question, the answers of these names that an answer calls, be it through other functions."""
    found: dict[str, Any] = {}
    for function in _functions(answer):
        read = {step.argval for step in _steps(function.__code__) if step.opname in GLOBAL}
        found |= {name: function.__globals__.get(name) for name in names if name in read}
        used = [*_bound(function), *(function.__globals__.get(name) for name in read)]  # under whatever name
        found |= {value.__name__: value for value in used if getattr(value, "__name__", "") in names}
    return {name: found[name] for name in names if name in found}


def borrows(answer: Any) -> bool:
    """Return whether an answer uses something of `helpers.checks` other than the check itself."""
    if _of_checks(answer):
        return True
    for function in _functions(answer):
        steps = list(_steps(function.__code__))
        imported = [step.argval for step in steps if step.opname == "IMPORT_NAME"]
        if any(_is_part(str(module)) for module in imported):
            return True
        if any(_of_checks(function.__globals__.get(step.argval)) for step in steps if step.opname in GLOBAL):
            return True
        pairs = zip(steps, steps[1:], strict=False)
        if any((a.argval, b.argval) == ("helpers", "checks") for a, b in pairs if a.opname in GLOBAL):
            return True
    return False


def unknown_names(answer: Any) -> list[str]:
    """Return the names that an answer, or what it calls of its notebook, looks up and would not find."""
    unknown: dict[str, None] = {}
    for function in _functions(answer):
        read = [step.argval for step in _steps(function.__code__) if step.opname == "LOAD_GLOBAL"]
        unknown |= {name: None for name in read if name not in function.__globals__ and not hasattr(builtins, name)}
    return list(unknown)


def _of_checks(thing: Any) -> bool:
    name = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None)
    return isinstance(name, str) and _is_part(name)


def _is_part(module: str) -> bool:
    return module.startswith(f"{CHECKS}.") and not re.fullmatch(rf"{CHECKS}\.ex\d\d_\w+", module)


def _functions(answer: Any) -> Iterator[FunctionType]:
    """Give the functions of an answer and of all that it uses of its own module: a notebook."""
    home, left, seen = getattr(answer, "__module__", None), [answer], set()
    while left:
        thing = left.pop()
        thing = getattr(thing, "__func__", thing)  # a static or a class method
        if id(thing) in seen or getattr(thing, "__module__", None) != home:
            continue
        seen.add(id(thing))
        if isinstance(thing, type):
            left += [*vars(thing).values(), *thing.__mro__[1:]]
        elif isinstance(thing, FunctionType):
            yield thing
            names = {step.argval for step in _steps(thing.__code__) if step.opname in GLOBAL}
            left += [thing.__globals__[name] for name in names if name in thing.__globals__] + _bound(thing)


def _bound(function: FunctionType) -> list[Any]:
    """Return what a function holds on to besides globals: defaults, what it wraps, and the variables around it."""
    around = []
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # nothing is in it yet
            around.append(cell.cell_contents)
    return [*around, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]


def _steps(code: CodeType) -> Iterator[dis.Instruction]:
    """Give the instructions of a function and of those within it."""
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _steps(constant)

"""Known wrong answers as tables {mistake: answer}, in which an answer that is one expression is its text.

    GIVEN = {"error": "torch.linalg.vector_norm(pred - target, dim=-1)"}
    MPJPE = {
        "ignores_visibility": "error.mean()",
        "sum_of_errors": "error[visible].sum()",
        "changes_its_arguments": changes_its_arguments,  # what needs statements is a function
    }
    KNOWN_WRONG = {"mpjpe": answers("pred, target, visible", MPJPE, globals(), GIVEN)}

A text may use the parameters, the names of its module, and what is given; of that, only what it needs is computed.

The order is that of explanations: where several mistakes explain a submission, the first is named. Several answers may
make one mistake: its name is what stands before the dot.
"""

from __future__ import annotations

import inspect
import symtable
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["answers", "networks"]

Names = dict[str, Any]  # the globals of a module
Given = Mapping[str, str]  # {names: text}, each in terms of those before it
Rows = Mapping[str, "str | Callable[..., Any]"]
NOTHING: Given = {}


def answers(parameters: str, rows: Rows, names: Names, given: Given = NOTHING) -> dict[str, Any]:
    """Return the answers of a table, each text as a function of the parameters."""
    made: dict[str, Any] = {}
    for mistake, row in rows.items():
        lines = [] if callable(row) else _definition(_identifier(mistake), parameters, row, given)
        made[mistake] = row if callable(row) else _made(mistake, lines, names)
    return made


def networks(
    base: type, rows: Mapping[str, Mapping[str, str] | Callable[..., Any]], names: Names, given: Given = NOTHING
) -> dict[str, Any]:
    """Return the networks of a table: a row {method: text} is the base class but for these methods."""
    made: dict[str, Any] = {}
    for mistake, row in rows.items():
        lines = [f"class {_identifier(mistake)}({base.__name__}):"]
        for method, text in {} if callable(row) else row.items():
            parameters = ", ".join(inspect.signature(getattr(base, method)).parameters)
            lines += [f"    {line}" for line in _definition(method, parameters, text, given)]
        made[mistake] = row if callable(row) else _made(mistake, lines, names)
    return made


def _identifier(mistake: str) -> str:
    return mistake.replace(".", "__")


def _definition(name: str, parameters: str, text: str, given: Given) -> list[str]:
    """Return the lines of a function that computes what its text needs of what is given, then the text."""
    lines, needed = [f"    return {text}"], set(_names_in(text))
    for targets, value in reversed(given.items()):
        if not needed.isdisjoint(_names_in(targets)):
            lines.insert(0, f"    {targets} = {value}")
            needed.update(_names_in(value))
    return [f"def {name}({parameters}):", *lines]


def _names_in(text: str) -> Iterator[str]:
    """Give the names that an expression looks up outside itself: not those of its own lambdas and comprehensions."""
    tables = [symtable.symtable(f"({text})", "<table>", "eval")]
    for table in tables:
        tables += table.get_children()
        yield from (name.get_name() for name in table.get_symbols() if name.is_global())


def _made(mistake: str, lines: list[str], names: Names) -> Any:
    """Return what lines of code define in a module.

    A traceback tells module and mistake, without the <> by which checks know a cell of a notebook.
    """
    made: Names = {}
    exec(compile("\n".join(lines), f"{names['__name__']}: {mistake}", "exec"), names, made)
    return made.popitem()[1]

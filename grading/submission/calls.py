"""Which answers a notebook's answers call: found from the code, none of which runs for it."""

from __future__ import annotations

import ast
import symtable
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from helpers.checks.engine.code import NO_PYTHON, plain_python

__all__ = ["bound_names", "called_answers", "reached_names"]


def called_answers(cells: Iterable[tuple[str, str]], answers: Mapping[str, str]) -> dict[str, set[str]]:
    """Return, by question, the other questions whose answers its own may call, be it through functions of any cell.

    A name counts wherever it is read, called or not: whether it is called may depend on the inputs. One that the
    answer's own cell defines is nobody else's.

    Args:
        cells: name and source of each code cell.
        answers: by question, the name that its cell defines.
    """
    definitions = [(cell, list(_definitions(source))) for cell, source in cells]
    defined = {cell: {name for name, _ in found} for cell, found in definitions}
    reached = _reached_by(definitions)
    question_of = {name: question for question, name in answers.items()}
    return {
        question: {
            question_of[name]
            for name in reached.get(question, ())
            if name in question_of and question_of[name] != question and name not in defined.get(question, ())
        }
        for question in answers
    }


def reached_names(cells: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Return, by cell, the names that its code reads, and all that their definitions in any cell lead to."""
    return _reached_by([(cell, list(_definitions(source))) for cell, source in cells])


def _reached_by(definitions: list[tuple[str, list[tuple[str, set[str]]]]]) -> dict[str, set[str]]:
    """Return the same, from what each cell defines."""
    needs: dict[str, set[str]] = defaultdict(set)  # of a name, the names in its definitions
    used: dict[str, set[str]] = {}
    for cell, found in definitions:
        for name, names in found:
            needs[name] |= names
        used[cell] = set().union(*(names for _, names in found))
    return {cell: _reached(names, needs) for cell, names in used.items()}


def _reached(names: set[str], needs: Mapping[str, set[str]]) -> set[str]:
    """Return these names and all that their definitions lead to."""
    reached, left = set(names), set(names)
    while left:
        further = set().union(*(needs.get(name, set()) for name in left)) - reached
        reached, left = reached | further, further
    return reached


def _definitions(source: str) -> Iterator[tuple[str, set[str]]]:
    """Give each name that a cell's top level defines with the names that its statement reads; "" for no name."""
    try:
        statements = [ast.unparse(statement) for statement in ast.parse(plain_python(source)).body]
        for statement in statements:
            bound, read = _names(statement)
            for name in bound or {""}:
                yield name, read
    except NO_PYTHON:  # a cell that does not run calls nothing
        return


def _names(statement: str) -> tuple[set[str], set[str]]:
    """Return the names that a statement binds and those that it reads; what is local to a function is neither."""
    tables = [symtable.symtable(statement, "<cell>", "exec")]
    top = tables[0].get_symbols()
    bound = {name.get_name() for name in top if name.is_assigned() or name.is_imported() or name.is_namespace()}
    read = {name.get_name() for name in top if name.is_referenced()}
    for table in tables:
        tables += table.get_children()
        read |= {name.get_name() for name in table.get_symbols() if name.is_global() and table is not tables[0]}
    return bound, read


def bound_names(statement: str) -> set[str]:
    """Return the names that a statement defines or imports for the rest of the notebook."""
    return _names(statement)[0]

"""What a question failed for that lies beside its answer, said first in its hint.

The checks see that a network has no weights or that a name is missing. Why, only the reader of the folder knows, or who
compares the code with what there is in grading: no modules of the student's own, the course's packages, one Python.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grading.isolation.session import Cell
from grading.report import QuestionReport
from grading.submission.calls import bound_names, reached_names
from grading.submission.read import Submission
from grading.submission.roles import DEFINED
from helpers.checks.engine.code import NO_PYTHON, plain_python
from helpers.files import ROOT

__all__ = ["say_what_lay_beside"]

NO_WEIGHTS = "no_weights"  # the mistake's name, of every exercise
PYTHON = "Python " + ".".join(platform.python_version_tuple()[:2])
# Within one line: what looks beyond it takes hours for lines that are empty.
RUN = re.compile(r"^[^\S\n]*%run[^\S\n]+(?:-\w+[^\S\n]+)*[\"']?([^\s\"']+)", re.MULTILINE)
IMPORT = re.compile(r"^[^\S\n]*import (\w+)[^\S\n]*$", re.MULTILINE)
OWN = "`{}` lies beside the notebook, and own modules are not graded: put its code into the cell that needs it."
UNKNOWN = (
    "`{}` is not there in grading, which has the course's packages alone: do without it, or, if it is a file of your "
    "own, put its code into the cell that needs it."
)
ANY = "*"  # names that nobody knows


@dataclass(frozen=True)
class _Absent:
    """What is not there in grading: the cell that asks for it, the names that it defines so, and what is to be said."""

    cell: str
    names: frozenset[str]
    sentence: str


def say_what_lay_beside(
    questions: dict[str, QuestionReport], submission: Submission, cells: Sequence[Cell] = ()
) -> None:
    """Put before the hints of `questions` what lay beside the notebook, or is not there, and made them fail."""
    failed = {name: one for name, one in questions.items() if one.verdict not in ("passed", "not written")}
    for question in failed.values():
        if question.mistake == NO_WEIGHTS and submission.weights is None and submission.weights_found:
            question.hint = submission.weights_found
    if not failed:
        return
    code = [cell for cell in cells if cell.mode not in ("check", "stand-in")]
    trees = [_tree(cell.source) for cell in code]
    imported = frozenset(IMPORT.findall("\n".join(cell.source for cell in code))).difference(*map(_rebound, trees))
    looking = _Looking(submission.modules, imported)
    absent = [found for cell, tree in zip(code, trees, strict=True) for found in looking.absent(cell, tree)]
    if not absent:
        return
    reached = reached_names((cell.name, cell.source) for cell in code)
    for name, question in failed.items():
        needed = reached.get(name, set())
        said = [one.sentence for one in absent if one.cell == name or ANY in one.names or one.names & needed]
        hint = question.hint[:1].upper() + question.hint[1:] if said else question.hint
        question.hint = " ".join([*dict.fromkeys(said), hint]).strip()


@dataclass(frozen=True)
class _Looking:
    """Looks for what is not there: `own` are the student's own modules, `imported` what a cell imports by its name."""

    own: frozenset[str]
    imported: frozenset[str]

    def absent(self, cell: Cell, tree: ast.Module | Exception) -> Iterator[_Absent]:
        """Give what a cell asks for that is not there in grading."""
        if isinstance(tree, Exception):
            line = f"line {tree.lineno}" if isinstance(tree, SyntaxError) else "a line"
            sentence = f"The cell is no {PYTHON}, by which it is graded, in {line}: is it newer syntax, or a slip?"
            yield _Absent(cell.name, frozenset(DEFINED.findall(cell.source)), sentence)
            return
        for path in RUN.findall(cell.source):
            sentence = f"`%run {path}` does nothing in grading: put that code into a cell."
            yield _Absent(cell.name, frozenset([ANY]), sentence)
        for statement in tree.body:
            sentences = [text for node in ast.walk(statement) for text in self._said_of(node) if text]
            if sentences:
                names = _bound(statement, cell.source)
                yield from (_Absent(cell.name, names, sentence) for sentence in sentences)

    def _said_of(self, node: ast.AST) -> Iterator[str]:
        """Give what is to be said of an import, or of what is taken from a module; "" where all is there."""
        if isinstance(node, ast.Import):
            yield from (self._missing(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.module:  # from . import own
            yield from (OWN.format(alias.name) for alias in node.names if alias.name in self.own)
        elif isinstance(node, ast.ImportFrom):
            missing = self._missing(node.module or "")
            yield missing
            yield from ("" if missing else _newer(node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self.imported:
            yield _newer(node.value.id, node.attr)

    def _missing(self, module: str) -> str:
        """Return what is to be said of a module that cannot be imported in grading, "" of any other."""
        top = module.partition(".")[0]
        return "" if _is_there(top) else (OWN if top in self.own else UNKNOWN).format(top)


def _is_there(top: str) -> bool:
    """Return whether a module can be imported in grading: folders of the course, `tools` say, are some to us alone."""
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return True
    if found is None or top == "helpers":
        return found is not None
    place = next(iter(found.submodule_search_locations or ()), found.origin or "")
    return os.path.dirname(place) != str(ROOT)


def _bound(statement: ast.stmt, source: str) -> frozenset[str]:
    """Return the names that a statement binds, of one that binds none any name."""
    try:
        return frozenset(bound_names(ast.unparse(statement)) or [ANY])
    except NO_PYTHON:  # parsed, but no Python: a late `global`, say
        return frozenset(DEFINED.findall(source))


def _tree(source: str) -> ast.Module | Exception:
    """Return the code of a cell, or why it is no Python."""
    try:
        return ast.parse(plain_python(source))
    except NO_PYTHON as error:
        return error


def _rebound(tree: ast.Module | Exception) -> Iterator[str]:
    """Give the names that code assigns or takes as parameters: what is called so is no module everywhere."""
    for node in ast.walk(tree) if isinstance(tree, ast.Module) else ():
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _newer(module: str, name: str) -> str:
    """Return what is to be said of a name that a module of Python's own lacks here, "" of any other."""
    found = sys.modules.get(module) if module.partition(".")[0] in sys.stdlib_module_names else None
    if found is None or name == ANY or hasattr(found, name):
        return ""
    return f"`{module}.{name}` is not in {PYTHON}, by which it is graded."

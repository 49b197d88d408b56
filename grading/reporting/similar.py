"""Answers that are equal, or equal but for names, comments and layout; and all answers as files, for JPlag.

A hash of the code's form is compared, and of weights their contents. What is short, as released, or what many wrote is
no sign of anything. Nobody is accused: a page names who should be asked.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from grading.entries.withdrawn import withdrawn
from grading.errors import GradingError
from grading.submission.roles import is_answer, nbgrader_of, trimmed
from helpers.checks.engine.code import NO_PYTHON, plain_python

__all__ = ["Alike", "alike", "answers_of", "form_of", "pairs", "write_answers"]

SHORT = 60  # parts of a syntax tree: below, two people write the same
COMMON, MANY = 0.2, 5  # what a fifth of the class wrote, and more than these few, is the usual answer
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.arg)
NOTHING = {"annotation", "returns", "type_comment", "ctx", "kind", "simple", "type_ignores"}  # of a part of the code
MAGICS, LONG = 50, 100_000  # signs and characters; of more IPython makes Python in minutes, if at all
WEIGHTS = "weights"  # the name under which they are compared


@dataclass(frozen=True)
class Alike:
    """Students whose answers to one question are alike: `equal` to the letter, or but for names and comments."""

    exercise: str
    question: str
    students: tuple[str, ...]
    equal: bool
    common: bool = False


def answers_of(notebook: Path) -> dict[str, str]:
    """Return the code of all answers in a graded or released notebook by name; of one that cannot be read, none."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return {nbgrader_of(cell)["grade_id"]: "".join(cell["source"]) for cell in cells if is_answer(cell)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def alike(
    exercise: str, answers: Mapping[str, Mapping[str, str]], released: Mapping[str, str], weights: Mapping[str, str]
) -> list[Alike]:
    """Return who answers alike, question by question.

    Args:
        exercise: its key.
        answers: code by student and question.
        released: code that all of them were given, by question.
        weights: a hash of each student's weights.
    """
    found = []
    for question, stub in released.items():
        given = form_of(stub)
        forms = {student: form for student, own in answers.items() if (form := form_of(own.get(question, ""), SHORT))}
        for students in _groups({student: form for student, form in forms.items() if form != given}):
            texts = {trimmed(answers[student][question]) for student in students}
            found.append(Alike(exercise, question, students, len(texts) == 1, _is_common(students, answers)))
    found += [Alike(exercise, WEIGHTS, students, True) for students in _groups(weights)]
    return sorted(found, key=lambda one: (one.common, one.question != WEIGHTS, len(one.students), one.students))


def pairs(found: Iterable[Alike]) -> list[tuple[tuple[str, str], list[str]]]:
    """Return pairs of students with what they have in common, if it is more than one answer, the most first."""
    shared: dict[tuple[str, str], list[str]] = {}
    for one in found:
        if not one.common:
            for pair in combinations(one.students, 2):
                shared.setdefault(pair, []).append(f"{one.exercise}: {one.question}")
    return sorted(((pair, what) for pair, what in shared.items() if len(what) > 1), key=lambda one: -len(one[1]))


def form_of(source: str, least: int = 0) -> str | None:
    """Return a hash of the form of code: the same whatever own names, comments, docstrings, annotations and layout.

    None where it is no Python, or has fewer than `least` parts.

    Example: "def f(x): return x + 1" and "def g(a):\n    # one more\n    return (a + 1)" have the same form.
    """
    try:
        tree = _parsed(source)
        form = _Form(tree)
    except NO_PYTHON:
        return None
    return None if form.parts < least else hashlib.sha256(form.text.encode("utf-8", "replace")).hexdigest()


def _parsed(source: str) -> ast.Module:
    return ast.parse(_plain(source))


def _plain(source: str) -> str:
    """Return code as Python, without magics, which take their time: whoever writes thousands must not stop a page."""
    try:
        ast.parse(source)
    except SyntaxError:
        if len(source) > LONG or sum(map(source.count, "%!?")) > MAGICS:
            raise
        source = plain_python(source)
        ast.parse(source)
    return source


class _Form:
    """What is left of code when own names are numbers, in the order of a top-level statement, and what does nothing is
    dropped: `text`, of so many `parts`.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.own: set[str] = set()
        self._bind(tree)
        self.words: list[str] = []
        self.parts = 0
        for statement in tree.body:
            self.numbers: dict[str, str] = {}
            self._say([statement])

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def _bind(self, node: Any) -> None:
        """Note the names that the code binds itself."""
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                self.own.add(node.id)
        elif isinstance(node, list):
            for one in node:
                self._bind(one)
        elif isinstance(node, ast.AST):
            if isinstance(node, NAMED):
                self.own.add(node.arg if isinstance(node, ast.arg) else node.name)
            for part in node._fields:
                self._bind(getattr(node, part))

    def _say(self, node: Any) -> None:
        if isinstance(node, list):
            self.words.append("[")
            for one in node:
                if not _says_nothing(one):
                    self._say(one)
            self.words.append("]")
        elif isinstance(node, ast.AST):
            self.parts += 1
            self.words.append("Assign" if isinstance(node, ast.AnnAssign) else type(node).__name__)
            for part in node._fields:
                if part not in NOTHING:
                    self._say_part(node, part)
        else:
            self.words.append(repr(node))

    def _say_part(self, node: ast.AST, part: str) -> None:
        value = getattr(node, part)
        if part in ("id", "arg", "name") and value in self.own and not isinstance(node, ast.keyword):
            self.words.append(self._number(value))
        elif part == "attr" and isinstance(node.value, ast.Name) and node.value.id == "self":  # type: ignore[attr-defined]
            self.words.append(self._number(f".{value}"))
        else:
            self._say([value] if part == "target" and isinstance(node, ast.AnnAssign) else value)

    def _number(self, name: str) -> str:
        return self.numbers.setdefault(name, f"#{len(self.numbers)}")


def _says_nothing(node: Any) -> bool:
    """Return whether a statement is a docstring, a text that stands for a comment, or `pass`."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _groups(keys: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the students who share a key, in groups of two and more."""
    groups: dict[str, list[str]] = {}
    for student in sorted(keys):
        groups.setdefault(keys[student], []).append(student)
    return [tuple(students) for students in groups.values() if len(students) > 1]


def _is_common(students: tuple[str, ...], answers: Mapping[str, object]) -> bool:
    return len(students) > max(MANY, COMMON * len(answers))


def write_answers(course: Path, exercise: str, to: Path) -> str:
    """Write the answers of all students who have not left, and what they were given; return how to compare them.

    JPlag's layout: a folder for each student in `to`/submissions, and the common code in `to`/base.

    Raises:
        GradingError: `to` is there already, or nobody is graded.
    """
    left, graded = withdrawn(course), course / "grading" / "autograded"
    found = sorted(graded.glob(f"*/{exercise}/{exercise}.ipynb"), key=os.fsencode)
    notebooks = [path for path in found if path.parts[-3] not in left]
    if not notebooks:
        raise GradingError(f"nothing is graded in {graded} of {exercise}: run nbgrader autograde {exercise} first")
    if to.exists():
        raise GradingError(f"{to} is there already: name a folder that is not, for JPlag compares whatever lies in it")
    names = _file_names([path.parts[-3] for path in notebooks])
    for path in notebooks:
        _write_code(to / "submissions" / names[path.parts[-3]] / f"{exercise}.py", answers_of(path))
    _write_code(to / "base" / f"{exercise}.py", answers_of(course / "exercises" / exercise / f"{exercise}.ipynb"))
    jplag = f"java -jar jplag.jar -l python3 -bc {to / 'base'} {to / 'submissions'}"
    return f"{len(notebooks)} students in {to / 'submissions'}. Compare them with JPlag: {jplag}"


def _file_names(students: Iterable[str]) -> dict[str, str]:
    """Return a name for the folder of each student, of signs that any system takes, and no two alike."""
    found = {}
    for student in students:
        plain = re.sub(r"[^\w.-]", "_", student, flags=re.ASCII).strip(".-")[:60] or "_"
        found[student] = plain
    times = Counter(name.casefold() for name in found.values())
    return {
        student: name
        if times[name.casefold()] == 1
        else f"{name}~{hashlib.sha256(os.fsencode(student)).hexdigest()[:8]}"
        for student, name in found.items()
    }


def _write_code(path: Path, answers: Mapping[str, str]) -> None:
    """Write answers one below the other, as Python; one that is none stays as it is, behind signs of a comment."""
    path.parent.mkdir(parents=True)
    parts = []
    for name, source in answers.items():
        try:
            code = _plain(source)
        except NO_PYTHON:
            code = "\n".join(f"# {line}" for line in source.splitlines())
        parts.append(f"# {name}\n{code.rstrip()}\n")
    path.write_text("\n\n".join(parts), encoding="utf-8", errors="replace")

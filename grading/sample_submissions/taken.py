"""Source text that sample students hand in: right answers in another style, and known mistakes."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterable
from typing import Any

__all__ = ["defined", "mistakes", "needed_by", "right", "used"]

SETUP = {"F", "annotations", "helpers", "math", "nn", "np", "torch"}  # what every notebook imports


def right(module: str, **styles: str) -> dict[str, str]:
    """Return the right answers of these styles from a module of `grading/right_variants`, by question."""
    variants = importlib.import_module(f"grading.right_variants.{module}").RIGHT_VARIANTS
    return {question: _in_full(variants[question][style], question) for question, style in styles.items()}


def mistakes(exercise: str, **made: str) -> dict[str, str]:
    """Return the known wrong answers to an exercise that make these mistakes, by question."""
    wrong = importlib.import_module(f"grading.known_wrong.{exercise}").KNOWN_WRONG
    return {question: _in_full(wrong[question][mistake], question) for question, mistake in made.items()}


def _in_full(answer: Any, question: str) -> str:
    """Return the source of an answer under its question's name, below what it needs of its module."""
    own = answer.source if "source" in vars(answer) else inspect.getsource(answer)
    module = inspect.getsource(sys.modules[answer.__module__])
    statements = [(statement, module) for statement in ast.parse(module).body if not defined(statement) <= SETUP]
    above = needed_by(used(ast.parse(own).body[0]), statements)
    return "\n\n\n".join([*above, re.sub(r"^(def|class) \w+", rf"\1 {question}", own.strip())])


def needed_by(names: set[str], statements: Iterable[tuple[ast.stmt, str]]) -> list[str]:
    """Return the statements that define these names, or what these need; each comes with the text that it stands in."""
    found: list[str] = []
    for statement, text in reversed([*statements]):
        if names & defined(statement):
            names = names - defined(statement) | used(statement)
            found.insert(0, ast.get_source_segment(text, statement) or "")
    return found


def defined(statement: ast.stmt) -> set[str]:
    """Return the names that a statement gives to a function, a class, a module or values."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    return _names(statement, ast.Store)


def used(statement: ast.stmt) -> set[str]:
    """Return the names that a statement takes from those before it: all but its own arguments and variables."""
    own = {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        own |= _names(statement, ast.Store)
    return _names(statement, ast.Load) - own


def _names(statement: ast.stmt, context: type[ast.expr_context]) -> set[str]:
    nodes = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in nodes if isinstance(node.ctx, context)}

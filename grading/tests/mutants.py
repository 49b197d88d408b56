"""Automatic mutants of a piece of Python: every way to make one small mistake in it.

`mutants(source)` gives `(change, source)` pairs; `change` reads "line: before -> after", the line that of the source.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator

__all__ = ["mutants"]

OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult,
    ast.LtE: ast.Lt, ast.Lt: ast.LtE, ast.GtE: ast.Gt, ast.Gt: ast.GtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
REVERSED = {ast.LtE: ast.GtE, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.Gt: ast.Lt}
RENAMED = {
    "sum": ["mean", "amax"], "mean": ["sum", "amax", "median"], "square": ["abs"], "abs": ["square"],
    "sqrt": ["square"],
    "max": ["min"], "min": ["max"], "Flatten": ["Identity"], "ReLU": ["Sigmoid"],
}  # fmt: skip

Replacement = Callable[[ast.AST], Iterator[ast.AST]]


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Give every mutant of the functions in `source`, each with one change."""
    tree = _without_docstrings(ast.parse(source))
    places = _places(tree)
    for node in ast.walk(tree):
        for replacement in _replacements(node, tree):
            line = getattr(node, "lineno", 0)
            before = ast.unparse(node).splitlines()[0]
            after = ast.unparse(replacement).splitlines()[0]
            put = places[node]
            put(replacement)
            mutant = ast.unparse(tree)
            put(node)
            yield f"{line}: {before} -> {after}", mutant


def _places(tree: ast.Module) -> dict[ast.AST, Callable[[ast.AST], None]]:
    """Return for every node the function that puts another one into its place."""
    places: dict[ast.AST, Callable[[ast.AST], None]] = {}
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, list):
                places.update(
                    (item, functools.partial(value.__setitem__, index))
                    for index, item in enumerate(value)
                    if isinstance(item, ast.AST)
                )
            elif isinstance(value, ast.AST):
                places[value] = functools.partial(setattr, parent, name)
    return places


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _replacements(node: ast.AST, tree: ast.Module) -> Iterator[ast.AST]:
    """Give what may stand in a node's place."""
    if isinstance(node, ast.BinOp):
        yield from _with(node, "op", OPERATORS)
        yield node.left
        yield node.right
    elif isinstance(node, ast.Compare):
        for table in (OPERATORS, REVERSED):
            if type(node.ops[0]) in table:
                yield ast.Compare(node.left, [table[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node)
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value
        yield ast.Subscript(node.value, ast.UnaryOp(ast.Invert(), node.slice), node.ctx)
    elif isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == 2:
        yield type(node)(node.elts[::-1], node.ctx)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from (ast.Name(other, node.ctx) for other in _other_arguments(node, tree))
    elif isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign)):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))


def _with(node: ast.BinOp, name: str, table: dict) -> Iterator[ast.AST]:
    if type(node.op) in table:
        yield ast.BinOp(node.left, table[type(node.op)](), node.right)


def _other_constants(node: ast.Constant) -> Iterator[ast.AST]:
    if type(node.value) is bool:
        yield ast.Constant(not node.value)
    elif type(node.value) is int:
        yield from (ast.Constant(value) for value in (node.value + 1, node.value - 1))
    elif type(node.value) is float:
        yield from (ast.Constant(value) for value in (node.value + 1, -node.value))


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    """Drop a method call, an argument or a keyword; swap two arguments; call a relative."""
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        yield node.func.value
    for index in range(len(node.args)):
        yield ast.Call(node.func, node.args[:index] + node.args[index + 1 :], node.keywords)
    for index in range(len(node.args) - 1):
        swapped = [*node.args[:index], node.args[index + 1], node.args[index], *node.args[index + 2 :]]
        yield ast.Call(node.func, swapped, node.keywords)
    for index in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:index] + node.keywords[index + 1 :])
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for other in RENAMED.get(name, []):
        renamed = ast.Attribute(node.func.value, other, ast.Load()) if isinstance(node.func, ast.Attribute) else None
        yield ast.Call(renamed or ast.Name(other, ast.Load()), node.args, node.keywords)


def _is_module(node: ast.AST) -> bool:
    """Return whether `node` is a module or `super()`, without which a call is another thing altogether."""
    return (isinstance(node, ast.Name) and node.id in ("torch", "nn", "F", "np", "math")) or (
        isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super"
    )


def _other_arguments(node: ast.Name, tree: ast.Module) -> list[str]:
    """Return the other arguments of the function that a name stands in, if it is itself one."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and any(child is node for child in ast.walk(function)):
            names = [argument.arg for argument in function.args.args if argument.arg != "self"]
            if node.id in names:
                return [name for name in names if name != node.id]
    return []

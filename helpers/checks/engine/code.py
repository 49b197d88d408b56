"""The code of a cell: as plain Python, and which statements only define something."""

from __future__ import annotations

import ast
import re

__all__ = ["NO_PYTHON", "definitions", "plain_python"]

# What Python and IPython raise of code that they cannot read: nested too deeply, say, or of hundreds of magics.
NO_PYTHON = (SyntaxError, ValueError, RuntimeError, MemoryError)

# fmt: off
SIMPLE = (  # what takes no time, whatever is in it
    ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.BinOp,
    ast.Subscript, ast.Slice, ast.Compare, ast.BoolOp, ast.IfExp, ast.Starred, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.JoinedStr, ast.FormattedValue, ast.keyword, ast.expr_context,
    ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
)
SIMPLE_CALLS = {
    "len", "range", "list", "dict", "tuple", "set", "float", "int", "bool", "str", "min", "max", "sum", "sorted",
}
# fmt: on
SIMPLE_MODULES = {"torch", "np", "numpy", "math", "nn"}
NOT_SIMPLE = {"load", "save", "hub", "fromfile", "loadtxt", "genfromtxt", "compile", "memmap"}
PASSED_ON = ("%%time", "%%timeit", "%%capture", "%%prun")  # cell magics whose body is the student's code


def plain_python(source: str) -> str:
    """Return a cell's source with its magics and shell lines turned into calls on the shell that is not there."""
    from IPython.core.inputtransformer2 import TransformerManager

    source = source.replace("\r\n", "\n").replace("\r", "\n")
    found = re.match(r"(?:[^\S\n]*\n)*", source)
    assert found is not None  # it matches nothing at all, too
    blank = found.group()
    body = source[len(blank) :]
    first, _, rest = body.partition("\n")
    if first.split(" ")[0] in PASSED_ON:
        body = "pass\n" + rest
    manager = TransformerManager()  # type: ignore[no-untyped-call]  # IPython has no types here
    return "\n" * blank.count("\n") + manager.transform_cell(body)


def definitions(statement: ast.stmt) -> bool:
    """Return whether a statement only defines: import, def, class, a simple assignment, or such in an if or try."""
    if isinstance(
        statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)
    ):
        return True
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return statement.value is None or _simple(statement.value)
    if isinstance(statement, ast.If):
        return _simple(statement.test) and all(map(definitions, statement.body + statement.orelse))
    if isinstance(statement, ast.Try):
        handled = [inner for handler in statement.handlers for inner in handler.body]
        return all(map(definitions, statement.body + handled + statement.orelse + statement.finalbody))
    return False


def _simple(node: ast.AST) -> bool:
    """Return whether an expression takes no time: constants, names, lambdas, calls such as torch.device."""
    if isinstance(node, ast.Lambda):
        return True
    if isinstance(node, ast.Call):
        parts = ast.unparse(node.func).split(".") if isinstance(node.func, (ast.Name, ast.Attribute)) else [""]
        cheap = (len(parts) == 1 and parts[0] in SIMPLE_CALLS) or (
            parts[0] in SIMPLE_MODULES and not NOT_SIMPLE & set(parts)
        )
        return cheap and all(map(_simple, [*node.args, *node.keywords]))
    return isinstance(node, SIMPLE) and all(map(_simple, ast.iter_child_nodes(node)))

"""The code of a cell: as plain Python, which statements only define something, and whether it is still a stub."""

from __future__ import annotations
import __future__

import ast
import re
import warnings
from typing import Any

__all__ = ["DEFINED", "NO_PYTHON", "NoShell", "definitions", "future_flags", "parsed", "plain_python", "unanswered"]

# The functions and classes of a cell; a name within one is indented.
DEFINED = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)

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


class NoShell:
    """What `get_ipython()` returns where cells run without a kernel: it takes every call and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return NoShell()

    def __call__(self, *arguments: Any, **options: Any) -> None:
        return None


def parsed(source: str, name: str) -> tuple[str, list[ast.stmt]]:
    """Return a cell's source as plain Python and its statements; `name` stands for a file in messages.

    Raises one of NO_PYTHON where Python cannot read it.
    """
    text = plain_python(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return text, ast.parse(text, name).body


def future_flags(statement: ast.stmt) -> int:
    """Return the compiler flags of `from __future__ import ...`, which hold for the rest of a notebook; else 0, also
    for a feature that there is not: compiling it raises."""
    if not isinstance(statement, ast.ImportFrom) or statement.module != "__future__":
        return 0
    features = (getattr(__future__, alias.name, None) for alias in statement.names)
    return sum(getattr(feature, "compiler_flag", 0) for feature in features)


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


def unanswered(source: str) -> bool:
    """Return whether a function of the cell still ends in the stub's `raise NotImplementedError(...)`."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    # behind a return it is never reached
    last = (one.body[-1] for one in functions if not any(isinstance(line, ast.Return) for line in one.body))
    return any("NotImplementedError" in ast.dump(line) for line in last if isinstance(line, ast.Raise))

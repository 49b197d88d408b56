"""Running a notebook's cells as plain Python beside the student: statement by statement, without a kernel.

An error stays with its statement and the rest goes on, as in a notebook that is run by hand. Magics and shell lines do
nothing. Of a cell that is only there to define things, imports, definitions and simple assignments run and the rest is
skipped.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import linecache
import os
import sys
import types
import warnings
from io import TextIOBase
from typing import Any

__all__ = ["CappedOutput", "Notebook", "definitions", "run_gently_without_gpu"]

SIMPLE = (
    ast.Constant,
    ast.Name,
    ast.Attribute,
    ast.Tuple,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.UnaryOp,
    ast.BinOp,
    ast.Subscript,
    ast.Slice,
    ast.Compare,
    ast.BoolOp,
    ast.IfExp,
    ast.Starred,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.keyword,
    ast.expr_context,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
)
SIMPLE_CALLS = {
    "len",
    "range",
    "list",
    "dict",
    "tuple",
    "set",
    "float",
    "int",
    "bool",
    "str",
    "min",
    "max",
    "sum",
    "sorted",
}
SIMPLE_MODULES = {"torch", "np", "numpy", "math", "nn"}
NOT_SIMPLE = {"load", "save", "hub", "fromfile", "loadtxt", "genfromtxt", "compile", "memmap"}
PASSED_ON = ("%%time", "%%timeit", "%%capture", "%%prun")  # cell magics whose body is the student's code


class CappedOutput(TextIOBase):
    """Text output that goes to a file descriptor until `limit` bytes are written, and nowhere from then on."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self.descriptor, self.left = descriptor, limit

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        data = text.encode("utf-8", "replace")[: self.left]
        self.left -= len(data)
        if data:
            os.write(self.descriptor, data)
        return len(text)


class _NoShell:
    """What `get_ipython()` returns: it accepts every call and attribute and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _NoShell()

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        return None


class Notebook:
    """The names that the cells of one notebook define, in a module that calls itself `__main__`.

    `answers[cell]` holds the names as they were right after that cell ran, for cells that are run as answers.
    """

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        self.names = self.module.__dict__
        self.names["get_ipython"] = _NoShell
        self.names["display"] = lambda *objects, **options: None
        self.answers: dict[str, dict[str, Any]] = {}
        self.flags = 0  # of `from __future__ import ...`, which hold for the rest of the notebook
        sys.modules["__main__"] = self.module
        builtins.input = lambda prompt="": ""

    def run(self, cell: str, source: str, mode: str) -> list[dict[str, Any]]:
        """Run one cell and return its errors as {"type", "message", "line"}; `mode` is "full" or "definitions"."""
        name = f"<{cell}>"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                text = plain_python(source)
                statements = ast.parse(text, name).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return [_described(error, name)]
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)  # for inspect.getsource
        if mode == "definitions":
            statements = [statement for statement in statements if definitions(statement)]
        before = dict(self.names)
        errors = [error for statement in statements if (error := self._run_statement(statement, name))]
        self.answers[cell] = {key: value for key, value in self.names.items() if before.get(key, self) is not value}
        return errors

    def _run_statement(self, statement: ast.stmt, name: str) -> dict[str, Any] | None:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            self.flags |= sum(getattr(__future__, alias.name).compiler_flag for alias in statement.names)
        try:
            exec(compile(ast.Module([statement], []), name, "exec", self.flags, dont_inherit=True), self.names)
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: the next statement has its chance
            return _described(error, name)
        return None

    def answer(self, cell: str, name: str, untouched: bool) -> Any:
        """Return what `name` is: as its own cell left it, or as the notebook did where that cell is untouched or lacks
        it.

        Raises:
            KeyError: if no cell defines it.
        """
        own = self.answers.get(cell, {})
        return own[name] if name in own and not untouched else self.names[name]


def plain_python(source: str) -> str:
    """Return a cell's source with its magics and shell lines turned into calls on the shell that is not there."""
    from IPython.core.inputtransformer2 import TransformerManager

    source = source.replace("\r\n", "\n").replace("\r", "\n")
    body = source.lstrip("\n")
    first, _, rest = body.partition("\n")
    if first.split(" ")[0] in PASSED_ON:
        body = "pass\n" + rest
    return "\n" * (len(source) - len(source.lstrip("\n"))) + TransformerManager().transform_cell(body)


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


def _described(error: BaseException, name: str) -> dict[str, Any]:
    """Return an error as plain data with the line of the cell that it came from, 0 where unknown."""
    line = error.lineno or 0 if isinstance(error, SyntaxError) else 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    message = error.msg if isinstance(error, SyntaxError) else _text(error)
    return {"type": type(error).__name__[:100], "message": str(message)[:500], "line": int(line)}


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # an exception class of the student's own may do anything here
        return ""


def run_gently_without_gpu() -> None:
    """Let `.cuda()` and `.to("cuda")` stay on the CPU: code written for a GPU is judged for what it computes."""
    import torch

    if torch.cuda.is_available():
        return

    def here(value: Any) -> Any:
        return "cpu" if str(value).startswith("cuda") and isinstance(value, (str, torch.device)) else value

    def gentle(method: Any) -> Any:
        def to(self: Any, *args: Any, **kwargs: Any) -> Any:
            return method(self, *map(here, args), **{key: here(value) for key, value in kwargs.items()})

        return to

    for kind in (torch.Tensor, torch.nn.Module):
        kind.to = gentle(kind.to)
        kind.cuda = lambda self, *args, **kwargs: self

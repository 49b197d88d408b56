"""Running a notebook's cells as plain Python beside the student: statement by statement, without a kernel.

An error stays with its statement and the rest goes on, as in a notebook that is run by hand. Magics and shell lines do
nothing. Of a cell that is only there to define things, imports, definitions and simple assignments run and the rest is
skipped.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import functools
import linecache
import os
import pdb
import re
import sys
import types
import warnings
from io import TextIOBase
from typing import Any

__all__ = ["CappedOutput", "Notebook", "definitions", "make_factories_gentle", "run_gently_without_gpu"]

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
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.comprehension,
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

    `after[cell]` holds all names as they were right after that cell ran or, of an answer, where its check stands;
    `own[cell]` are those that it defined.
    """

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        self.names = self.module.__dict__
        self.names["get_ipython"] = _NoShell
        self.names["display"] = lambda *objects, **options: None
        self.after: dict[str, dict[str, Any]] = {}
        self.own: dict[str, dict[str, Any]] = {}
        self.final: dict[str, Any] | None = None  # the names after all cells, from the first answer on
        self.stage: str | None = None  # the cell after which the names are as they were
        self.flags = 0  # of `from __future__ import ...`, which hold for the rest of the notebook
        sys.modules["__main__"] = self.module
        builtins.input = lambda prompt="": ""
        sys.breakpointhook = pdb.set_trace = lambda *arguments, **options: None  # left behind, and nobody is there

    def run(self, cell: str, source: str, mode: str) -> list[dict[str, Any]]:
        """Run one cell and return its errors as {"type", "message", "line"}.

        Args:
            mode: "full", "definitions", or "check" for the place where the check of an answer stands.
        """
        if mode == "check":
            self.after[cell.removesuffix("_check")] = dict(self.names)
            return []
        name = f"<{cell}>"
        if "cuda" in source:
            make_factories_gentle()
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
        self.own[cell] = {key: value for key, value in self.names.items() if before.get(key, self) is not value}
        self.after[cell] = dict(self.names)
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

        What the answer calls is then as it was where its check stands: two cells may each have a helper of the same
        name, and a scratch cell at the end may call a number `torch`. What only later cells define is there as well.

        Raises:
            KeyError: if no cell defines it.
        """
        self.final = self.final or dict(self.names)
        stage = cell if name in self.own.get(cell, ()) and not untouched else None
        if stage != self.stage:
            self._set_stage(stage, name)
        return self.names[name]

    def _set_stage(self, cell: str | None, name: str) -> None:
        names = self.final
        if cell is not None:
            later = {key: value for key, value in self.final.items() if not hasattr(builtins, key)}
            names = later | self.after[cell] | {name: self.own[cell][name]}
        self.names.clear()
        self.names.update(names)
        self.stage = cell


def plain_python(source: str) -> str:
    """Return a cell's source with its magics and shell lines turned into calls on the shell that is not there."""
    from IPython.core.inputtransformer2 import TransformerManager

    source = source.replace("\r\n", "\n").replace("\r", "\n")
    blank = re.match(r"(?:[^\S\n]*\n)*", source).group()
    body = source[len(blank) :]
    first, _, rest = body.partition("\n")
    if first.split(" ")[0] in PASSED_ON:
        body = "pass\n" + rest
    return "\n" * blank.count("\n") + TransformerManager().transform_cell(body)


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


FACTORIES = (
    "arange as_tensor empty empty_like empty_strided eye full full_like linspace load logspace ones ones_like rand "
    "rand_like randint randint_like randn randn_like randperm tensor zeros zeros_like"
).split()
NEW = ("new_empty", "new_full", "new_ones", "new_tensor", "new_zeros")


def run_gently_without_gpu() -> None:
    """Let `.cuda()` and `.to("cuda")` stay on the CPU: code written for a GPU is judged for what it computes.

    torch.compile gives back what it was given, for there is no compiler here.
    """
    import torch

    torch.compile = lambda model=None, **options: (lambda function: function) if model is None else model
    if torch.cuda.is_available():
        return
    for kind in (torch.Tensor, torch.nn.Module):
        kind.to = _gentle(kind.to)
        kind.cuda = lambda self, *args, **kwargs: self
    for name in ("synchronize", "reset_peak_memory_stats"):
        setattr(torch.cuda, name, lambda *args, **kwargs: None)


@functools.cache
def make_factories_gentle() -> None:
    """Let `device="cuda"` and `map_location="cuda"` mean the CPU wherever tensors are made.

    Done once a cell speaks of it, since torch.jit.script knows torch's own functions only.
    """
    import torch

    if not torch.cuda.is_available():
        for owner, names in ((torch, FACTORIES), (torch.Tensor, NEW)):
            for name in names:
                setattr(owner, name, _gentle(getattr(owner, name)))


def _gentle(function: Any) -> Any:
    """Return the function with every argument that says "cuda" turned into "cpu"."""

    @functools.wraps(function)
    def gentle(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_here, args), **{key: _here(value) for key, value in kwargs.items()})

    return gentle


def _here(value: Any) -> Any:
    import torch

    if isinstance(value, (str, torch.device)):
        return "cpu" if re.fullmatch(r"cuda(:\d+)?", str(value)) else value  # and not a file called cuda.pt
    return value

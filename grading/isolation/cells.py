"""Running a notebook's cells as plain Python beside the student: statement by statement, without a kernel.

An error stays with its statement and the rest goes on, as in a notebook that is run by hand. Magics and shell lines do
nothing. Of a cell that is only there to define things, imports, definitions and simple assignments run and the rest is
skipped.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import os
import pdb
import re
import sys
import types
from io import TextIOBase
from typing import Any

from grading.isolation import private
from grading.isolation.cpu_only import make_factories_gentle
from helpers.checks.engine.code import NO_PYTHON, NoShell, definitions, future_flags, parsed

__all__ = ["CappedOutput", "Notebook"]


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


class Notebook:
    """The names that the cells of one notebook define, in a module that calls itself `__main__`.

    `stand_ins` are answers of ours that stand in for the student's own: whatever a cell makes of such a name, the next
    finds ours.

    `after[cell]` holds all names as they were right after that cell ran or, of an answer, where its check stands;
    `own[cell]` are those that it defined.
    """

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        self.names = self.module.__dict__
        self.names["get_ipython"] = NoShell
        self.names["display"] = lambda *objects, **options: None
        self.after: dict[str, dict[str, Any]] = {}
        self.own: dict[str, dict[str, Any]] = {}
        self.stand_ins: dict[str, Any] = {}
        self.final: dict[str, Any] | None = None  # the names after all cells, from the first answer on
        self.stage: str | None = None  # the cell after which the names are as they were
        self.flags = 0  # of `from __future__ import ...`, which hold for the rest of the notebook
        sys.modules["__main__"] = self.module
        builtins.input = lambda prompt="": ""
        sys.breakpointhook = pdb.set_trace = lambda *arguments, **options: None  # left behind, and nobody is there

    def run(self, cell: str, source: str, mode: str) -> list[dict[str, Any]]:
        """Run one cell and return its errors as {"type", "message", "line"}.

        Args:
            mode: "full", "definitions", "check" for the place where the check of an answer stands, or "stand-in" for a
                text of ours that defines the answer `cell`.
        """
        if mode == "stand-in":
            names: dict[str, Any] = {"__name__": "stand_in"}
            exec(compile(source, "<stand-in>", "exec"), names)
            self.stand_ins[cell] = self.names[cell] = names[cell]
            return []
        if mode == "check":
            self.after[cell.removesuffix("_check")] = dict(self.names)
            return []
        name = f"<{cell}>"
        if "cuda" in source or re.search(r"\b(mps|xpu)\b", source):
            private.replaced_by_us(make_factories_gentle)
        try:
            text, statements = parsed(source, name)
        except NO_PYTHON as error:
            return [_described(error, name)]
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)  # for inspect.getsource
        if mode == "definitions":
            statements = [statement for statement in statements if definitions(statement)]
        before = dict(self.names)
        errors = [raised for statement in statements if (raised := self._run_statement(statement, name))]
        self.own[cell] = {key: value for key, value in self.names.items() if before.get(key, self) is not value}
        self.names.update(self.stand_ins)
        self.after[cell] = dict(self.names)
        return errors

    def _run_statement(self, statement: ast.stmt, name: str) -> dict[str, Any] | None:
        self.flags |= future_flags(statement)
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
        """Set all names as they were after the cell ran, or, for None, after all did."""
        assert self.final is not None  # `answer` came first
        names = self.final
        if cell is not None:
            later = {key: value for key, value in self.final.items() if not hasattr(builtins, key)}
            names = later | self.after[cell] | {name: self.own[cell][name]}
        self.names.clear()
        self.names.update(names)
        self.stage = cell


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

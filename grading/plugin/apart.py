"""nbgrader's verbs in a process of their own: what a run holds, changes and loads ends with it.

Formgrader would run them in JupyterLab's process, where the course's lock, the warm worker, signals, limits and torch
would stay until that ends, and where no other page is answered meanwhile.

    command(verb, exercise, student)    stock nbgrader, told to wait only shortly for another run
    await run(command, course)          -> Ran, of a server
    grade(converter)                    in place of `Autograde.start`, of a script
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nbgrader.converters import Autograde, NbGraderException

from helpers.files import ROOT

__all__ = ["Ran", "command", "grade", "run"]

WAIT_SECONDS = 5  # for another run on the course: whoever pressed a button looks at the page
LINE = re.compile(r"\[(DEBUG|INFO|WARNING|ERROR|CRITICAL)\] (.*)")
FORMAT = "[%(levelname)s] %(message)s"  # as Formgrader shows what it captures


@dataclass(frozen=True)
class Ran:
    """How a run ended, and the lines that it wrote."""

    done: bool
    lines: list[str]

    @classmethod
    def of(cls, status: int, output: bytes) -> Ran:
        """Return what came of a process, with a last line on one that was ended from outside."""
        lines = output.decode("utf-8", "backslashreplace").splitlines()
        if status < 0:
            lines.append(f"[ERROR] The run was ended by signal {-status}. What is done is kept; run it again to go on.")
        return cls(status == 0, lines)

    def tell(self, log: logging.Logger) -> None:
        """Write the lines to a log, each at its own level; one without a level goes on with that before."""
        level = "INFO"
        for line in self.lines:
            found = LINE.fullmatch(line)
            level, text = found.groups() if found else (level, line)
            log.log(logging.getLevelNamesMapping()[level], "%s", text)


def command(verb: str, exercise: str, student: str = "*", force: bool = True) -> list[str]:
    """Return stock nbgrader's command line for one of its verbs; with `force` whatever was done before."""
    own = ["--force"] if force else []
    own += [f"--Grading.lock_seconds={WAIT_SECONDS}"] if verb == "autograde" else []
    names = [f"--assignment={_literal(exercise)}", f"--student={_literal(student)}"]
    return [sys.executable, "-m", "nbgrader", verb, *names, *own, f"--Application.log_format={FORMAT}"]


def _literal(value: str) -> str:
    """Return a name such that traitlets takes it as it is: quotes around it would fall off, and ~ be a home."""
    return f'"{value}"' if value[:1] in ("~", '"', "'") else value


async def run(command: list[str], course: Path) -> Ran:
    """Run a command in the course's folder, while the server goes on."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=course,
        env=_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return Ran.of(process.returncode or 0, output)


def grade(converter: Autograde) -> None:
    """Grade what a converter is meant to, in a process of its own; its log gets what that one says.

    Raises:
        NbGraderException: not all was graded.
    """
    coursedir = converter.coursedir
    done = subprocess.run(
        command("autograde", coursedir.assignment_id, coursedir.student_id, converter.force),
        cwd=coursedir.root,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    ran = Ran.of(done.returncode, done.stdout)
    ran.tell(converter.log)
    if not ran.done:
        raise NbGraderException("not all was graded, see the log")


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": paths}

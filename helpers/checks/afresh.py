"""A notebook run from its definitions in a process of its own, as grading does: setup and answers whole, of all other
cells imports, functions, classes and simple assignments.

    run_afresh(notebook, weights, seconds)         starts the process and returns what it found
    python -m helpers.checks.afresh NOTEBOOK WEIGHTS REPORT    is the process; WEIGHTS may be "", REPORT is written

Unlike grading it locks nothing away: it is the student's own machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.checks.saved import Cell, Session, read_notebook
from helpers.files import ROOT

__all__ = ["run_afresh"]

BESIDE = "a module of your own beside the notebook is not graded: put its code into the cell that needs it"
NOT_RUN = (
    "of cells that are no answers grading runs imports, functions, classes and simple assignments alone: define it in "
    "the cell that needs it"
)


def run_afresh(notebook: Path, weights: Path | None, seconds: float) -> list[str]:
    """Return a sentence for each thing that fails where a notebook starts anew; none where all is well.

    Args:
        weights: the file that `build_model()` is to take; None where there is none.
        seconds: all that it may take.
    """
    try:
        return _in_a_process(notebook, weights, seconds)
    except OSError as error:  # no room for its report, or for a process
        return [f"No process could be started to try it afresh ({error.strerror or error})."]


def _in_a_process(notebook: Path, weights: Path | None, seconds: float) -> list[str]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        report = Path(folder, "report.jsonl")
        command = [sys.executable, "-m", "helpers.checks.afresh"]
        command += [str(notebook.resolve()), str(weights.resolve()) if weights else "", str(report)]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths), "DEEP_LEARNING_LAB_GRADING": "1", "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg",
        }  # fmt: skip
        try:
            nothing = subprocess.DEVNULL  # whatever cells print, without end perhaps
            done = subprocess.run(
                command, cwd=folder, env=environment, stdin=nothing, stdout=nothing, stderr=nothing, timeout=seconds
            )
            ended = f"its process ended ({done.returncode})"
        except subprocess.TimeoutExpired:
            ended = f"it had not ended after {seconds:g} s"
        return _told(report, ended)


def _told(report: Path, ended: str) -> list[str]:
    """Return the sentences of a report; where it has no end, the last one says where the process was."""
    lines: list[dict[str, str]] = []
    for line in report.read_text(encoding="utf-8").splitlines() if report.is_file() else []:
        try:
            lines.append(json.loads(line))
        except ValueError:  # killed in the middle of it
            break
    found = [line["problem"] for line in lines if "problem" in line]
    if not any("end" in line for line in lines):
        places = [line["at"] for line in lines if "at" in line]
        found.append(f"{places[-1] if places else 'Python'} was being run when {ended}.")
    return found


def _problems(path: Path, weights: str, at: Any) -> Iterator[str]:
    """Give a sentence for each thing that fails; `at` is called with what runs next."""
    session = Session("__main__")
    names = session.names
    notebook, failed = read_notebook(path), set[str]()
    for cell in notebook.of_role("setup", "answer", "other"):
        at(f"the cell {cell.question}" if cell.question else "a cell of definitions")
        for line, error in session.run(cell):
            failed.add(cell.question)
            stops = f"stops at line {line}: {type(error).__name__}: {error}.{_why(error)}"
            if cell.role != "other":  # what a cell of one's own lacks is told by the answer that needs it
                yield f"The cell {cell.question} {stops if line else f'is no Python ({error}).'}"
    for cell in notebook.of_role("answer"):
        at(f"the cell {cell.question}")
        if cell.is_open or cell.question in failed:
            continue
        if cell.defines not in names:
            yield f"The cell {cell.question} defines no {cell.defines}."
        else:
            yield from _unknown(cell, names[cell.defines])
    build = names.get("build_model")
    models = [cell for cell in notebook.of_role("answer") if cell.question == "model" and not cell.is_open]
    if weights and callable(build) and models and "model" not in failed:
        at("build_model()")
        yield from _without_weights(build, weights)


def _why(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f" ({BESIDE})"
    return f" ({NOT_RUN})" if isinstance(error, NameError) else ""


def _unknown(cell: Cell, answer: Any) -> Iterator[str]:
    from helpers.checks.engine.earlier_answers import unknown_names

    if unknown := unknown_names(answer):
        yield f"{cell.defines} uses {' and '.join(unknown)}, which is not there in a fresh process ({NOT_RUN})."


def _without_weights(build: Any, weights: str) -> Iterator[str]:
    """Give a sentence where `build_model()` fails, or does not take the weights."""
    from helpers.checks.probes.weights import WEIGHTS_HINTS, with_weights

    try:
        found = with_weights(build, weights)
    except BaseException as error:  # of the student's own code, whatever it is
        yield f"build_model() stops in a fresh process: {type(error).__name__}: {error}.{_why(error)}"
        return
    if isinstance(found, dict):
        hint = WEIGHTS_HINTS.get(
            found["problem"], "is the file another exercise's? Else train it again, so that it is of this network."
        )
        if found["problem"] == "not_a_module":
            yield f"build_model() returns {found['message']}, no network."
        else:
            yield f"build_model() does not take the weights: {found['message']} ({hint.rstrip('.')})."


def main() -> None:
    """Write what is found to the file that the command line names, a line for each step."""
    notebook, weights, path = sys.argv[1:]
    with open(path, "w", encoding="utf-8") as report:

        def write(**line: str) -> None:
            report.write(json.dumps(line) + "\n")
            report.flush()

        for problem in _problems(Path(notebook), weights, lambda place: write(at=place)):
            write(problem=problem)
        write(end="")


if __name__ == "__main__":
    main()

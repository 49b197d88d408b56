"""Handing in by one cell: what is to be handed in is looked at as grading will, and packed into one zip.

Nothing of it is graded, and nothing raises: what is wrong is printed, and whatever can be handed in is packed.
"""

from __future__ import annotations

import os
import re
import time
import zipfile
from pathlib import Path

from helpers.checks.afresh import run_afresh
from helpers.checks.engine.limits import NOTEBOOK_MB, WEIGHTS_MB
from helpers.checks.engine.lines import fitting
from helpers.checks.engine.question import CheckFailed, strict
from helpers.checks.engine.record import last_run, trimmed
from helpers.checks.saved import Notebook, fullest, notebooks_in, own_notebook
from helpers.files import atomically

__all__ = ["hand_in"]

SECONDS = 120.0  # for the notebook in a fresh process, as in grading: it takes five, or many on a busy machine
REQUEST = re.compile(r"(?i)regrade[^.]*(\.(md|markdown|txt))*")  # as grading finds it: editors add .txt, say
RESAVE = "save the notebook (Ctrl+S, on a Mac Cmd+S) and run this cell again"


def hand_in(exercise: str) -> None:
    """Check the saved notebook and its weights, print what is wrong, and pack both into `<exercise>.zip` beside them.

    The notebook is run from its definitions in a process of its own, as in grading, which takes some seconds and
    two minutes at most; and `build_model()` is given the weights there.

    Raises:
        CheckFailed: where something is wrong, under DEEP_LEARNING_LAB_STRICT=1, as in CI, alone.
    """
    if "NBGRADER_EXECUTION" in os.environ or os.environ.get("DEEP_LEARNING_LAB_GRADING") == "1":
        print("Nothing is packed while a notebook is graded or validated.")
        return
    here = Path.cwd()
    candidates, own = notebooks_in(here, exercise), own_notebook()
    notebook, problems = fullest([path for path in candidates if path.resolve() == own] or candidates)
    if notebook is None:
        ask = "Open the notebook from the folder that it is saved in, or download it, and hand in by hand"
        _say("\n".join(problems or [f"There is no {exercise}.ipynb in {here}. {ask}."]))
        return
    weights = here / f"{exercise}.safetensors"
    packed, faults = _files(notebook, weights, exercise)
    problems += faults + _gone(notebook, exercise) + _not_saved(notebook)
    problems += run_afresh(notebook.path, weights if weights in packed else None, SECONDS)
    if notebook.path in packed:
        problems += _pack(here / f"{exercise}.zip", packed, notebook.path)
    if others := [path.name for path in candidates if path != notebook.path]:
        why = "in which this cell stands" if notebook.path.resolve() == own else "the one with the most answers"
        ask = "if that is the wrong one, move it to another folder and run this cell again"
        _say(f"Packed is {notebook.path.name}, {why}, and not {' or '.join(others)}: {ask}.")
    if notebook.open:
        _say(f"Still open: {', '.join(notebook.open)}.")
    if problems and strict():
        raise CheckFailed("\n".join(problems))
    if problems:
        _say("\n- ".join(["This is not as it should be:", *problems]))
    else:
        tried = weights in packed and "model" not in notebook.open
        took = ", and build_model() takes the weights" if tried else ""
        _say(f"It runs from its definitions in a fresh process{took}.")


def _say(text: str) -> None:
    print(fitting(text, "  "))


def _files(notebook: Notebook, weights: Path, exercise: str) -> tuple[dict[Path, str], list[str]]:
    """Return the files that can be handed in, each with its name in the zip, and what is wrong with the others."""
    packed, problems = {}, []
    if (size := notebook.path.stat().st_size) <= NOTEBOOK_MB << 20:
        packed[notebook.path] = f"{exercise}.ipynb"
    else:
        ask = "choose Edit, Clear Outputs of All Cells, save, and run this cell again"
        problems.append(f"{notebook.path.name} has {size >> 20} MB, at most {NOTEBOOK_MB} are graded: {ask}.")
    others = [path.name for path in weights.parent.glob("*.safetensors") if path != weights]
    asked = _asks_for_weights(notebook)  # else a file of an experiment is nobody's business
    if asked and not weights.is_file():
        found = f", but {', '.join(sorted(others))}" if others else ""
        ask = "run the cell that trains, or give the file that name"
        problems.append(f"There is no {weights.name} here{found}: the network earns nothing without it; {ask}.")
    elif asked and (size := weights.stat().st_size) > WEIGHTS_MB << 20:
        ask = "build a smaller network, or save it at half the precision, helpers.save_weights(model.half(), ...)"
        problems.append(f"{weights.name} has {size >> 20} MB, at most {WEIGHTS_MB} are graded: {ask}.")
    elif asked:
        packed[weights] = weights.name
    packed |= {p: p.name for p in sorted(weights.parent.iterdir()) if REQUEST.fullmatch(p.name) and p.is_file()}
    return packed, problems


def _asks_for_weights(notebook: Notebook) -> bool:
    """Return whether a question of the notebook is a trained network."""
    return any(cell.question == "model" for cell in notebook.of_role("answer", "check"))


def _gone(notebook: Notebook, exercise: str) -> list[str]:
    """Return a sentence where a question has left the notebook with its check: nothing else would tell of it."""
    named = " and ".join(notebook.gone(exercise))
    ask = "copy them from the notebook as it was handed out, unless your course leaves the question out"
    return [f"The cells of {named} are not in {notebook.path.name}, answer and check: {ask}."] * bool(named)


def _not_saved(notebook: Notebook) -> list[str]:
    """Return a sentence where an answer was run last in a form that the saved notebook has nowhere."""
    saved = {trimmed(cell.source) for cell in notebook.cells}
    ran = {cell.question: last_run(cell.defines) for cell in notebook.of_role("answer")}
    changed = [question for question, code in ran.items() if code is not None and trimmed(code) not in saved]
    named = " and ".join(changed)
    return [f"What you ran last of {named} is not in the saved {notebook.path.name}: {RESAVE}."] * bool(changed)


def _pack(target: Path, files: dict[Path, str], notebook: Path) -> list[str]:
    """Write the zip whole or not at all, and say what is in it; return why it could not be written."""
    try:
        with atomically(target) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, name in files.items():
                archive.write(path, name)
    except OSError as error:
        ask = "make room, or hand in the files one by one"
        return [f"{target} cannot be written ({error.strerror or error}): {ask}."]
    except ValueError as error:  # a date before 1980, which a zip cannot hold
        return [f"{target.name} cannot be packed ({error}): save the notebook again, or hand in the files one by one."]
    inside = ", ".join(f"{name} ({_size(path)})" for path, name in files.items())
    _say(f"{target.name} is packed, hand in this one file: {inside}.")
    _say(f"In it is {notebook.name} as saved at {_clock(notebook)}; what you wrote or ran since then is not.")
    return []


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.1f} MB"


def _clock(path: Path) -> str:
    """Return when a file was written, and how long ago that is."""
    then = path.stat().st_mtime
    minutes = max(0, round((time.time() - then) / 60))
    ago = f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"
    return f"{time.strftime('%H:%M on %d %B', time.localtime(then))}, {ago}"

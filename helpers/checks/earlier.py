"""A student's own answers from an earlier exercise, for the exercise that compares with them."""

import ast
import contextlib
import io
import json
from pathlib import Path
from typing import Any

from helpers.checks.engine.lines import fitting


class Answers:
    """The answers of one exercise by name, and for each one that cannot be used the reason.

    `answers.get("PoseRegressor")` is the student's class, or None after a sentence that says why; `answers.missing` is
    {name: reason}.
    """

    def __init__(self, exercise: str, found: dict[str, object], missing: dict[str, str], nothing: str = ""):
        self.exercise, self.found, self.missing, self._nothing = exercise, found, missing, nothing

    def get(self, name: str) -> object | None:
        """Return the answer called `name`; where there is none, say why and return None."""
        if name in self.found:
            return self.found[name]
        print(fitting(self.why(name)))
        return None

    def why(self, name: str) -> str:
        """Return a sentence that says why there is no answer `name`."""
        reason = self.missing.get(name) or self._nothing or "the notebook has no such question"
        return f"{name} of {self.exercise} is not here: {reason}."

    def __repr__(self) -> str:
        missing = f"; not here: {', '.join(self.missing)}" if self.missing else ""
        return f"Answers of {self.exercise}: {', '.join(self.found) or 'none'}{missing}"


def answers(exercise: str) -> Answers:
    """Return the student's own answers to `exercise`, such as "ex01_pose_regression".

    The notebook is looked for beside the working folder, then in it. Its setup cell (its imports) and its answer cells
    are run, each on its own: one that fails, or has not been answered yet, costs only itself. Nothing else of the
    notebook runs, so nothing is trained.
    """
    here = Path.cwd()
    places = (here.parent / exercise, here / exercise, here, here / "exercises" / exercise)
    paths = [place / f"{exercise}.ipynb" for place in places]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return Answers(exercise, {}, {}, f"there is no notebook {paths[0]}")
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        cells = [cell for cell in cells if cell["cell_type"] == "code"]
        code = [(_grade_id(cell), _source(cell)) for cell in cells]
        names = [cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Answers(exercise, {}, {}, f"{path} is no readable notebook ({type(error).__name__}: {error})")
    first = names.index("setup") if "setup" in names else 0  # in Colab a cell that installs the course stands above it
    setup = [("setup", code[first][1])] if code and code[first][0] is None else []
    return _run(exercise, setup + [(name, source) for name, source in code if name is not None])


def _grade_id(cell: dict[str, Any]) -> str | None:
    """Return the name of the question that this cell answers, None for any other cell."""
    about = cell.get("metadata", {}).get("nbgrader", {})
    return about.get("grade_id") if about.get("solution") else None


def _source(cell: dict[str, Any]) -> str:
    """Return the code of a cell without the lines that only IPython understands."""
    source = cell["source"]
    lines = ("".join(source) if isinstance(source, list) else source).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!", "?")))


def _run(exercise: str, cells: list[tuple[str, str]]) -> Answers:
    """Run each cell guarded, in one namespace; sort the answers into found and missing."""
    namespace: dict[str, object] = {"__name__": exercise}
    found: dict[str, object] = {}
    missing: dict[str, str] = {}
    for name, source in cells:
        before = dict(namespace)
        try:
            if unanswered(source):
                missing[name] = "the question has not been answered yet"
                continue
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, f"{exercise}: {name}", "exec"), namespace)  # the student's own code
        except (Exception, SystemExit) as error:
            missing[name] = f"its cell fails ({type(error).__name__}: {error})"
            continue
        if name == "setup":
            continue
        defined = {key: value for key, value in namespace.items() if before.get(key) is not value and key[0] != "_"}
        found |= defined
        if not defined:
            missing[name] = "its cell defines nothing"
    return Answers(exercise, found, missing)


def unanswered(source: str) -> bool:
    """Return whether a function of the cell still ends in the stub's `raise NotImplementedError(...)`."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    # behind a return it is never reached
    last = (one.body[-1] for one in functions if not any(isinstance(line, ast.Return) for line in one.body))
    return any("NotImplementedError" in ast.dump(line) for line in last if isinstance(line, ast.Raise))

"""A student's own answers from an earlier exercise, for the exercise that compares with them."""

from pathlib import Path

from helpers.checks.engine.lines import fitting
from helpers.checks.saved import Cell, Session, fullest, notebooks_in


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

    The notebook is looked for beside the working folder, then in it; of several the one with the most answers is taken.
    Its setup and its answers are run, and of all other cells what only defines, as in grading: so nothing is trained.
    One that fails, or has not been answered yet, costs only itself.
    """
    here = Path.cwd()
    places = (here.parent / exercise, here / exercise, here, here / "exercises" / exercise)
    for place in places:
        notebook, problems = fullest(notebooks_in(place, exercise))
        if notebook:
            return _run(exercise, notebook.of_role("setup", "answer", "other"))
        if problems:
            return Answers(exercise, {}, {}, problems[0].rstrip("."))
    return Answers(exercise, {}, {}, f"there is no notebook {places[0] / exercise}.ipynb")


def _run(exercise: str, cells: list[Cell]) -> Answers:
    """Run the cells in one session, unseen; sort the answers into found and missing."""
    from IPython.utils.capture import capture_output

    session = Session(exercise)
    found: dict[str, object] = {}
    missing: dict[str, str] = {}
    own: dict[str, object] = {}  # what setup and answers have set: a scratch cell may call a number `torch`
    for cell in cells:
        before = dict(session.names)
        if cell.role == "answer" and cell.is_open:
            missing[cell.question] = "the question has not been answered yet"
            continue
        with capture_output():
            errors = session.run(cell)
        new = {key: value for key, value in session.names.items() if before.get(key) is not value}
        if cell.role == "other":
            session.names.update(own)
            continue
        own |= new
        defined = {key: value for key, value in new.items() if key[0] != "_"} if cell.role == "answer" else {}
        found |= defined
        if errors and cell.defines not in defined:
            error = errors[0][1]
            missing[cell.question] = f"its cell fails ({type(error).__name__}: {error})"
        elif cell.role == "answer" and not defined:
            missing[cell.question] = "its cell defines nothing"
    return Answers(exercise, found, missing)

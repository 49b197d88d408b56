"""nbgrader, started in any folder below a course, does as in the course's own; among submissions it is refused.

nbgrader looks for settings where it is started, and in its environment, where `make env` puts this file as
etc/jupyter/nbgrader_config.py: below the course it would find none, and begin a gradebook of its own there. In a
student's folder it would run the student's settings, which come after these.
"""

from pathlib import Path

from traitlets.config import Application

c = get_config()  # noqa: F821, given by traitlets


def is_ours(folder: Path) -> bool:
    """Return whether a folder is that of a course that is graded by this project."""
    config = folder / "nbgrader_config.py"
    return config.is_file() and "grading.plugin." in config.read_text(errors="replace")


here = Path.cwd()
course = next(filter(is_ours, here.parents), None)
if course is not None and "submitted" in here.relative_to(course).parts:
    if Application.initialized() and "NbGrader" in [kind.__name__ for kind in type(Application.instance()).__mro__]:
        raise SystemExit(f"nbgrader is not started among submissions, whose settings it would run: cd {course} first.")
if course is not None and not (here / "nbgrader_config.py").is_file():
    c.CourseDirectory.root = str(course)

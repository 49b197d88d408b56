"""What nbgrader takes over from whoever starts it, and what of that holds for this course.

    settle(c, root)   called by nbgrader_config.py before it sets anything itself

Settings of a person, of the environment or of the machine (~/.jupyter/nbgrader_config.py, say) come before the
course's. Those that decide what is released, graded or shown have nbgrader's defaults here, whatever they say; of the
others a line tells. A course folder whose name nbgrader would misread is reached by another one.
"""

from __future__ import annotations

import atexit
import copy
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from typing import Any

from nbconvert.exporters import Exporter, HTMLExporter, NotebookExporter
from nbconvert.preprocessors import ExecutePreprocessor
from nbconvert.writers.files import FilesWriter
from nbgrader import preprocessors
from nbgrader.apps import NbGrader
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Application, Config, Configurable

from grading.plugin.gradebook import WriteMarks
from grading.plugin.mended import mend
from grading.plugin.settings import Grading
from grading.plugin.steps import Grade, Repair

__all__ = ["settle"]

RELEASING = (
    preprocessors.IncludeHeaderFooter, preprocessors.InstantiateTests, preprocessors.LockCells,
    preprocessors.ClearSolutions, preprocessors.ClearOutput, preprocessors.CheckCellMetadata,
    preprocessors.ComputeChecksums, preprocessors.SaveCells, preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
)  # fmt: skip
MARKING = (Repair, Grade, WriteMarks, preprocessors.GetGrades, preprocessors.AssignLatePenalties)
EXPORTERS = {"ReleaseExporter": NotebookExporter, "SubmissionExporter": NotebookExporter}
# What a person may choose for all courses: who may read files, how a page looks, what runs before and after; and what
# the command line sets on a class above.
FREE = {
    "force",
    "groupshared",
    "permissions",
    "pre_convert_hook",
    "post_convert_hook",
    "plugin_class",
    "root",
    "db_url",
}
MISREAD = re.compile(r"[*?\[%\x00-\x1f\x7f\ud800-\udfff]")  # patterns, addresses of databases, ini files, log lines


def settle(c: Config, root: str) -> None:
    """Give the settings that are the course's to make their defaults in `c`, tell of others, and say where it lies.

    What no setting reaches is replaced in nbgrader.

    Args:
        c: of nbgrader_config.py, which sets what it wants afterwards.
        root: the course's folder.
    """
    mend()
    for section, name, value in _defaults():
        c[section][name] = copy.deepcopy(value)
    c.CourseDirectory.root = root
    app = Application.instance() if Application.initialized() else None
    if isinstance(app, NbGrader):  # not JupyterLab, whose formgrader has to find the course below its own folder
        _tell(app, c)
        if MISREAD.search(root):
            c.CourseDirectory.root = _other_name(app, root)


@cache
def _defaults() -> list[tuple[str, str, Any]]:
    """Return section, name and default of all settings that decide what is released, graded or shown."""
    coursedir = CourseDirectory()
    converters = [kind(coursedir=coursedir) for kind in (GenerateAssignment, Autograde, GenerateFeedback)]
    parts = [coursedir, *converters, Grading(), FilesWriter(), *(kind() for kind in (*RELEASING, *MARKING))]
    found = [(type(part).__name__, *setting) for part in parts for setting in _settings(part)]
    for section, kind in EXPORTERS.items():
        found += [(section, *setting) for setting in _settings(kind())]
        found.append((section, "default_preprocessors", []))
    for above in (Exporter, HTMLExporter, NotebookExporter):
        found.append((above.__name__, "preprocessors", []))
    # Nothing of a student's is run for a page; nbgrader's own, below the first, is what `nbgrader validate` runs.
    return [*found, (ExecutePreprocessor.__name__, "enabled", False), (preprocessors.Execute.__name__, "enabled", True)]


def _settings(part: Configurable) -> Iterator[tuple[str, Any]]:
    """Give name and default of each setting of a part that nobody has configured, but for those that are FREE."""
    for name in part.trait_names(config=True):
        if name not in FREE:
            yield name, getattr(part, name)


def _tell(app: NbGrader, c: Config) -> None:
    """Tell once which settings from outside the course do not hold, and which do."""
    if getattr(app, "told_of_settings", False):
        return
    app.told_of_settings = True
    known = {kind.__name__: kind for kind in _below(Configurable)}
    files = ", ".join(file for file in app.loaded_config_files if os.path.dirname(file) != os.getcwd())
    for section in sorted(known.keys() & app.config.keys()):
        for name, value in app.config[section].items():
            if name in app.cli_config.get(section, {}) or _same(c, section, name, value):
                continue
            below = [other for other in c if other in known and issubclass(known[other], known[section])]
            own = any(name in c[other] for other in below)
            holds = "the course has its own" if own else "it holds here, too"
            app.log.warning("%s.%s = %r is set outside the course (%s): %s", section, name, value, files, holds)


def _same(c: Config, section: str, name: str, value: object) -> bool:
    return name in c.get(section, {}) and bool(c[section][name] == value)


def _below(kind: type) -> Iterator[type]:
    """Give all classes of nbgrader, nbconvert and this project below a class."""
    subclasses: list[type] = kind.__subclasses__()
    for one in subclasses:
        if one.__module__.partition(".")[0] in ("nbgrader", "nbconvert", "grading"):
            yield one
        yield from _below(one)


_names: dict[str, str] = {}  # by folder; of this process


def _other_name(app: NbGrader, root: str) -> str:
    """Return another path of a folder, for as long as this process lives, in which nbgrader misreads nothing."""
    if root not in _names:
        places = [place for place in (tempfile.gettempdir(), "/tmp", "/var/tmp") if not MISREAD.search(place)]
        folder = tempfile.mkdtemp(prefix="deep-learning-lab-", dir=places[0])
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.symlink(root, f"{folder}/course")
        _names[root] = f"{folder}/course"
        app.log.warning("nbgrader would misread the name of %a; in this run %s stands for it", root, _names[root])
    return _names[root]

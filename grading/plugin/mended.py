"""What of nbgrader is replaced in this process, for what a course's settings cannot reach.

`mend` is called by `grading.plugin.inherited.settle`, before nbgrader goes through anything.
"""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase

from nbgrader import utils
from nbgrader.apps import NbGrader
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import BaseConverter

from grading.plugin import apart
from grading.plugin.steps import FeedbackExporter, SubmissionExporter

__all__ = ["mend"]

_stock_start = Autograde.start


def mend() -> None:
    """Replace it; safe to call twice."""
    utils.is_ignored = _is_ignored
    Autograde.init_notebooks = GenerateFeedback.init_notebooks = _init_notebooks
    Autograde.start = _start
    if "nbgrader.server_extensions.formgrader.apihandlers" in sys.modules:  # JupyterLab
        from grading.plugin import formgrader

        formgrader.mend()


def _is_ignored(filename: str, ignore_globs: list[str] | None = None) -> bool:
    """Return whether a file's name, without its folder, matches one of the patterns.

    nbgrader's own takes the folder, too, for a pattern. That of "fay [2]" does not match itself: what lies there would
    be copied whatever is to be ignored, and a link as what it leads to.
    """
    return any(fnmatchcase(os.path.basename(filename), pattern) for pattern in ignore_globs or ())


def _init_notebooks(converter: BaseConverter) -> None:
    """Leave it to our exporters, which the converter makes next, to say what there is; else do as nbgrader does.

    nbgrader's own looks for notebooks right in the folder and takes a name for a pattern: it ends where all there is
    lies in archives, or belongs to "fay [2]".
    """
    if issubclass(converter.exporter_class, (SubmissionExporter, FeedbackExporter)):
        converter.assignments, converter.notebooks = {}, []
    else:
        BaseConverter.init_notebooks(converter)


def _start(converter: Autograde) -> None:
    """Grade in this process where it is a command's, which ends with the run; in one of its own where it is not."""
    if isinstance(converter.parent, NbGrader) or not issubclass(converter.exporter_class, SubmissionExporter):
        _stock_start(converter)
    else:
        apart.grade(converter)

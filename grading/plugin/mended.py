"""What of nbgrader is replaced in this process, for what a course's settings cannot reach.

`mend` is called by `grading.plugin.inherited.settle`, before nbgrader goes through anything.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase

from nbgrader import utils
from nbgrader.apps.dbapp import DbAssignmentAddApp, DbGenericImportApp
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import BaseConverter

from grading.plugin.entered import add_assignment, import_table
from grading.plugin.steps import FeedbackExporter, SubmissionExporter

__all__ = ["mend"]


def mend() -> None:
    """Replace it; safe to call twice."""
    utils.is_ignored = _is_ignored
    Autograde.init_notebooks = GenerateFeedback.init_notebooks = _init_notebooks
    DbAssignmentAddApp.start, DbGenericImportApp.start = add_assignment, import_table


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

"""What of nbgrader is replaced in this process, for what a course's settings cannot reach.

`mend` is called by `grading.plugin.inherited.settle`, before nbgrader goes through anything.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.apps import NbGrader, NbGraderAPI, ZipCollectApp
from nbgrader.apps.dbapp import DbAssignmentAddApp, DbGenericImportApp
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import BaseConverter
from nbgrader.coursedir import CourseDirectory

from grading.errors import UnreadableSubmission
from grading.plugin import apart
from grading.plugin.entered import add_assignment
from grading.plugin.intake import time_of
from grading.plugin.roster import import_table
from grading.plugin.steps import FeedbackExporter, SubmissionExporter
from grading.plugin.unpack import Teller

__all__ = ["mend"]

_zip_collect, _autograde, _init_assignment = ZipCollectApp.start, Autograde.start, Autograde.init_assignment


def mend() -> None:
    """Replace it; safe to call twice."""
    utils.is_ignored = _is_ignored
    Autograde.init_notebooks = GenerateFeedback.init_notebooks = _init_notebooks
    Autograde.start, Autograde.init_assignment = _start, _enter
    DbAssignmentAddApp.start, DbGenericImportApp.start = add_assignment, _import
    ZipCollectApp.start = _collect
    CourseDirectory.get_existing_timestamp = _time_in
    NbGraderAPI.get_submitted_timestamp = _time_of_submission
    if "nbgrader.server_extensions.formgrader.apihandlers" in sys.modules:  # JupyterLab
        from grading.plugin import formgrader

        formgrader.mend()


def _is_ignored(filename: str, ignore_globs: list[str] | None = None) -> bool:
    """Return whether a file's name, without its folder, matches one of the patterns.

    nbgrader's own takes the folder, too, for a pattern. That of "fay [2]" does not match itself: what lies there would
    be copied whatever is to be ignored, and a link as what it leads to.
    """
    return any(fnmatchcase(os.path.basename(filename), pattern) for pattern in ignore_globs or ())


def _time_in(coursedir: CourseDirectory, folder: str) -> datetime | None:
    """Return the time in a student's timestamp.txt, strictly read; None where there is none that can be understood.

    nbgrader's own readers, in Formgrader say, look up a zone's name among the files of the machine.
    """
    try:
        return time_of(Path(folder, "timestamp.txt"))
    except (UnreadableSubmission, OSError):
        return None


def _time_of_submission(api: NbGraderAPI, exercise: str, student: str) -> datetime | None:
    coursedir = api.coursedir
    return _time_in(coursedir, coursedir.format_path(coursedir.submitted_directory, student, exercise))


def _init_notebooks(converter: BaseConverter) -> None:
    """Leave it to our exporters, which the converter makes next, to say what there is; else do as nbgrader does.

    nbgrader's own looks for notebooks right in the folder and takes a name for a pattern: it ends where all there is
    lies in archives, or belongs to "fay [2]".
    """
    if issubclass(converter.exporter_class, (SubmissionExporter, FeedbackExporter)):
        converter.assignments, converter.notebooks = {}, []
    else:
        BaseConverter.init_notebooks(converter)


def _import(app: DbGenericImportApp) -> None:
    """Import a table, whatever program saved it: nbgrader's own knows commas and UTF-8 without a mark, and stops at a
    line without an id."""
    super(DbGenericImportApp, app).start()
    import_table(app)


def _collect(app: ZipCollectApp) -> None:
    """Collect as nbgrader does; then say what our plugins have to tell, and where the submissions cannot be written."""
    trouble = ""
    try:
        _zip_collect(app)
    except OSError as error:
        trouble = f"{error.filename} cannot be written: {error.strerror}"
    finally:
        for plugin in (app.extractor_plugin_inst, app.collector_plugin_inst):
            if isinstance(plugin, Teller):
                plugin.tell()
    if trouble:
        app.fail(f"{trouble}. See to the room there and to its rights, then run again with --force.")


def _start(converter: Autograde) -> None:
    """Grade in this process where it is a command's, which ends with the run; in one of its own where it is not."""
    if isinstance(converter.parent, NbGrader) or not issubclass(converter.exporter_class, SubmissionExporter):
        _autograde(converter)
    else:
        apart.grade(converter)


def _enter(converter: Autograde, exercise: str, student: str) -> None:
    """Enter a student and a submission as nbgrader does, and leave the marks to our steps.

    nbgrader's own takes a notebook of another name for missing: nothing of that submission would wait for a hand any
    more, as if one had marked it.
    """
    coursedir = converter.coursedir
    if not issubclass(converter.exporter_class, SubmissionExporter) or not converter.create_student:
        _init_assignment(converter, exercise, student)
        return
    time = coursedir.get_existing_timestamp(converter._format_source(exercise, student))
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(exercise, student, **({"timestamp": time} if time else {}))

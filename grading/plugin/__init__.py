"""Our parts in nbgrader's pipeline, under the names that nbgrader_config.py gives: nothing else imports nbgrader.

steps                    what nbgrader calls, for a class and for a release
plan                     whom to grade, whose report is still right, who is done
interrupt                Ctrl-C meanwhile
settings                 what nbgrader_config.py may set
gradebook, exports       where marks go
"""

from nbgrader.coursedir import CourseDirectory

from grading.plugin.exports import CanvasExport, MoodleExport
from grading.plugin.gradebook import WriteMarks
from grading.plugin.settings import Grading
from grading.plugin.steps import Grade, ReleaseExporter, Repair, SubmissionExporter

__all__ = [
    "CanvasExport",
    "CourseDirectory",
    "Grade",
    "Grading",
    "MoodleExport",
    "ReleaseExporter",
    "Repair",
    "SubmissionExporter",
    "WriteMarks",
]

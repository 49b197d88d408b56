"""The export plugins, under the name that lecturers' commands and configurations know."""

from grading.plugin.exports import CanvasExport, MoodleExport

__all__ = ["CanvasExport", "MoodleExport"]

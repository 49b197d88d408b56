"""The export plugins, where older commands and configurations look for them; new ones name `grading.plugin`."""

from grading.plugin.exports import CanvasExport, MoodleExport

__all__ = ["CanvasExport", "MoodleExport"]

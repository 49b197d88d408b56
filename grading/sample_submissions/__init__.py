"""Sample submissions: a class for each exercise, each submission with the marks that it deserves written beside it."""

from __future__ import annotations

import importlib
import pkgutil

from grading.sample_submissions.ex01_pose_regression import EXERCISE
from grading.sample_submissions.handing_in import Maker

__all__ = ["EXERCISE", "SUBMISSIONS"]

# By exercise and student. EXERCISE is the one whose class is measured where one is enough.
SUBMISSIONS: dict[str, dict[str, Maker]] = {
    found.name: importlib.import_module(f"{__name__}.{found.name}").SUBMISSIONS
    for found in pkgutil.iter_modules(__path__)
    if found.name.startswith("ex")
}

"""Sample submissions: a class for each exercise, each submission with the marks that it deserves written beside it."""

from __future__ import annotations

from grading.sample_submissions import ex01_pose_regression, ex02_softargmax, ex03_segmentation, ex04_multi_person
from grading.sample_submissions.ex01_pose_regression import EXERCISE
from grading.sample_submissions.handing_in import Maker

__all__ = ["EXERCISE", "SUBMISSIONS"]

# By exercise and student. EXERCISE is the one whose class is measured where one is enough.
SUBMISSIONS: dict[str, dict[str, Maker]] = {
    module.EXERCISE: module.SUBMISSIONS
    for module in (ex01_pose_regression, ex02_softargmax, ex03_segmentation, ex04_multi_person)
}

"""A grader beside the one of this process, for whoever grades once more and writes nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grading.examination.graders import Job, forget
from grading.isolation import caller
from grading.isolation.forkserver import start_fork_server

if TYPE_CHECKING:
    from grading.examination.grader import Grader

__all__ = ["aside"]


@contextlib.contextmanager
def aside(job: Job, threads: int = 1) -> Iterator[Grader]:
    """Give a grader that ends with the block.

    Args:
        threads: that it and its workers compute on.
    Raises:
        CourseError: nobody can be graded.
    """
    caller.settle()
    place = str(job.course.root)
    before = forget(job.course)
    sys.path.append(place)  # a course outside this project has its checks there
    try:
        fork_server = start_fork_server(job.course, job.limits, threads)  # it imports torch while this process does
        import torch

        from grading.examination.grader import Grader

        own_threads = torch.get_num_threads()
        grader = Grader(job.course, fork_server, job.secret, job.isolation)
        try:
            torch.set_num_threads(threads)  # of the checks and references as well
            yield grader
        finally:
            grader.close()
            torch.set_num_threads(own_threads)
    finally:
        sys.path.remove(place)
        forget(job.course)
        sys.modules.update(before)  # else another course would find this one's checks under the same names

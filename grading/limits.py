"""What one submission may use."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.checks.engine.limits import NOTEBOOK_MB, QUESTION_SECONDS, WEIGHTS_MB

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """What one submission may use; the defaults fit a machine with 4 GB of memory."""

    cell_seconds: float = 20.0
    question_seconds: float = QUESTION_SECONDS  # the notebook's check of a network says so, too
    submission_seconds: float = 120.0
    memory_mb: int = 1500
    processes: int = 64  # threads, to be exact: new processes are refused altogether
    output_kb: int = 64
    file_mb: int = 128
    notebook_mb: int = NOTEBOOK_MB  # these two as well
    weights_mb: int = WEIGHTS_MB

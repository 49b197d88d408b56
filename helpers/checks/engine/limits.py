"""What grading takes and gives: the same numbers in the notebook, in the grader and in the texts."""

__all__ = ["NOTEBOOK_MB", "QUESTION_SECONDS", "WEIGHTS_MB"]

NOTEBOOK_MB = 50
WEIGHTS_MB = 64  # of the weights file
QUESTION_SECONDS = 20.0  # for all that is asked of one answer, on one thread

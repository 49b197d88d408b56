"""What grading gives a trained network: the same numbers in the notebook's check, in the grader and in the texts."""

__all__ = ["QUESTION_SECONDS", "WEIGHTS_MB"]

WEIGHTS_MB = 64  # of the weights file
QUESTION_SECONDS = 20.0  # for all that is asked of one answer, on one thread

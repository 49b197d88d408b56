"""What runs beside a student's answer, in the notebook or in the grader's worker, and returns plain values."""

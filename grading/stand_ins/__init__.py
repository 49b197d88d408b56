"""Right answers that stand in for a student's own where another question calls it: one file an exercise.

Each is a text that goes to one fork of the worker, after its isolation and before the student's cells; what may come
back from there is said in docs/isolation.md. They are written for that, and are neither the solution nor one of the
right variants: plain, slow, of torch and the standard library alone. A function bears the name of the answer that it
stands in for. Classes have none: weights and subclasses need the student's own.
"""

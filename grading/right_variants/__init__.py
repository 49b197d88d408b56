"""Right answers in many styles, each of which must pass every check: `RIGHT_VARIANTS = {question: {style: answer}}`.

The first style of a question is its reference.
"""

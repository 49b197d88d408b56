"""Tables of known wrong answers: what a text becomes, and that no text names what is not there."""

import builtins
import dis
import importlib
import inspect
import types

import pytest

from grading.known_wrong.table import answers, networks
from helpers.files import ROOT

EXERCISES = [path.stem for path in sorted((ROOT / "solutions").glob("ex*/ex*.ipynb"))]
MISTAKEN = {"vis", "classify", "spatial_softargmax"}  # names that students misspell or had in their notebook
GIVEN = {"twice": "count(2 * x)", "half": "count(x / 2)", "a, b": "twice, 1"}


def table(calls):
    """Return a table of answers that count what is computed."""
    names = {"__name__": "here", "count": lambda value: calls.append(value) or value}
    rows = {"plain": "x + y", "plain.given": "twice + y", "nested": "[a + y for half in (1, 2)]", "made": abs}
    return answers("x, y=1", rows, names, GIVEN)


def test_a_text_becomes_a_function_and_computes_only_what_it_needs():
    made = table(calls := [])
    assert list(made) == ["plain", "plain.given", "nested", "made"] and made["made"] is abs
    assert str(inspect.signature(made["plain"])) == "(x, y=1)"
    assert (made["plain"](2), made["plain"](y=3, x=2), calls) == (3, 5, [])
    assert (made["plain.given"](2), calls) == (5, [4])
    assert (made["nested"](3, 2), calls) == ([8, 8], [4, 6])  # `half` is its own, `a` needs `twice`
    assert made["plain.given"].__name__ == "plain__given" and made["plain"].__module__ == "here"


def test_a_traceback_through_a_text_tells_module_and_mistake_and_is_no_cell_of_a_notebook():
    with pytest.raises(TypeError) as caught:
        table([])["plain"](2, "a")
    assert str(caught.traceback[-1].path) == "here: plain"


class Base:
    def __init__(self, size):
        self.size = size

    def area(self):
        return self.size**2


def test_methods_become_a_subclass():
    rows = {"doubled": {"area": "2 * area"}, "fixed": {"__init__": "super().__init__(3)"}, "other": Base}
    made = networks(Base, rows, globals(), {"area": "super().area()"})
    assert [wrong(2).area() for wrong in made.values()] == [8, 9, 4]
    assert str(inspect.signature(made["doubled"])) == "(size)"


def code_of(answer):
    """Give the code of an answer with its globals: of a function, or of what a class defines."""
    members = vars(answer).values() if isinstance(answer, type) else [answer]
    for function in filter(inspect.isfunction, members):
        found = [function.__code__]
        found += [c.cell_contents.__code__ for c in function.__closure__ or () if inspect.isfunction(c.cell_contents)]
        for code in found:
            found += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
            yield code, function.__globals__


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_name_in_an_answer_is_there(exercise):
    for answers_of in importlib.import_module(f"grading.known_wrong.{exercise}").KNOWN_WRONG.values():
        for mistake, answer in answers_of.items():
            for code, names in code_of(answer):
                asked = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
                missing = asked - set(names) - set(vars(builtins)) - {"__module__", "__name__", "__qualname__"}
                assert missing <= MISTAKEN, (mistake, missing)

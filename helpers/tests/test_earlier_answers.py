"""Which answer is to blame: one that calls a wrong one names it, and one that borrows from the checks is told so."""

import functools

import pytest
import torch

from helpers.checks import ex02_softargmax as check
from helpers.checks.engine.earlier_answers import borrows, called_answers, earlier_fault
from helpers.checks.engine.table import table_oracle

NAMES = ["a", "b", "C"]
NOTEBOOK = """
import torch
from torch import nn

def a(x): return x
def helper(x): return a(x)
def b(x): return helper(x)
twice = a

class Base(nn.Module):
    def forward(self, x): return b(x)

class C(Base):
    a = 3
    def other(self, x):
        a = self.a
        return a

def by_default(x, f=a): return f(x)
def around(f):
    def within(x): return f(x)
    return within
closed = around(a)
def by_alias(x): return twice(x)
def in_loop(x): return [a(y) for y in x]
def local(a): return a.b
"""


def notebook(source: str) -> dict:
    names = {"__name__": "__main__"}
    exec(source, names)
    return names


@pytest.mark.parametrize(
    ("answer", "called"),
    [
        ("a", []), ("b", ["a"]), ("C", ["a", "b"]), ("by_default", ["a"]), ("closed", ["a"]), ("by_alias", ["a"]),
        ("in_loop", ["a"]), ("local", []),
    ],
)  # fmt: skip
def test_what_an_answer_calls_is_read_from_its_code(answer, called):
    names = notebook(NOTEBOOK)
    found = called_answers(names[answer], [name for name in NAMES if name != answer])
    assert list(found) == called and all(value is names[name] for name, value in found.items())


def test_an_answer_that_is_not_there_is_called_all_the_same():
    names = notebook("def b(x): return a(x)")
    assert called_answers(names["b"], NAMES) == {"a": None}


SOFTARGMAX = """
import torch
def softargmax(scoremaps, beta=1.0):
    h, w = scoremaps.shape[2:]
    p = (beta * scoremaps).flatten(2).softmax(-1).view_as(scoremaps)
    x, y = p.sum(2) @ torch.arange(w).to(p), p.sum(3) @ torch.arange(h).to(p)
    return torch.stack([{}], dim=-1)
def lean_softargmax(scoremaps, beta=1.0):
    return softargmax(scoremaps, beta)
"""


@pytest.mark.parametrize(("order", "blamed"), [("x, y", False), ("y, x", True)])
def test_the_earlier_answer_is_named_if_it_is_wrong_and_only_then(order, blamed):
    answer = notebook(SOFTARGMAX.format(order))["lean_softargmax"]
    oracle = functools.partial(table_oracle, "ex02_softargmax")
    hint = earlier_fault("lean_softargmax", answer, check.QUESTIONS, oracle)
    expected = "lean_softargmax calls softargmax, which is not right yet: mend that first, then look here again."
    assert hint == (expected if blamed else None)


@pytest.mark.parametrize("order", ["x, y", "y, x"])
def test_the_check_under_a_stub_names_the_earlier_answer(order, capsys):
    check.lean_softargmax(notebook(SOFTARGMAX.format(order))["lean_softargmax"])  # it needs too much memory, besides
    told = capsys.readouterr().out
    assert ("hint     lean_softargmax calls softargmax, which is not right yet" in told) is (order == "y, x")


def test_the_check_under_a_stub_refuses_what_is_borrowed(capsys):
    check.argmax_decode(notebook(BORROWING["as it is"])["f"])
    assert "helpers.checks is for checks alone" in capsys.readouterr().out


BORROWING = {
    "import in the cell": "from helpers.checks.networks.score_ties import soft_places\ndef f(x): return soft_places(x)",
    "import in the answer": "def f(x):\n    from helpers.checks.networks.score_ties import fit\n    return fit(x)",
    "a module": "import helpers.checks.networks.score_ties as s\ndef f(x): return s.soft_places(x)",
    "by attribute": "import helpers\ndef f(x): return helpers.checks.networks.score_ties.soft_places(x)",
    "as it is": "from helpers.checks.networks.score_ties import soft_places as f",
}
OWN = {
    "the check": "from helpers.checks import ex02_softargmax as check\ndef f(x): return check.softargmax(x)",
    "helpers": "import helpers\ndef f(x): return helpers.scoremaps.to_map(x, 4)",
    "torch": "import torch\ndef f(x): return torch.relu(x)",
}


@pytest.mark.parametrize("way", [*BORROWING, *OWN])
def test_who_borrows_from_the_checks_is_found(way):
    assert borrows(notebook({**BORROWING, **OWN}[way])["f"]) is (way in BORROWING)


def test_torch_is_not_walked_through():
    assert not borrows(torch.nn.Linear) and called_answers(torch.nn.functional.relu, NAMES) == {}

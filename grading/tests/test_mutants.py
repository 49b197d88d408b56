"""Every automatic mutant of a reference answer is killed by the hidden checks, but for those argued equivalent."""

from __future__ import annotations

import pytest
from answer_bank import EXERCISES
from equivalent_mutants import EQUIVALENT
from killing import argued, fates, load, mutants_of, sources, survives
from mutants import mutants

pytestmark = pytest.mark.usefixtures("one_thread")
SLOW = (
    "PoseRegressor", "SoftargmaxPose", "TransposedDecoder", "UNetDecoder", "group_people", "boxes_to_crops",
    "find_peaks", "part_affinity_fields",
)  # fmt: skip


def changes(source: str) -> dict[str, str]:
    """Return the mutants of an expression that a function returns, by what each changes."""
    body = source if source.startswith(("for", "if", "return")) else f"return {source}"
    found = mutants("def f(a, b):\n    'doc'\n    " + body)
    return {change.partition(": ")[2]: mutant for change, mutant in found}


def test_a_mutant_differs_in_one_place():
    found = list(mutants("def f(a, b):\n    'doc'\n    return a.sum(dim=-1) <= b + 1\n"))
    by_change = dict(found)
    assert by_change["3: b + 1 -> b - 1"] == "def f(a, b):\n    return a.sum(dim=-1) <= b - 1"
    assert by_change["3: a.sum(dim=-1) <= b + 1 -> a.sum(dim=-1) < b + 1"].endswith("a.sum(dim=-1) < b + 1")
    assert by_change["3: a.sum(dim=-1) -> a"].endswith("return a <= b + 1")
    assert len({source for _, source in found}) == len(found) >= 15


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("a & b", "a & b -> a | b"),
        ("a and b", "a and b -> a or b"),
        ("a / b", "a / b -> b / a"),
        ("a / b", "a / b -> a / (b + 1e-06)"),
        ("a.log()", "a.log() -> (a + 1e-06).log()"),
        ("torch.log(a)", "torch.log(a) -> torch.log(a + 1e-06)"),
        ("F.relu(a)", "F.relu(a) -> a"),
        ("F.max_pool2d(a, 2)", "F.max_pool2d(a, 2) -> F.avg_pool2d(a, 2)"),
        ("nn.Sequential(nn.ReLU(), a)", "nn.ReLU() -> nn.Identity()"),
        ("nn.Sequential(nn.ReLU(), a)", "nn.Sequential(nn.ReLU(), a) -> nn.Sequential(a, nn.ReLU())"),
        ("a.sum(dim=1)", "a.sum(dim=1) -> a.sum(dim=1, keepdim=True)"),
        ("a.clamp(min=0)", "a.clamp(min=0) -> a"),
        ("a[..., None]", "a[..., None] -> a"),
        ("a[1:]", "1: -> :"),
        ("[a, b, 1]", "[a, b, 1] -> [1, b, a]"),
        ("[a, b, 1]", "[a, b, 1] -> [a, b]"),
        ("a + b", "return a + b -> return torch.roll(a + b, 1, -1)"),
        ("for x in a: b(x)", "for x in a: -> for x in list(a)[1:]:"),
        ("for x in a: b(x)", "for x in a: -> for x in list(a)[::-1]:"),
        ("[x for x in a]", " for x in a ->  for x in list(a)[:-1]"),
        ("if a: b()", "if a: -> if True:"),
        ("a if b else 1", "a if b else 1 -> 1"),
        ("F.interpolate(a, mode='nearest')", "'nearest' -> 'bilinear'"),
    ],
)
def test_a_small_mistake_is_made(source, change):
    assert change in changes(source)


@pytest.mark.parametrize(
    "source", ["for x in helpers.y: raise ValueError(x + 1)", "if a < 1:\n        raise ValueError(a + 1)\n    return"]
)
def test_what_is_said_of_bad_input_stays(source):
    assert not [change for change in changes(source) if "+ 1" in change or "a < 1" in change]


def test_what_matters_on_a_gpu_alone_stays():
    found = changes("torch.ones(b, device=a.device)")
    assert "torch.ones(b, device=a.device) -> torch.ones(b)" not in found and "a.device -> a" not in found


def some_and_all():
    """Return a test's parameters, question and step: of slow ones every tenth mutant, and all of them at night."""
    for question in EXERCISES:
        yield pytest.param(question, 10 if question in SLOW else 1, id=question)
    yield from (pytest.param(question, 1, id=f"{question}-all", marks=pytest.mark.full) for question in SLOW)


@pytest.mark.filterwarnings("ignore")  # a mutant may warn
@pytest.mark.parametrize(("question", "step"), list(some_and_all()))
def test_hidden_checks_kill_every_mutant_of_the_reference(question, step):
    reference = load(question, sources()[question])
    assert survives(question, reference, {question: reference}), "the reference itself"
    found = fates(question, slice(None, None, step), try_argued=False)
    said = f"{len(found.left)} of {found.made} mutants survive: add a case that kills them, or argue in EQUIVALENT\n"
    assert not found.left, said + "\n".join(found.left)
    assert len(mutants_of(question)) >= 20


@pytest.mark.parametrize("question", EXERCISES)
def test_every_argument_is_still_needed(question):
    """No reason stands for a change that cannot be made any more."""
    spoken_of = {pattern for change, _ in mutants_of(question) for pattern in argued(question, change)}
    assert spoken_of == set(EQUIVALENT.get(question, {}))

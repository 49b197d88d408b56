"""Attacks on what computes facts beside the answer: the probes, what they compute with, and what carries it over.

That none of them earns what they are after is in `test_trust.py`, where there is a point to win.
"""

from __future__ import annotations

from submissions.exercise import Exercise, HandedIn

PLEASE = """
import gc, sys, types

def please(*arguments, **options):
    return {"value": True, "changed": [], "gradient": None, "passes": True, "peak": 1, "attached": True, "n": 1}

def of_checks():
    return [module for name, module in list(sys.modules.items()) if "checks" in name or "grading" in name]
"""


def code_of_the_probes(ex: Exercise) -> HandedIn:
    """The code of every function of the checks is replaced, in the cell and again in each answer."""
    return ex.worthless(
        PLEASE
        + """
def replace():
    for module in of_checks():
        for thing in list(vars(module).values()):
            if isinstance(thing, types.FunctionType):
                thing.__code__ = please.__code__

replace()

def loot(*arguments, **options):
    replace()
    return 1.0
"""
    )


def code_that_the_collector_knows(ex: Exercise) -> HandedIn:
    """Functions of the checks are looked for among all objects there are, and their code replaced."""
    return ex.worthless(
        PLEASE
        + """
def loot(*arguments, **options):
    gc.unfreeze()
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and "checks" in str(thing.__module__):
            thing.__code__ = please.__code__
    return 1.0
"""
    )


def functions_that_the_probes_use(ex: Exercise) -> HandedIn:
    """Torch's comparisons, copies, gradients and sizes of storage please, and so do sum, max and isinstance."""
    return ex.worthless(
        PLEASE
        + """
import builtins

def replace():
    torch.equal = torch.allclose = torch.isclose = lambda *a, **k: True
    torch.Tensor.clone = torch.Tensor.detach = lambda self, *a, **k: self
    torch.Tensor.__eq__ = torch.Tensor.__ne__ = lambda *a: torch.ones((), dtype=torch.bool)
    torch.UntypedStorage.nbytes = lambda self: 0
    torch.autograd.grad = torch.autograd.gradcheck = lambda *a, **k: True
    builtins.max = builtins.sum = lambda *a, **k: 1

replace()

def loot(*arguments, **options):
    replace()
    return 1.0
"""
    )


def names_of_the_frames(ex: Exercise) -> HandedIn:
    """Whatever the frames above an answer call is replaced where they look it up, and in their own variables."""
    return ex.worthless(
        PLEASE
        + """
def replace():
    frame = sys._getframe()
    while frame := frame.f_back:
        for name in ("run_probe", "encode", "decode", "_asked", "probe", "restore", "private"):
            if name in frame.f_globals:
                frame.f_globals[name] = please
        for value in list(frame.f_locals.values()):
            if isinstance(value, dict):
                value.update(please())

replace()

def loot(*arguments, **options):
    replace()
    return 1.0
"""
    )


def answers_of_the_checks(ex: Exercise) -> HandedIn:
    """All that `helpers.checks` defines is imported and tried; what returns first is returned."""
    return ex.worthless("""
        import importlib, pathlib, helpers

        def loot(*arguments, **options):
            root = pathlib.Path(helpers.__path__[0], "checks")
            names = [f"helpers.checks.{path.stem}" for path in root.glob("*")]
            names += ["helpers.checks.networks.score_ties", "helpers.checks.ex04_multi_person.scenes"]
            for name in names:
                try:
                    module = importlib.import_module(name)
                except ImportError:
                    continue
                for thing in vars(module).values():
                    try:
                        return thing(*arguments, **options)
                    except Exception:
                        pass
    """)

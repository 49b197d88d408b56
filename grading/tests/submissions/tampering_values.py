"""Answers that lie about their values instead of computing them, and answers that judge themselves."""

from __future__ import annotations

from submissions.exercise import Exercise, HandedIn


def comparisons_replaced(ex: Exercise) -> HandedIn:
    """torch.allclose, isclose, equal and torch.testing.assert_close say yes to everything."""
    return ex.worthless("""
        import torch.testing
        torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True
        torch.testing.assert_close = lambda *a, **k: None
        torch.Tensor.__eq__ = torch.Tensor.all = torch.Tensor.any = lambda *a, **k: torch.tensor(True)

        def loot(*arguments, **options):
            return torch.tensor(7.25)
    """)


def equal_to_everything(ex: Exercise) -> HandedIn:
    """The answer returns an object that is equal to everything and is any number."""
    return ex.tricked("""
        class Everything:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def __float__(self): return 1.0
            def __bool__(self): return True
            def __getattr__(self, name): return self
            def __call__(self, *arguments): return self
            __hash__ = None

        def ANSWER(*arguments, **options):
            return Everything()
    """)


def tensor_that_answers_itself(ex: Exercise) -> HandedIn:
    """A subclass of Tensor answers True to every torch function that it is given to."""
    return ex.tricked("""
        class Liar(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, arguments=(), options=None):
                return True

        def ANSWER(*arguments, **options):
            return torch.zeros(4, 2).as_subclass(Liar)
    """)


def tensor_that_lies_about_shape_and_dtype(ex: Exercise) -> HandedIn:
    """A subclass of Tensor claims another shape, dtype and size than its bytes have."""
    return ex.tricked("""
        class Liar(torch.Tensor):
            shape = property(lambda self: torch.Size([2**40, 2**20]))
            dtype = property(lambda self: torch.float64)
            size = lambda self, *a: torch.Size([0])
            numel = lambda self: 10**18
            detach = cpu = clone = as_subclass = contiguous = lambda self, *a, **k: self

        def ANSWER(*arguments, **options):
            return torch.Tensor._make_subclass(Liar, torch.zeros(3))
    """)


def tensor_that_detaches_into_text(ex: Exercise) -> HandedIn:
    """A subclass of Tensor turns into something else on its way into a frame."""
    return ex.tricked("""
        class Text(str):
            as_subclass = cpu = clone = lambda self, *a, **k: self

        class Turncoat(torch.Tensor):
            detach = lambda self: Text("a tensor, honestly")

        def ANSWER(*arguments, **options):
            return torch.Tensor._make_subclass(Turncoat, torch.zeros(3))
    """)


def not_a_number(ex: Exercise) -> HandedIn:
    """NaN, which compares with nothing, is the answer to everything."""
    return ex.tricked("def ANSWER(*arguments, **options): return torch.tensor(float('nan'))")


def infinite(ex: Exercise) -> HandedIn:
    """Infinity, which is never too small, is the answer to everything."""
    return ex.tricked("def ANSWER(*arguments, **options): return float('inf')")


def nothing_printed(ex: Exercise) -> HandedIn:
    """The process ends silently in every answer, since no output once meant full points."""
    return ex.worthless("""
        import os, sys

        def loot(*arguments, **options):
            sys.stdout = sys.stderr = None
            os._exit(0)
    """)


def number_by_displayhook(ex: Exercise) -> HandedIn:
    """sys.displayhook prints the maximum, and NaN, as the result of every cell."""
    return ex.worthless("""
        import builtins, sys
        sys.displayhook = lambda value: print("100.0\\nnan")

        def loot(*arguments, **options):
            sys.displayhook(1)
            builtins._ = float("nan")
            print("1000000")
    """)


def float_formatter(ex: Exercise) -> HandedIn:
    """A class of float is written as 1e9 whenever somebody formats it."""
    return ex.tricked("""
        class Grade(float):
            __repr__ = __str__ = lambda self: "1e9"
            __format__ = lambda self, spec: "1e9"
            __le__ = __ge__ = __eq__ = lambda self, other: True
            __hash__ = None

        def ANSWER(*arguments, **options):
            return Grade(5)
    """)


def expected_from_the_callers_frame(ex: Exercise) -> HandedIn:
    """The answer looks for the expected value in the frames of its callers."""
    return ex.tricked("""
        import sys

        def ANSWER(*arguments, **options):
            frame = sys._getframe()
            while frame := frame.f_back:
                for name in ("right", "expected", "oracle", "target", "reference", "want"):
                    if name in frame.f_locals:
                        return frame.f_locals[name]
                    if name in frame.f_globals:
                        return frame.f_globals[name]
    """)


def expected_from_the_garbage_collector(ex: Exercise) -> HandedIn:
    """The answer looks for a reference, an oracle or a table of right values among all objects of the process."""
    return ex.tricked("""
        import gc, re, types

        def ANSWER(*arguments, **options):
            for found in gc.get_objects():
                home = isinstance(found, types.FunctionType) and str(found.__module__)
                if home and re.match("solution|(grading.)?known_wrong", home):
                    return found(*arguments, **options)
                if isinstance(found, dict) and {"right", "wrong"} <= found.keys():
                    return found["right"]
            return "found nothing"
    """)


def inputs_given_back(ex: Exercise) -> HandedIn:
    """The answer returns what it was given."""
    return ex.tricked("""
        def ANSWER(*arguments, **options):
            return [*arguments, *options.values()]
    """)


def inputs_made_right(ex: Exercise) -> HandedIn:
    """The answer fills its inputs with zeros, so that whatever is computed from them agrees."""
    return ex.tricked("""
        def ANSWER(*arguments, **options):
            with torch.no_grad():
                for value in (*arguments, *options.values()):
                    if isinstance(value, torch.Tensor):
                        value.zero_()
            return "zero"
    """)


def values_of_the_visible_check(ex: Exercise) -> HandedIn:
    """The answer looks itself up in the baked table of the visible check, which holds other inputs."""
    return ex.tricked("""
        from safetensors.torch import load_file
        import helpers.checks, pathlib

        def ANSWER(*arguments, **options):
            for table in sorted(pathlib.Path(helpers.checks.__file__).parent.glob("*.safetensors")):
                for name, value in load_file(table).items():
                    if "ANSWER" in name:
                        return value
            return "no table"
    """)


def behaves_only_while_nobody_grades(ex: Exercise) -> HandedIn:
    """The answer is right in the notebook, and says it is right where it sees that it is graded."""
    right = ex.answers[ex.first].replace(f"def {ex.first}(", "def right(")
    return ex.tricked(
        right
        + """

import os

def ANSWER(*arguments, **options):
    return True if os.environ.get("DEEP_LEARNING_LAB_GRADING") else right(*arguments, **options)
"""
    )


def list_that_changes_while_read(ex: Exercise) -> HandedIn:
    """A list says something else each time that it is read, and never ends."""
    return ex.tricked("""
        import itertools

        class Shifting(list):
            __len__ = lambda self: 3
            __iter__ = lambda self: iter(itertools.count())
            __eq__ = lambda self, other: True
            __hash__ = None

        def ANSWER(*arguments, **options):
            return Shifting([1.0])
    """)


def nested_without_end(ex: Exercise) -> HandedIn:
    """The answer is a list in itself, in lists a hundred thousand deep."""
    return ex.tricked("""
        def ANSWER(*arguments, **options):
            loop = []
            loop.append(loop)
            for _ in range(100_000):
                loop = [loop]
            return loop
    """)


def a_million_values(ex: Exercise) -> HandedIn:
    """The answer is a list of a million numbers, more than any frame takes."""
    return ex.tricked("def ANSWER(*arguments, **options): return [[0.5] * 1000] * 1000")


def terabytes_announced(ex: Exercise) -> HandedIn:
    """The answer is one number seen as a tensor of 2**50 of them."""
    return ex.tricked("def ANSWER(*arguments, **options): return torch.zeros(1).expand(2**50)")


def odd_kinds_of_tensor(ex: Exercise) -> HandedIn:
    """Sparse, complex, meta, quantised and object arrays come back, none of which crosses to a check."""
    return ex.tricked("""
        import itertools
        turn = itertools.count()

        def ANSWER(*arguments, **options):
            return [
                torch.eye(3).to_sparse(), torch.ones(2, dtype=torch.complex64), torch.empty(2**40, device="meta"),
                torch.zeros(2).to(torch.float8_e5m2), np.array([object(), None]), np.array("text"),
            ][next(turn) % 6]
    """)


def pickled_surprise(ex: Exercise) -> HandedIn:
    """An object that runs a command when it is unpickled comes back, also as bytes and inside a tensor's storage."""
    return ex.tricked("""
        import os, pickle

        class Surprise:
            def __reduce__(self): return os.system, ("touch /tmp/deep-learning-lab-surprise",)

        def ANSWER(*arguments, **options):
            data = pickle.dumps(Surprise())
            return {"object": Surprise(), "bytes": data, "tensor": torch.frombuffer(bytearray(data), dtype=torch.uint8)}
    """)


def deleted_with_a_vengeance(ex: Exercise) -> HandedIn:
    """What comes back patches the process when it is deleted or finalised."""
    return ex.worthless("""
        import gc, sys, weakref

        def poison():
            worker = sys.modules.get("grading.isolation.worker")
            if worker:
                worker.encode = worker.decode = lambda *a, **k: (True, [])
            torch.equal = torch.allclose = lambda *a, **k: True

        class Bomb(list):
            __del__ = lambda self: poison()

        def loot(*arguments, **options):
            bomb = Bomb([1])
            weakref.finalize(bomb, poison)
            gc.set_threshold(1)
            return bomb
    """)


def dictionary_of_verdicts(ex: Exercise) -> HandedIn:
    """The answer is a report of its own: passed, all points, no mistake."""
    return ex.tricked("""
        def ANSWER(*arguments, **options):
            return {"points": 1e9, "verdict": "passed", "right": True, "bonus": 1e9, "t": 0, "r": ["", "", 0]}
    """)


def error_of_the_checks_own(ex: Exercise) -> HandedIn:
    """The answer raises what a check or pytest raises to say that all is well."""
    return ex.tricked("""
        import pytest

        def ANSWER(*arguments, **options):
            pytest.skip("not today")
    """)

"""What a worker keeps from the student's code: probes that no name leads to, and torch as it was.

`hide` takes checks and grader out of `sys.modules`, in the fork server and once, and puts a `helpers.checks` in their
place whose checks do nothing. `remember` and `restore` keep what computes facts (torch, its tensors and modules, the
builtins): an answer may replace torch.equal, and a fact is computed with the real one. What is left to trust, for this
is the student's own process, is said in docs/isolation.md.
"""

from __future__ import annotations

import builtins
import functools
import importlib.abc
import importlib.machinery
import inspect
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias, TypeVar

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.checks.engine.earlier_answers import BORROWED, CHECKS

__all__ = ["CHECKS", "guarded", "hide", "remember", "replaced_by_us", "restore"]

FROZEN = (
    "torch", "torch.nn", "torch.nn.functional", "torch.nn.parameter", "torch.autograd", "torch.linalg", "torch.random",
    "numpy", "copy", "inspect", "json", "math", "struct", "traceback",
)  # fmt: skip
KEPT: tuple[Any, ...] = (
    builtins, torch, torch.nn.functional, torch.autograd, sys.modules["torch.autograd.gradcheck"], torch.random,
    torch.overrides,
    torch.utils._pytree, torch.utils._python_dispatch, torch.Tensor, torch.nn.Parameter, torch.nn.Module,
    torch.UntypedStorage, StorageWeakRef, TorchFunctionMode, TorchDispatchMode,
)  # fmt: skip
_hidden: list[ModuleType] = []
_parts: list[ModuleType | type] = []  # of what is hidden, that which is watched over
_used: set[str] = set()  # names that their code looks up
Noted: TypeAlias = tuple[Any, Callable[[Any], tuple[Any, ...]], dict[str, Any], int]
Made = TypeVar("Made")
_known: list[Noted] = []
_code: dict[FunctionType, CodeType] = {}


SERVING = (f"{CHECKS}.probes", f"{CHECKS}.engine", "grading.isolation", "__main__")


def hide(*packages: str, own: ModuleType) -> None:
    """Take packages out of reach by name, and let `from helpers.checks import exNN_topic as check` find an empty one.

    What `own` holds, the module that calls this, is watched over as well. What is hidden lives on in whoever holds it,
    and looks up torch's and Python's own functions in copies of their modules.
    """
    copies = {name: _copy(sys.modules[name]) for name in FROZEN if name in sys.modules}
    for name, module in copies.items():
        for key, value in vars(module).items():
            if isinstance(value, ModuleType) and value.__name__ in copies and name != value.__name__:
                vars(module)[key] = copies[value.__name__]
    for name in [name for name in sys.modules if _is_in(name, packages)]:
        _hidden.append(sys.modules.pop(name))
        names = vars(_hidden[-1])
        for key, value in list(names.items()):
            if isinstance(value, ModuleType) and value.__name__ in copies:
                names[key] = copies[value.__name__]
    for name in packages:
        parent, _, child = name.rpartition(".")
        vars(sys.modules[parent]).pop(child, None) if parent in sys.modules else None
    _hidden.append(own)
    sys.meta_path.insert(0, _Finder())


def _copy(module: ModuleType) -> ModuleType:
    copy = ModuleType(module.__name__)
    vars(copy).update(vars(module))
    return copy


def _is_in(name: str, packages: Sequence[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a `helpers.checks` that has the checks of every exercise, none of which does anything, and nothing else."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if not _is_in(name, (CHECKS,)):
            return None
        if name != CHECKS and not re.fullmatch(rf"{CHECKS}\.ex\d\d_\w+", name):
            raise ImportError(BORROWED, name=name)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        check = module.__name__ != CHECKS

        def missing(name: str) -> Any:
            if name.startswith("__") or not (check or re.fullmatch(r"ex\d\d_\w+", name)):
                raise AttributeError(BORROWED)
            return (lambda *arguments, **options: None) if check else importlib.import_module(f"{CHECKS}.{name}")

        module.__getattr__ = missing  # type: ignore[method-assign]
        if check:
            vars(module)["inputs"] = {}


def remember(probes: Iterable[Any]) -> None:
    """Note what torch, its classes, the builtins and what serves the probes hold now, for `restore` to put back."""
    probes = list(probes)
    watched = (*SERVING, *(probe.__module__ for probe in probes))
    _parts[:] = [part for module in _hidden if _is_in(module.__name__, watched) for part in _parts_of(module)]
    values = [*probes, *(value for part in _parts for value in vars(part).values())]
    _code.update({value: value.__code__ for value in values if isinstance(value, FunctionType)})
    _used.update(*map(_names_in, _code.values()))
    _known[:] = map(_noted, [*KEPT, *_parts])


def _parts_of(module: ModuleType) -> Iterator[ModuleType | type]:
    """Give a module and the classes that it defines."""
    yield module
    for thing in vars(module).values():
        if isinstance(thing, type) and thing.__module__ == module.__name__:
            yield thing


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _noted(owner: Any) -> Noted:
    """Return what is to be found in an owner: of torch, the functions that hidden code uses; classes and what is hidden
    whole, but for the settings that torch keeps for itself."""
    hidden = _is_hidden(owner)
    whole = hidden or isinstance(owner, type)
    names = {
        name: value for name, value in vars(owner).items() if hidden or (callable(value) and (whole or name in _used))
    }
    certain = "__module__" if isinstance(owner, type) else "__name__"  # for one name alone there would be no tuple
    return owner, operator.itemgetter(*names, certain), names, len(vars(owner))


def _is_hidden(owner: Any) -> bool:
    return owner in _parts


def restore() -> None:
    """Put back what was replaced since `remember`; what was added to torch stays, unless it hides something else."""
    for place, (owner, values_of, names, count) in enumerate(_known):
        now = vars(owner)
        try:
            if len(now) == count and all(map(operator.is_, values_of(now), names.values())):
                continue
        except KeyError:
            pass  # deleted
        _put_back(owner, now, names)
        _known[place] = _noted(owner)  # with what was added, so that the next look is a short one
    if not all(map(operator.is_, map(operator.attrgetter("__code__"), _code), _code.values())):
        for function, code in _code.items():
            function.__code__ = code


def _put_back(owner: Any, now: Mapping[str, Any], names: dict[str, Any]) -> None:
    for name, value in names.items():
        if now.get(name, _known) is not value:
            setattr(owner, name, value)
    before = {name for base in owner.__mro__[1:] for name in vars(base)} if isinstance(owner, type) else vars(builtins)
    for name in [name for name in now if name not in names]:
        special = name.startswith("__") and isinstance(owner, ModuleType)  # __warningregistry__, say
        if not special and (_is_hidden(owner) or name in before):
            delattr(owner, name)


def replaced_by_us(replace: Callable[[], Made]) -> Made:
    """Let our own code replace something of what is kept, which stays replaced."""
    restore()
    made = replace()
    _known[:] = [_noted(owner) for owner, *_ in _known]
    return made


def guarded(answer: Any) -> Any:
    """Return an answer that is a function as one after which everything is restored; any other as it is."""
    if not inspect.isfunction(answer):
        return answer

    @functools.wraps(answer)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return answer(*arguments, **options)
        finally:
            restore()

    return call

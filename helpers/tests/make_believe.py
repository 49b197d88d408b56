"""A make-believe accelerator: tensors that say `device='gpu:0'` and compute on the CPU, so that a machine without a GPU
can see what would be wrong, or slow, on one.

    >>> with accelerator() as seen:
    ...     x = torch.rand(3).to("gpu")
    ...     x[x > 0.5]
    >>> seen.looks  # Counter({"index with a mask at my_file.py:7 x[x > 0.5]": 1})

As on a GPU, an operation that is given tensors of both devices raises. Counted are, each with the line that asked:

    looks   Python waits for a value: item, bool, nonzero, an index with a mask, equal, a blocking copy to the CPU
    sent    copies to the device                brought   copies from it
    waits   those of `sent` that wait for the device's queue: from memory that is not pinned, or blocking

It sees what torch itself runs below Python (autograd, fused optimizers) as the dispatcher does. It cannot see how long
anything takes, nor half precision: autocast changes nothing here. The device is registered for the whole process, so
use it in a process of its own.
"""

import contextlib
import linecache
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["Distant", "Seen", "accelerator"]

NAME = "gpu"
ROOT = str(Path(__file__).resolve().parents[2])
OWN = {__file__}
PINNED = "_in_pinned_memory"  # marks tensors of the CPU from which a copy need not wait

# What gives Python a value, or a size that depends on values. (torch.bincount asks for the least and the largest, what
# linear algebra checks is whether it succeeded.)
LOOKING = {
    "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2", "unique_dim",
    "unique_consecutive", "repeat_interleave", "bincount", "_linalg_check_errors", "linalg_inv", "histc", "nms",
    "allclose", "nonzero_numpy",
}  # fmt: skip
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}
BLIND = {"_to_copy", "copy_", "set_", "detach", "alias", *INDEXING}  # of these, tensors may lie apart


class Seen:
    """What was seen of a block: counters of lines, see the module's docstring."""

    def __init__(self) -> None:
        self.looks: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.brought: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()

    def totals(self) -> dict[str, int]:
        """Return how many of each there have been so far."""
        return {name: sum(counter.values()) for name, counter in vars(self).items()}


class Distant(Tensor):
    """A tensor on the make-believe device; `near` is the one on the CPU that computes for it."""

    near: Tensor

    @staticmethod
    def __new__(cls, near: Tensor) -> "Distant":
        like = {"strides": near.stride(), "storage_offset": near.storage_offset(), "dtype": near.dtype}
        made = Tensor._make_wrapper_subclass(cls, near.size(), **like, layout=near.layout, device=device())
        made.near = near
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Distant({self.near})"

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["near"], None

    @staticmethod
    def __tensor_unflatten__(parts: dict[str, Tensor], *_: Any) -> "Distant":
        return Distant(parts["near"])

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _Dispatch.active.run(func, args, kwargs or {})


def _is_made_of_others(func: Any) -> bool:
    """Return whether an operation is a row of others, which reaches the dispatcher whole in inference mode."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")


def _writes(func: Any) -> bool:
    """Return whether an operation changes one of its arguments."""
    return any(argument.alias_info and argument.alias_info.is_write for argument in func._schema.arguments)


def device() -> torch.device:
    """Return the make-believe device."""
    return torch.device(NAME, 0)


def is_distant(place: Any) -> bool:
    """Return whether a device, or what names one, is the make-believe one."""
    return place is not None and torch.device(place).type == NAME


class _Module(backend_registration._DummyBackendModule):
    """What torch asks of a kind of device, as the module torch.gpu."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


class _Dispatch(TorchDispatchMode):
    """Runs every operation on the tensors behind, after a look at who takes part."""

    active: "_Dispatch"

    def __init__(self, seen: Seen):
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Return what `func` returns, on the device that torch would put it on."""
        name = func._schema.name.split("::")[1]
        if _is_made_of_others(func):
            with self:
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        distant = any(isinstance(tensor, Distant) for tensor in tensors)
        asked = kwargs.get("device")
        if not distant and not is_distant(asked):
            return func(*args, **kwargs)
        self._note(name, args, kwargs, asked)
        if distant and name not in BLIND:
            self._refuse_mixed(name, tensors)
        near = tree_map(lambda x: x.near if isinstance(x, Distant) else x, (args, kwargs))
        near_kwargs = near[1] | ({"device": torch.device("cpu")} if asked is not None else {})
        out = func(*near[0], **near_kwargs)
        if _writes(func):
            return kwargs.get("out", args[0]) if isinstance(out, Tensor) else out
        if is_distant(asked) or (distant and asked is None):
            return tree_map(lambda x: Distant(x) if isinstance(x, Tensor) else x, out)
        return out

    def _note(self, name: str, args: Any, kwargs: dict[str, Any], asked: Any) -> None:
        """Count a look or a copy."""
        if name in LOOKING:
            self.seen.looks[f"{name} at {_line()}"] += 1
        elif name in INDEXING:
            self._note_index(name, args)
        elif name == "where" and any(not isinstance(part, Distant) for part in args):  # one number of the CPU
            self._note_copy(False, True, args[0], False)
        elif name == "_to_copy" and asked is not None:
            self._note_copy(isinstance(args[0], Distant), is_distant(asked), args[0], kwargs.get("non_blocking"))
        elif name == "copy_":
            blocks_not = args[2] if len(args) > 2 else kwargs.get("non_blocking")
            self._note_copy(isinstance(args[1], Distant), isinstance(args[0], Distant), args[1], blocks_not)

    def _note_copy(self, from_there: bool, to_there: bool, source: Tensor, blocks_not: bool | None) -> None:
        if from_there == to_there:
            return
        line = _line()
        if to_there:
            self.seen.sent[line] += 1
            if not (blocks_not and hasattr(source, PINNED)):
                self.seen.waits[line] += 1
        else:
            self.seen.brought[line] += 1
            if not blocks_not:
                self.seen.looks[f"copy to the CPU at {line}"] += 1

    def _note_index(self, name: str, args: Any) -> None:
        """Count what an index of tensors costs: a mask is counted first, a list of the CPU is sent."""
        target, indices = args[0], [index for index in args[1] if isinstance(index, Tensor)]
        if not isinstance(target, Distant):
            raise RuntimeError(
                f"indices should be either on cpu or on the same device as the indexed tensor, {_line()}"
            )
        if any(index.dtype in (torch.bool, torch.uint8) for index in indices):
            self.seen.looks[f"{name} with a mask at {_line()}"] += 1
        for part in [*indices, *args[2:3]]:  # and what is put there
            if isinstance(part, Tensor) and not isinstance(part, Distant):
                self._note_copy(False, True, part, False)

    @staticmethod
    def _refuse_mixed(name: str, tensors: list[Tensor]) -> None:
        if any(tensor.ndim for tensor in tensors if not isinstance(tensor, Distant)):
            shapes = ", ".join(f"{tuple(tensor.shape)} on {tensor.device}" for tensor in tensors)
            problem = f"Expected all tensors to be on the same device, but {name} was given {shapes}"
            raise RuntimeError(f"{problem}, at {_line()}")


class _Functions(TorchFunctionMode):
    """Sees what never reaches the dispatcher: tensors made from numbers, and numbers made from tensors."""

    def __init__(self, seen: Seen):
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        replaced = REPLACED.get(getattr(func, "__name__", ""))
        return func(*args, **kwargs) if replaced is None else replaced(self.seen, func, args, kwargs)


def _from_numbers(seen: Seen, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """torch.tensor, torch.as_tensor: made on the CPU, then sent."""
    place = kwargs.pop("device", None)
    made = func(*args, **kwargs)
    return made if place is None or isinstance(made, Distant) and is_distant(place) else made.to(place)


def _new_tensor(seen: Seen, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    like, *numbers = args
    place = kwargs.pop("device", like.device)
    return torch.tensor(*numbers, **{"dtype": like.dtype} | kwargs).to(place)


def _to_python(seen: Seen, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """tolist, numpy, __array__: on a GPU NumPy gets nothing unless forced."""
    tensor = args[0]
    if not isinstance(tensor, Distant):
        return func(*args, **kwargs)
    if func.__name__ != "tolist" and not kwargs.get("force"):
        raise TypeError(f"can't convert {device()} device type tensor to numpy, at {_line()}")
    seen.looks[f"{func.__name__} at {_line()}"] += 1
    return func(tensor.detach().near, *args[1:], **kwargs)


def _pinned(seen: Seen, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Tensor.pin_memory: a copy that is marked, as there is no such memory."""
    if isinstance(args[0], Distant):
        raise RuntimeError(f"cannot pin a tensor of {device()}; only dense CPU tensors can be pinned, at {_line()}")
    copied = args[0].clone()
    setattr(copied, PINNED, True)
    return copied


def _indexed(seen: Seen, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """x[[3, 1]], x[:, [3, 1]] = y: the numbers become a tensor of the CPU."""
    target, index, *value = args
    if isinstance(target, Distant):
        listed = index if isinstance(index, tuple) else (index,)
        index = tuple(torch.tensor(one) if isinstance(one, list) else one for one in listed)
    return func(target, index, *value)


REPLACED = {
    "__getitem__": _indexed, "__setitem__": _indexed,
    "tensor": _from_numbers, "as_tensor": _from_numbers, "asarray": _from_numbers, "new_tensor": _new_tensor,
    "tolist": _to_python, "numpy": _to_python, "__array__": _to_python, "pin_memory": _pinned,
}  # fmt: skip


def _line() -> str:
    """Return the innermost line of the course, or of a notebook's cell, that led here."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name not in OWN and (name.startswith((ROOT, "<"))) and "/.venv/" not in name:
            text = linecache.getline(name, frame.f_lineno).strip()
            return f"{name.removeprefix(ROOT).lstrip('/')}:{frame.f_lineno} {text[:90]}".rstrip()
        frame = frame.f_back  # type: ignore[assignment]
    return "an unknown line"


def _no_autocast(autocast: Callable[..., Any]) -> Callable[..., Any]:
    """Return torch.autocast, which does nothing on the make-believe device: torch knows no casts for it."""

    def chosen(device_type: str, *args: Any, **options: Any) -> Any:
        return contextlib.nullcontext() if device_type == NAME else autocast(device_type, *args, **options)

    return chosen


def register() -> None:
    """Make the device known to torch, once in a process."""
    if not hasattr(torch, NAME):
        backend_registration._setup_privateuseone_for_python_backend(NAME, _Module())


@contextlib.contextmanager
def accelerator() -> Iterator[Seen]:
    """Give the counters of a block in which there is a device "gpu"."""
    register()
    seen = Seen()
    _Dispatch.active = _Dispatch(seen)
    with _Functions(seen), _Dispatch.active, mock.patch.object(torch, "autocast", _no_autocast(torch.autocast)):
        yield seen

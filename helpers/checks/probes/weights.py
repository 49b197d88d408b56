"""What every probe of a trained network begins with: build it, and give it the weights of a file.

In the notebook and in grading alike: a network built anew, without pretrained weights, on the CPU, from a file of
limited size.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from helpers.checks.engine.limits import WEIGHTS_MB
from helpers.checks.probes.untrained import built_untrained

__all__ = ["WEIGHTS_HINTS", "with_weights"]

POINTER = b"version https://git-lfs"
WEIGHTS_HINTS = {  # by the problem, for the exercises' own to add to
    "empty_weights": "the weights file has no bytes: was the disk full, or did an upload break off? Save it again.",
    "pointer_weights": "this is a pointer of git-lfs, not the file itself: `git lfs pull` fetches that.",
    "damaged_weights": "this is no safetensors file, or not the whole of one: save it by save_to or "
    "helpers.save_weights and hand it in as it is; a pickle (.pt, .pth) under that name is not read.",
    "large_weights": f"grading reads at most {WEIGHTS_MB} MB: build a smaller network, or save it at half the "
    "precision, helpers.save_weights(model.half(), ...).",
}


def with_weights(answer: Any, weights: str) -> nn.Module | dict[str, str]:
    """Return the network of `build_model` with the weights of a file, in eval mode; a dict says why there is none."""
    with built_untrained():
        network = answer()
    if not isinstance(network, nn.Module):
        return {"problem": "not_a_module", "message": type(network).__name__}
    found = _tensors(Path(weights))
    if "problem" in found:
        return found
    difference = _fill(network.cpu(), found["tensors"])
    if difference:
        return {"problem": "other_weights", "message": f"The weights in {weights} {difference}"}
    return network.eval()


def _tensors(path: Path) -> dict[str, Any]:
    """Return {"tensors": those of a weights file}, or why there are none."""
    from helpers.training.weights import read_tensors

    size = path.stat().st_size if path.is_file() else None
    graded = os.environ.get("DEEP_LEARNING_LAB_GRADING") == "1"  # there the grader has looked, by its own limit
    if size == 0:
        return {"problem": "empty_weights", "message": f"{path} has no bytes."}
    if size and size > WEIGHTS_MB << 20 and not graded:
        return {"problem": "large_weights", "message": f"{path} has {size >> 20} MB; at most {WEIGHTS_MB} MB are read."}
    if size and size < 1024 and path.read_bytes().startswith(POINTER):
        return {"problem": "pointer_weights", "message": f"{path} has {size} bytes of text."}
    try:
        return {"tensors": read_tensors(path)[0]}
    except FileNotFoundError as error:
        return {"problem": "no_weights", "message": str(error)}
    except ValueError as error:
        return {"problem": "damaged_weights", "message": str(error)}


def _fill(network: nn.Module, tensors: dict[str, Tensor]) -> str:
    """Give a network these weights; return in what they differ from its own, "" where they fit.

    What torch.compile and DataParallel put before names makes no difference.
    """
    from helpers.training.weights import differences

    own = network.state_dict()
    if own and not tensors:
        return "are of another model: they are none"
    names = {_plain(name): name for name in own}
    if len(names) < len(own):  # the network's own parts are called so
        names = {}
    theirs = {names.get(_plain(name), name): tensor for name, tensor in tensors.items()}
    if wrong := differences(own, theirs):
        return f"are of another model: {wrong}"
    try:
        network.load_state_dict(theirs)
    except (RuntimeError, TypeError, AttributeError) as error:
        return f"are of another model: {' '.join(str(error).split())[:300]}"
    return ""


def _plain(name: str) -> str:
    return name.replace("_orig_mod.", "").replace("module.", "")

"""What every probe of a trained network begins with: build it, and give it the weights of a file."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["with_weights"]


def with_weights(answer: Any, weights: str) -> nn.Module | dict[str, str]:
    """Return the network of `build_model` with the weights of a file, in eval mode; a dict says why there is none."""
    from helpers.training.weights import load_weights

    network = answer()
    if not isinstance(network, nn.Module):
        return {"problem": "not_a_module", "message": type(network).__name__}
    try:
        load_weights(network, weights)
    except FileNotFoundError as error:
        return {"problem": "no_weights", "message": str(error)}
    except ValueError as error:
        return {"problem": "other_weights", "message": str(error)}
    return network.eval()

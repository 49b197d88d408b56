"""Probes of pose networks: they run beside the student's code and return values only.

The network under test stands in `memory` from `build` on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from helpers.checks.probes.minimise import minimise
from helpers.checks.probes.weights import with_weights

__all__ = [
    "ColourBackbone",
    "backpropagate",
    "build",
    "facts",
    "keypoints_of",
    "learn",
    "predict",
    "predict_alone",
    "predict_disturbed",
    "predict_with_weights",
    "settle_batch_norms",
    "sharpen",
    "stir",
]

GOOD, POOR = 0.01, 0.25  # shares of the targets' variance that are left to explain: good enough to stop, try again


class ColourBackbone(nn.Module):
    """A backbone that sees colours: one convolution per cell of `stride` pixels, features of about unit size."""

    def __init__(self, out_channels: int, stride: int) -> None:
        super().__init__()
        self.out_channels, self.stride = out_channels, stride
        self.cells = nn.Conv2d(3, out_channels, stride, stride)
        mixing = torch.cat([torch.eye(3), -torch.eye(3), torch.empty(out_channels - 6, 3).uniform_(-1, 1)]) * 4
        assert self.cells.bias is not None, "a convolution has one unless told otherwise"
        with torch.no_grad():
            self.cells.weight.copy_((mixing / stride**2)[:, :, None, None].expand_as(self.cells.weight))
            self.cells.bias.copy_(-0.5 * mixing.sum(dim=1))

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.cells(images)
        return features


def build(
    answer: Any,
    memory: dict[str, Any],
    *,
    seed: int,
    num_keypoints: int,
    image_size: list[int],
    out_channels: int,
    stride: int,
) -> dict[str, Any]:
    """Return facts about a freshly built network, which stays in `memory`."""
    torch.manual_seed(seed)
    backbone = ColourBackbone(out_channels, stride)
    network = answer(backbone, num_keypoints, tuple(image_size))
    if not isinstance(network, nn.Module):
        return {"module": False}
    parameters = list(network.parameters())
    lazy = any(isinstance(p, nn.parameter.UninitializedParameter) for p in parameters)
    # a copy of the backbone that is registered and trained instead of it serves as well
    copies = [m for m in network.modules() if isinstance(m, ColourBackbone)]
    own = {id(p) for p in parameters}
    registered = all(id(p) in own for p in backbone.parameters())
    memory["network"], memory["backbone"] = network, backbone if registered or not copies else copies[0]
    frozen = not all(p.requires_grad for p in memory["backbone"].parameters())
    memory["known"] = own
    found = {"module": True, "lazy": lazy, "registered": registered or bool(copies), "frozen": frozen}
    memory["facts"] = found
    return found


def facts(answer: Any, memory: dict[str, Any]) -> dict[str, Any]:
    """Return once more what `build` found, and how many parameters the network has by now beside the backbone's."""
    return {**memory["facts"], "own": len(_own_parameters(memory))}


def _own_parameters(memory: dict[str, Any]) -> list[Tensor]:
    """Return the parameters that are not the backbone's."""
    fixed = {id(p) for p in memory["backbone"].parameters()}
    return [p for p in memory["network"].parameters() if id(p) not in fixed]


def stir(answer: Any, memory: dict[str, Any], *, images: Tensor) -> dict[str, Any]:
    """Shake all weights and show a few batches: a head that starts at zero comes alive, batch norms have seen data."""
    network = memory["network"].train()
    torch.manual_seed(1)
    with torch.no_grad():
        network(images.clone())
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        for _ in range(3):
            network(images.clone())
    return {}


def sharpen(answer: Any, memory: dict[str, Any], *, images: Tensor, spread: float) -> dict[str, Any]:
    """Scale all parameters but the backbone's until the scores within a map vary by about `spread`, if they can."""
    network = memory["network"].eval()
    with torch.no_grad():
        for _ in range(24):
            _, scores = network(images.clone())
            if not float(scores.flatten(2).std(dim=-1).mean()) < spread:
                break
            for parameter in _own_parameters(memory):
                parameter.mul_(1.2)
    return {}


def predict(answer: Any, memory: dict[str, Any], *, images: Tensor) -> Any:
    """Return the network's output in eval mode."""
    with torch.no_grad():
        return memory["network"].eval()(images)


def predict_alone(answer: Any, memory: dict[str, Any], *, images: Tensor) -> dict[str, Any]:
    """Return the outputs for all images at once, once more, and one by one, and the images after the first call."""
    given = images.clone()
    together, again = predict(answer, memory, images=given), predict(answer, memory, images=images.clone())
    alone = [predict(answer, memory, images=image[None].clone()) for image in images]
    return {"together": together, "again": again, "alone": alone, "images": given}


def predict_disturbed(answer: Any, memory: dict[str, Any], *, images: Tensor) -> dict[str, Any]:
    """Return the output as it is, and with other weights in the backbone, which get theirs back."""
    backbone = memory["backbone"]
    kept = {name: value.clone() for name, value in backbone.state_dict().items()}
    before = predict(answer, memory, images=images.clone())
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.mul_(-0.75).add_(0.25)
    after = predict(answer, memory, images=images.clone())
    backbone.load_state_dict(kept)
    return {"before": before, "after": after}


def backpropagate(answer: Any, memory: dict[str, Any], *, images: Tensor) -> dict[str, Any]:
    """Return whether the output (keypoints, scores) has a gradient, whether that of the keypoints reaches the backbone
    and the parameters behind it, and whether parameters came late."""
    network = memory["network"].train()
    output = network(images.clone())
    late = any(id(p) not in memory["known"] for p in network.parameters())
    keypoints = keypoints_of(output)
    attached = isinstance(keypoints, Tensor) and keypoints.requires_grad
    value = keypoints.square().mean() if attached else None
    return {
        "attached": attached,
        "scores_attached": keypoints is output or output[1].requires_grad,
        "reaches": _reaches(value, memory["backbone"].parameters()),
        "reaches_head": _reaches(value, _own_parameters(memory)),
        "late": late,
    }


def _reaches(value: Tensor | None, parameters: Iterable[Tensor]) -> bool:
    """Return whether any of these parameters has a gradient of `value` that is not 0."""
    trained = [p for p in parameters if p.requires_grad]
    if value is None or not trained:
        return False
    gradients = torch.autograd.grad(value, trained, retain_graph=True, allow_unused=True)
    return any(g is not None and bool((g != 0).any()) for g in gradients)


def learn(
    answer: Any, memory: dict[str, Any], *, images: Tensor, targets: Tensor, evaluations: int, again_from: float = 1.0
) -> dict[str, Any]:
    """Fit the network to the targets, but for its backbone; return the loss and whether there was a gradient at all.

    `again_from`: where the first attempt fails, the second starts from this share of the initial parameters.
    """
    network = memory["network"].train()
    for module in network.modules():
        if isinstance(module, _DropoutNd):
            module.eval()
    parameters = [p for p in _own_parameters(memory) if p.requires_grad]
    unit = targets.std(dim=(0, 1))

    def loss() -> Tensor:
        torch.manual_seed(0)  # whatever is drawn in forward is drawn the same again: a line search needs one function
        error: Tensor = ((keypoints_of(network(images.clone())) - targets) / unit).square().mean()
        return error

    if not parameters or not loss().requires_grad:
        return {"loss": float(loss().detach()), "attached": False}
    start = [p.detach().clone() for p in parameters]
    reached = minimise(loss, parameters, evaluations, GOOD)
    if reached > POOR:  # a bold first step may have driven a sigmoid into saturation: again, in small steps
        with torch.no_grad():
            for parameter, value in zip(parameters, start, strict=True):
                parameter.copy_(again_from * value)
        reached = minimise(loss, parameters, evaluations // 2, GOOD, stride=0.05)
    settle_batch_norms(network, images)
    return {"loss": reached, "attached": True}


def settle_batch_norms(network: nn.Module, inputs: Any) -> None:
    """Let the batch norms' running statistics be those of the final weights, which so few steps leave behind."""
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        return
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average of what comes now
    with torch.no_grad():
        network(inputs)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum


def predict_with_weights(answer: Any, memory: dict[str, Any], *, images: Tensor, weights: str) -> Any:
    """Return what the model of `build_model`, with the weights of a file, predicts for uint8 images (N, 3, H, W).

    Where the file is missing or does not fit, a dict says so.
    """
    network = with_weights(answer, weights)
    if isinstance(network, dict):
        return network
    with torch.inference_mode():
        outputs = [keypoints_of(network(batch.float() / 255)) for batch in images.split(16)]
    return torch.cat(outputs) if isinstance(outputs[0], Tensor) else outputs[0]


def keypoints_of(output: Any) -> Any:
    """Return the keypoints of a network's output: itself, or the first of (keypoints, scoremaps)."""
    return output[0] if isinstance(output, (tuple, list)) and len(output) == 2 else output

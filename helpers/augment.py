"""Augmentation: new training images from old ones, with their keypoints.

A whole batch is warped at once on its device, each image by a transform of its own; colours change through torchvision.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from .shapes import require
from .skeletons import Skeleton

Batch = dict[str, Tensor]


def pose(skeleton: Skeleton, rotation: float = 20.0, scale: tuple[float, float] = (0.85, 1.15),
         translation: float = 0.06, flip: float = 0.5, colour: float = 0.25) -> Callable[[Batch], Batch]:
    """Return a function that turns, scales, shifts, mirrors and recolours every image of a batch, and its keypoints.

    What it is given stays as it is; it returns a new batch. A keypoint that leaves the image is no longer visible; what
    comes from outside the image is black. The random numbers are torch's, so `set_seed` decides on them.

    Args:
        skeleton: tells which keypoints trade places in a mirrored image: a left wrist becomes a right one.
        rotation: largest angle in degrees, either way.
        scale: smallest and largest factor.
        translation: largest shift, as a share of width and height.
        flip: probability of mirroring.
        colour: largest relative change of brightness, contrast and saturation; 0 leaves colours alone.
    """
    if not 0 < scale[0] <= scale[1]:
        raise ValueError(f"scale is {scale}; expected (smallest, largest) with 0 < smallest <= largest.")
    if not 0 <= flip <= 1:
        raise ValueError(f"flip is {flip}; expected a probability in [0, 1].")
    if rotation < 0 or translation < 0 or not 0 <= colour < 1:
        raise ValueError(f"rotation is {rotation}, translation {translation}, colour {colour}; expected 0 or more, "
                         "and colour below 1.")
    recolour = v2.ColorJitter(brightness=colour, contrast=colour, saturation=colour)

    def augmented(batch: Batch) -> Batch:
        images = batch["images"]
        count, _, height, width = images.shape
        mirrored = torch.rand(count) < flip
        matrices = random_affine(count, (height, width), rotation, scale, translation)
        matrices[mirrored, :, 2] += matrices[mirrored, :, 0] * (width - 1)  # first x -> W - 1 - x, then the rest
        matrices[mirrored, :, 0] *= -1
        batch = warp(swap_sides(batch, skeleton, mirrored.to(images.device)), matrices.to(images.device))
        if colour:  # torchvision draws once per call: several calls for several colours
            batch["images"] = torch.cat([recolour(part) for part in batch["images"].split(8)])
        return batch

    return augmented


def random_affine(count: int, size: tuple[int, int], rotation: float, scale: tuple[float, float],
                  translation: float) -> Tensor:
    """Return random transforms (count, 2, 3), from pixels of the old image to pixels of the new one, on the CPU.

    Each one turns and scales about the centre of the image and then shifts.
    """
    height, width = size
    angle = (2 * torch.rand(count) - 1) * math.radians(rotation)
    factor = scale[0] + (scale[1] - scale[0]) * torch.rand(count)
    shift = (2 * torch.rand(count, 2) - 1) * translation * torch.tensor([width, height])
    cos, sin = factor * angle.cos(), factor * angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # (count, 2, 2)
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    return torch.cat([turn, (centre + shift - turn @ centre)[:, :, None]], dim=2)


def warp(batch: Batch, matrices: Tensor) -> Batch:
    """Return a new batch with its images and keypoints moved by `matrices`, bilinear, black outside.

    Args:
        matrices: float (B, 2, 3), from pixels of the old image to pixels of the new one, pixel centres at integers.
    """
    images, keypoints = batch["images"], batch["keypoints"]
    sizes = require("images", images, "B 3 H W")
    require("matrices", matrices, "B 2 3", known=sizes)
    height, width = images.shape[-2:]
    grid = F.affine_grid(_for_grid(matrices, height, width), list(images.shape), align_corners=False)
    warped = F.grid_sample(images, grid.to(images.dtype), mode="bilinear", padding_mode="zeros", align_corners=False)
    moved = keypoints @ matrices[:, :, :2].transpose(1, 2) + matrices[:, None, :, 2]
    limits = torch.tensor([width - 1, height - 1], device=keypoints.device)
    inside = ((moved >= 0) & (moved <= limits)).all(-1)
    return {**batch, "images": warped, "keypoints": moved, "visible": batch["visible"] & inside,
            "visibility": batch["visibility"] * inside}


def _for_grid(matrices: Tensor, height: int, width: int) -> Tensor:
    """Return what affine_grid wants: from new to old, in coordinates where the image spans [-1, 1]."""
    square = F.pad(matrices, (0, 0, 0, 1))
    square[:, 2, 2] = 1
    to_pixels = torch.tensor([[width / 2, 0, (width - 1) / 2], [0, height / 2, (height - 1) / 2], [0, 0, 1.0]],
                             device=matrices.device)
    return (torch.linalg.inv(to_pixels) @ torch.linalg.inv(square) @ to_pixels)[:, :2]


def swap_sides(batch: Batch, skeleton: Skeleton, mirrored: Tensor) -> Batch:
    """Return a new batch in which left and right keypoints have traded places where `mirrored` (B,) is true."""
    require("keypoints", batch["keypoints"], f"B {skeleton.num_keypoints} 2")
    order = list(skeleton.flip_order)
    swapped = dict(batch)
    for name in ("keypoints", "visible", "visibility"):
        old = batch[name]
        swapped[name] = torch.where(mirrored.view(-1, *[1] * (old.ndim - 1)), old[:, order], old)
    return swapped


def mirror(batch: Batch, skeleton: Skeleton) -> Batch:
    """Return the mirrored batch: x becomes W - 1 - x, and left keypoints become right ones."""
    width = batch["images"].shape[-1]
    everyone = torch.ones(len(batch["images"]), dtype=torch.bool, device=batch["images"].device)
    mirrored = swap_sides(batch, skeleton, everyone)
    x, y = mirrored["keypoints"].unbind(-1)
    return {**mirrored, "images": batch["images"].flip(-1), "keypoints": torch.stack([width - 1 - x, y], -1)}

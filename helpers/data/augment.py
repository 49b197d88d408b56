"""Augmentation: new training images from old ones, with their keypoints or masks.

torchvision's v2 transforms draw once for a whole batch. Here each image of a batch gets a transform of its own, and
still all are computed at once on the batch's device, much faster than one image after another. The tests compare with
torchvision's v2 functions. What is given stays as it is; a new batch comes back. The random numbers are torch's, so
`set_seed` decides on them. Matrices (B, 2, 3) lead from pixels of old images to pixels of new ones, centres at whole
numbers.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.data.batches import Batch, constant, sent
from helpers.data.skeletons import Skeleton
from helpers.shapes import VOID, require

Augment = Callable[[Batch], Batch]
Change = Callable[[Batch, Tensor], Batch]  # what happens to a batch where or as the tensor says


def pose(
    skeleton: Skeleton, rotation: float = 20.0, scale: tuple[float, float] = (0.85, 1.15), translation: float = 0.06,
    warped: float = 0.5, flip: float = 0.5, colour: float = 0.25,
) -> Augment:  # fmt: skip
    """Return a function that mirrors, recolours, turns, scales and shifts the images of a batch, with their keypoints.

    A keypoint that leaves the image is no longer visible; what comes from outside the image is black.

    Args:
        skeleton: tells which keypoints trade places in a mirrored image: a left wrist becomes a right one.
        rotation: largest angle in degrees, either way.
        scale: smallest and largest factor.
        translation: largest shift, as a share of width and height.
        warped: share of the images that are turned, scaled and shifted, the first of the (shuffled) batch: it is slow.
        flip: probability of mirroring.
        colour: largest relative change of brightness, contrast and saturation; 0 leaves colours alone.
    """
    knobs = flip, colour, warped, rotation, scale, translation
    return augmentation(lambda batch, where: mirror(batch, skeleton, where), warp, *knobs)


def segmentation(
    flip: float = 0.5, colour: float = 0.25, warped: float = 0.0, rotation: float = 20.0,
    scale: tuple[float, float] = (0.85, 1.15), translation: float = 0.06,
) -> Augment:  # fmt: skip
    """Return a function that mirrors and recolours the images of a batch, and warps them if asked to, with their masks.

    A warped mask has the label of one pixel of the old mask in each pixel, never a mixture; what comes from outside the
    image is black and void (255).

    Args: as for `pose`; none is `warped` by default, because it is slow.
    """
    return augmentation(mirror_masks, warp_masks, flip, colour, warped, rotation, scale, translation)


def maps(skeleton: Skeleton, flip: float = 0.5, colour: float = 0.25) -> Augment:
    """Return a function that mirrors and recolours the images of a batch with the maps that `bottom_up.with_maps` drew,
    and leaves out keypoints and boxes, which a loss on maps does not look at. Args: as for `pose`."""
    return augmentation(lambda batch, where: mirror_maps(batch, skeleton, where), lambda batch, _: batch, flip, colour)


def augmentation(
    mirror_where: Change, warp_by: Change, flip: float, colour: float, warped: float = 0.0, rotation: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0), translation: float = 0.0,
) -> Augment:  # fmt: skip
    """Return the function that changes a batch, after checking the knobs; see `pose`.

    Args:
        mirror_where: `mirror_where(batch, mirrored)` -> a new batch, mirrored where `mirrored` (B,) is true.
        warp_by: `warp_by(batch, matrices)` -> a new batch, moved by `matrices` (B, 2, 3).
    """
    if not 0 < scale[0] <= scale[1]:
        raise ValueError(f"scale is {scale}; expected (smallest, largest) with 0 < smallest <= largest.")
    if not (0 <= flip <= 1 and 0 <= warped <= 1):
        raise ValueError(f"flip is {flip} and warped {warped}; expected shares in [0, 1].")
    if rotation < 0 or translation < 0 or not 0 <= colour < 1:
        got = f"rotation is {rotation}, translation {translation}, colour {colour}"
        raise ValueError(f"{got}; expected 0 or more, and colour below 1.")

    def augmented(batch: Batch) -> Batch:
        count, _, height, width = batch["images"].shape
        first, chances = math.ceil(warped * count), torch.rand(count)
        matrices = random_affine(first, (height, width), rotation, scale, translation)
        factors = 1 + colour * (2 * torch.rand(3, count) - 1) if colour else chances.new_ones(3, count)
        drawn = sent(torch.cat([chances[None], factors]), batch["images"].device)  # (4, B)
        batch = mirror_where(batch, drawn[0] < flip)
        if first:
            for name, moved in warp_by({name: x[:first] for name, x in batch.items()}, matrices).items():
                batch[name][:first] = moved
        if colour:
            batch["images"] = recolour(batch["images"], *drawn[1:])
        return batch

    return augmented


def random_affine(
    count: int, size: tuple[int, int], rotation: float, scale: tuple[float, float], translation: float
) -> Tensor:
    """Return random matrices (count, 2, 3) on the CPU, which turn and scale about the centre and then shift."""
    height, width = size
    angle = (2 * torch.rand(count) - 1) * math.radians(rotation)
    factor = scale[0] + (scale[1] - scale[0]) * torch.rand(count)
    shift = (2 * torch.rand(count, 2) - 1) * translation * torch.tensor([width, height])
    cos, sin = factor * angle.cos(), factor * angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # (count, 2, 2)
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    return torch.cat([turn, (centre + shift - turn @ centre)[:, :, None]], dim=2)


def warp(batch: Batch, matrices: Tensor) -> Batch:
    """Return a new batch with its images and keypoints moved by `matrices` (B, 2, 3), bilinear, black outside."""
    images, matrices, _ = _moved(batch["images"], matrices)
    height, width = images.shape[-2:]
    keypoints = batch["keypoints"] @ matrices[:, :, :2].transpose(1, 2) + matrices[:, None, :, 2]  # (B, K, 2)
    inside = ((keypoints >= 0) & (keypoints <= constant((width - 1, height - 1), images.device))).all(-1)
    visible, visibility = batch["visible"] & inside, batch["visibility"] * inside
    return {**batch, "images": images, "keypoints": keypoints, "visible": visible, "visibility": visibility}


def warp_masks(batch: Batch, matrices: Tensor) -> Batch:
    """Return a new batch with its images and masks moved by `matrices` (B, 2, 3): images bilinear and black outside,
    masks nearest and void (255) outside."""
    _check_masks(batch)
    images, _, grid = _moved(batch["images"], matrices)
    labels = (batch["masks"] - VOID)[:, None].to(images.dtype)  # grid_sample gives 0 outside, which is void then
    labels = F.grid_sample(labels, grid, mode="nearest", align_corners=False)[:, 0]
    return {**batch, "images": images, "masks": labels.long() + VOID}


def _moved(images: Tensor, matrices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return images moved, on their device the matrices, and where each new pixel comes from, as grid_sample wants it.
    Inverting is checked, so it is done on the device of `matrices`."""
    sizes = require("images", images, "B 3 H W")
    require("matrices", matrices, "B 2 3", known=sizes)
    back = torch.linalg.inv(matrices[:, :, :2])  # (B, 2, 2)
    start = -back @ matrices[:, :, 2:]  # (B, 2, 1), where new pixel (0, 0) comes from
    there, back = sent(torch.stack([matrices, torch.cat([back, start], dim=2)]), images.device)
    grid = _grid(back, *images.shape[-2:]).to(images.dtype)
    return F.grid_sample(images, grid, align_corners=False), there, grid


def _check_masks(batch: Batch) -> None:
    """Check that there is a mask for each image."""
    require("masks", batch["masks"], "B H W", torch.int64, known=require("images", batch["images"], "B 3 H W"))


def _grid(back: Tensor, height: int, width: int) -> Tensor:
    """Return where each new pixel comes from, (B, H, W, 2) as grid_sample wants it: the old image spans [-1, 1]."""
    columns, rows = (torch.arange(n, device=back.device, dtype=back.dtype) for n in (width, height))
    spans = constant((width, height), back.device)
    back, start = 2 * back[..., :2] / spans[:, None], (2 * back[..., 2:] + 1) / spans[:, None] - 1
    along_x, along_y = back[:, :, :1] * columns, back[:, :, 1:] * rows  # (B, 2, W), (B, 2, H)
    return (along_x[:, :, None] + (along_y + start)[:, :, :, None]).permute(0, 2, 3, 1)  # the one large sum


def recolour(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Return images with other colours, as torchvision's adjust_saturation, _contrast and _brightness in a row would:
    each new colour is a linear function of the old one, so the three make one matrix per image.

    Args:
        images: float (B, 3, H, W) in [0, 1].
        brightness, contrast, saturation: (B,), 1 changes nothing.
    """
    grey = constant((0.2989, 0.587, 0.114), images.device)
    mean = images.mean((2, 3)) @ grey  # (B,)
    strength, saturation = (brightness * contrast).view(-1, 1, 1), saturation.view(-1, 1, 1)
    matrices = strength * (saturation * torch.eye(3, device=images.device) + (1 - saturation) * grey)  # (B, 3, 3)
    offset = (brightness * (1 - contrast) * mean).view(-1, 1, 1).expand(-1, 3, 1)
    return torch.baddbmm(offset, matrices, images.flatten(2)).clamp_(0, 1).view_as(images)


def mirror_masks(batch: Batch, mirrored: Tensor) -> Batch:
    """Return a new batch whose images and masks are mirrored where `mirrored` (B,) is true."""
    _check_masks(batch)
    return {**batch, **{name: turned(batch[name], mirrored) for name in ("images", "masks")}}


def mirror_maps(batch: Batch, skeleton: Skeleton, mirrored: Tensor) -> Batch:
    """Return a new batch of images, scoremaps, fields and offsets, mirrored where `mirrored` (B,) is true.

    Columns run the other way and left and right trade places. Vectors change the sign of x; the field of a limb whose
    mirror image is listed from its other end (left shoulder to right shoulder) runs backwards then, and changes the
    sign of both.
    """
    maps = batch["fields"]
    lists = skeleton.flip_order, *_mirrored_limbs(skeleton), (-1.0, 1.0)
    order, limb_order, direction, other_x = (constant(numbers, maps.device) for numbers in lists)
    other_x = other_x.view(2, 1, 1)
    sign = other_x * direction.view(-1, 1, 1, 1)  # (L, 2, 1, 1)
    changes: dict[str, Callable[[Tensor], Tensor]] = {
        "images": lambda maps: maps,
        "scoremaps": lambda maps: maps[:, order],
        "offsets": lambda maps: other_x * maps[:, order],  # vectors: -x, y
        "fields": lambda maps: sign * maps[:, limb_order],
    }
    return {name: turned(batch[name], mirrored, change) for name, change in changes.items()}


def turned(maps: Tensor, where: Tensor, change: Callable[[Tensor], Tensor] = lambda maps: maps) -> Tensor:
    """Return new maps (B, ..., W): where `where` (B,) is true, with columns the other way round, and changed."""
    if maps.device.type != "cpu":  # all are computed: which ones are wanted Python would have to wait for
        return torch.where(where.to(maps.device).view(-1, *(1,) * (maps.ndim - 1)), change(maps.flip(-1)), maps)
    maps = maps.clone()
    for row in where.nonzero()[:, 0].tolist():  # one by one they stay in the cache
        maps[row : row + 1] = change(maps[row : row + 1].flip(-1))
    return maps


def _mirrored_limbs(skeleton: Skeleton) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return for each limb the number of its mirror image, and -1 where that is listed from its other end, else 1."""
    order, limbs = skeleton.flip_order, list(skeleton.limbs)
    partners = [(order[a], order[b]) for a, b in limbs]
    numbers = tuple(limbs.index(pair) if pair in limbs else limbs.index(pair[::-1]) for pair in partners)
    return numbers, tuple(1.0 if pair in limbs else -1.0 for pair in partners)


def mirror(batch: Batch, skeleton: Skeleton, mirrored: Tensor) -> Batch:
    """Return a new batch, mirrored where `mirrored` (B,) is true: x becomes W - 1 - x, left and right trade places."""
    images, keypoints = batch["images"], batch["keypoints"]
    require("keypoints", keypoints, f"B {skeleton.num_keypoints} 2")
    order, here = constant(skeleton.flip_order, images.device), mirrored.to(images.device)[:, None]
    x, y = keypoints[:, order].unbind(-1)
    moved = torch.stack([images.shape[-1] - 1 - x, y], -1)
    changed = {name: torch.where(here, batch[name][:, order], batch[name]) for name in ("visible", "visibility")}
    changed["keypoints"] = torch.where(here[..., None], moved, keypoints)
    return {**batch, **changed, "images": turned(images, mirrored)}

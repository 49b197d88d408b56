"""What is wrong with the fields of an answer, told from the fields: where vectors stand, and how they point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from helpers.checks.engine.compare import same

__all__ = ["mistake_in"]

NEAR = 1e-3  # of a unit vector
BEYOND = 1e-3  # pixels


def mistake_in(fields: Tensor, right: Tensor, given: dict[str, Any]) -> str | None:
    """Return the mistake that fields (B, L, 2, H, W) show by themselves, None if none that is known.

    Args:
        right: the right ones.
        given: the arguments by name.
    """
    if not fields.isfinite().all():
        return _why_not_finite(fields, right, given)
    drawn, meant = (f.double().norm(dim=2) > NEAR for f in (fields, right))  # (B, L, H, W)
    if not drawn.any():
        return "nothing_drawn"
    if not meant.any():
        return "invisible_are_drawn" if not given["visible"].all() else None
    lone = _count(given)  # where limbs overlap, vectors are told by the known wrong versions alone
    extra, missed = drawn & ~meant & (lone < 2), meant & ~drawn & (lone == 1)
    unlike = _why_unlike(fields, right, meant & drawn & (lone == 1))
    return unlike or _why_elsewhere(extra, missed, given)


def _why_not_finite(fields: Tensor, right: Tensor, given: dict[str, Any]) -> str | None:
    gone = (~fields.isfinite()).any(dim=2)
    covered = right.double().norm(dim=2) > NEAR
    if (gone == ~covered).all():
        return "not_covered_is_nan"
    if given["keypoints"].isnan().any():
        return "nan_of_the_invisible"
    return "nan_without_length" if given["visible"].all() else "zeroed_limb_is_nan"


def _ends(given: dict[str, Any], person: tuple[int, int], limb: int) -> tuple[Tensor, Tensor] | None:
    """Return start and end of one limb of a person, None where one is invisible or both are in one place."""
    a, b = given["limbs"][limb]
    seen, places = given["visible"][person], given["keypoints"][person].double()
    return (places[a], places[b]) if seen[a] and seen[b] and bool((places[a] != places[b]).any()) else None


def _frames(given: dict[str, Any]) -> Sequence[tuple[int, int, Tensor, Tensor, float]]:
    """Return of each limb that is to be drawn: image, limb, how far each pixel lies along it and across, its length."""
    height, width = given["size"]
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (height, width)), indexing="ij")
    found = []
    images, people = given["visible"].shape[:2]
    for image, person, limb in torch.cartesian_prod(*map(torch.arange, (images, people, len(given["limbs"])))).tolist():
        ends = _ends(given, (image, person), limb)
        if ends:
            way = ends[1] - ends[0]
            length = float(way.norm())
            (ux, uy), dx, dy = way / length, x - ends[0][0], y - ends[0][1]
            found.append((image, limb, dx * ux + dy * uy, dy * ux - dx * uy, length))
    return found


def _count(given: dict[str, Any]) -> Tensor:
    """Return how many limbs of a kind cover each pixel or nearly so, (B, L, H, W)."""
    count = torch.zeros(len(given["visible"]), len(given["limbs"]), *given["size"])
    for image, limb, along, across, length in _frames(given):
        count[image, limb] += (along > -0.05) & (along < length + 0.05) & (across.abs() < given["width"] / 2 + 0.05)
    return count


def _why_unlike(fields: Tensor, right: Tensor, where: Tensor) -> str | None:
    """Return how vectors that stand in the right places differ from the right ones."""
    came, meant = (f.double().movedim(2, -1)[where] for f in (fields, right))  # (N, 2)
    if not len(came) or same(came, meant):
        return None
    turned = torch.stack([-meant[:, 1], meant[:, 0]], dim=1)
    lengths = came.norm(dim=1, keepdim=True)
    if same(came / lengths, meant):
        return "not_unit_length"
    others = {
        "direction_reversed": [-meant],
        "x_y_swapped": [meant.flip(1)],
        "one_sign": [meant * meant.new_tensor([1, -1]), meant * meant.new_tensor([-1, 1])],
        "perpendicular": [turned, -turned],
        "unsigned": [meant.abs()],
    }
    for mistake, vectors in others.items():
        if any(same(came, vector) or same(came / lengths, vector) for vector in vectors):
            return mistake
    return None


def _why_elsewhere(extra: Tensor, missed: Tensor, given: dict[str, Any]) -> str | None:
    """Return why pixels are drawn that no limb covers, or not drawn that one does."""
    height, width = given["size"]
    along = torch.full(extra.shape, torch.inf, dtype=torch.float64)  # by how much a pixel lies beyond the ends,
    across, nearest = along.clone(), along.clone()  # and beyond the sides, of the limb of its kind that is nearest
    for image, limb, way, aside, length in _frames(given):
        beyond = torch.maximum(-way, way - length).clamp(min=0)
        beside = (aside.abs() - given["width"] / 2).clamp(min=0)
        closer = torch.hypot(beyond, beside) < nearest[image, limb]
        nearest[image, limb] = torch.where(closer, torch.hypot(beyond, beside), nearest[image, limb])
        along[image, limb] = torch.where(closer, beyond, along[image, limb])
        across[image, limb] = torch.where(closer, beside, across[image, limb])
    if extra.any() and not missed.any():
        mistake = _why_larger(along[extra], across[extra], given["width"])
        beside = (along == 0) & (across > 0) & (across < given["width"] / 2 - BEYOND)
        is_half = not (beside & ~extra).any()  # on both sides, wherever twice as much would reach
        return mistake if mistake != "width_as_half_width" or is_half else None
    if missed.any() and not extra.any():
        return "too_little_drawn" if not (missed & (nearest > 0)).any() else None
    return None


def _why_larger(beyond: Tensor, beside: Tensor, width: float) -> str | None:
    """Return why all pixels drawn too many lie so far beyond the ends, and beside the sides, of a limb."""
    if not beyond.isfinite().all():
        return "invisible_are_drawn"
    at_ends, at_sides = (beyond > BEYOND).any(), (beside > BEYOND).any()
    if at_ends and not at_sides:
        return "whole_line" if beyond.max() > width / 2 + 0.6 else "round_ends"
    if at_sides and not at_ends:
        return "width_as_half_width" if beside.max() <= width / 2 + BEYOND else "width_ignored"
    return None

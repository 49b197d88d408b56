"""Pictures for staff of what a trained model answered on held-out scenes: those that it found hardest."""

from __future__ import annotations

import torch
from torch import Tensor

from helpers.data.masks import SegmentationSet
from helpers.data.people import PeopleSet
from helpers.data.poses import PoseSet
from helpers.pictures.figure import Picture
from helpers.pictures.masks import mask_grid
from helpers.pictures.people import people_grid
from helpers.pictures.poses import pose_grid
from helpers.shapes import VOID

__all__ = ["worst_masks", "worst_people", "worst_poses"]

SHOWN = 4


def worst_poses(pred: Tensor, data: PoseSet) -> Picture:
    """Return the images with the largest errors, the predicted poses (N, K, 2) over the true ones in white."""
    errors = (pred - data.keypoints).square().sum(dim=-1).sqrt()
    mean = torch.where(data.visible, errors, 0).sum(dim=1) / data.visible.sum(dim=1).clamp(min=1)
    worst = mean.nan_to_num(nan=torch.inf).argsort(descending=True, stable=True)[:SHOWN]
    titles = [f"scene {place}: {mean[place]:.1f} px" for place in worst.tolist()]
    title = f"the {SHOWN} worst of {len(data)} held-out scenes, the truth in white"
    return pose_grid(data[worst], pred[worst], titles=titles, title=title, show=False)


def worst_masks(pred: Tensor, data: SegmentationSet) -> Picture:
    """Return the images with the most wrong pixels, the predicted classes (N, H, W) below the true ones."""
    known = data.masks != VOID
    share = ((pred != data.masks) & known).sum(dim=(1, 2)) / known.sum(dim=(1, 2)).clamp(min=1)
    worst = share.argsort(descending=True, stable=True)[:SHOWN]
    titles = [f"scene {place}: {share[place]:.0%} wrong" for place in worst.tolist()]
    title = f"the {SHOWN} worst of {len(data)} held-out scenes"
    return mask_grid(data[worst], pred[worst], titles=titles, title=title, show=False)


def worst_people(pred: list[Tensor], data: PeopleSet) -> Picture:
    """Return the images in which most people are missing or too many, as estimated (M, K, 3), above the true ones."""
    counts = torch.tensor([len(people) for people in pred])
    worst = (counts - data.present.sum(dim=1)).abs().argsort(descending=True, stable=True)[:SHOWN]
    true = [_people(data, place) for place in worst.tolist()]
    found = [pred[place] for place in worst.tolist()]
    titles = [f"scene {place}: {len(people)} found" for place, people in zip(worst.tolist(), found, strict=True)]
    titles += [f"{len(people)} are there" for people in true]
    title = f"{SHOWN} of {len(data)} held-out scenes: found above, true below"
    both = data[torch.cat([worst, worst])]
    return people_grid(both, [*found, *true], titles=titles, columns=SHOWN, title=title, show=False)


def _people(data: PeopleSet, place: int) -> Tensor:
    """Return the true people of an image in the form of estimated ones (M, K, 3)."""
    here = data.present[place]
    seen = (data.visibility[place, here] > 0).float().unsqueeze(-1)
    return torch.cat([data.keypoints[place, here], seen], dim=-1)

"""Stand-ins for the answers to exercise 2."""

import torch


def gaussian_scoremaps(keypoints, visible, size, sigma):
    down, across = (torch.arange(n).to(keypoints) for n in size)
    x, y = torch.nan_to_num(keypoints[..., 0, None, None]), torch.nan_to_num(keypoints[..., 1, None, None])
    squared = (across - x).square() + (down[:, None] - y).square()
    return torch.where(visible[..., None, None], torch.exp(squared / (-2 * sigma * sigma)), 0)


def scoremap_loss(pred, target):
    off = (pred - target).reshape(len(pred), -1)
    return torch.linalg.vector_norm(off, dim=1).square().mean() if off.any() else off.square().sum()


def argmax_decode(scoremaps):
    best_of_rows, columns = scoremaps.max(dim=3)
    rows = best_of_rows.argmax(dim=2, keepdim=True)
    return torch.cat([columns.gather(2, rows), rows], dim=2).to(scoremaps)


def softargmax(scoremaps, beta=1.0):
    height, width = scoremaps.shape[2:]
    places = torch.cartesian_prod(torch.arange(height), torch.arange(width)).flip(1).to(scoremaps)
    share = torch.exp(torch.log_softmax(beta * scoremaps.flatten(2), dim=2))
    return torch.matmul(share, places)


def lean_softargmax(scoremaps, beta=1.0):  # right, but not lean: nobody who calls it needs more
    return softargmax(scoremaps, beta)

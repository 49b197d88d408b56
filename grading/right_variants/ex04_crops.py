"""Right answers to exercise 4's questions about crops in many styles: every one must pass every check."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage
from torchvision.ops import roi_align

from grading.known_wrong.table import answers
from grading.right_variants import styles

__all__ = ["REFERENCES", "RIGHT_VARIANTS"]


# boxes_to_crops


def _pair(crop_size):
    return (crop_size, crop_size) if isinstance(crop_size, int) else crop_size


def crops_at_once(images, boxes_xyxy, crop_size, padding=1.25):
    h, w = _pair(crop_size)
    boxes = torch.cat(boxes_xyxy)
    owners = torch.repeat_interleave(torch.tensor([len(b) for b in boxes_xyxy]))
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    scale = padding * torch.maximum((x2 - x1) / w, (y2 - y1) / h).clamp(min=1e-4)
    transforms = images.new_zeros(len(boxes), 2, 3)
    transforms[:, 0, 0] = transforms[:, 1, 1] = scale
    transforms[:, 0, 2] = (x1 + x2) / 2 - scale * (w - 1) / 2
    transforms[:, 1, 2] = (y1 + y2) / 2 - scale * (h - 1) / 2
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)]).reshape(3, -1).to(images)
    places = (transforms @ pixels).transpose(1, 2).reshape(-1, h, w, 2)
    grid = (places + 0.5) * 2 / torch.tensor([images.shape[3], images.shape[2]]) - 1
    return F.grid_sample(images[owners], grid, "bilinear", "zeros", False), transforms


def crops_affine_grid(images, boxes_xyxy, crop_size, padding=1.25):
    """The box's share of the image, counted from outer edges."""
    h, w = _pair(crop_size)
    height, width = images.shape[-2:]
    crops, transforms = [], []
    for image, boxes in zip(images, boxes_xyxy, strict=True):
        for x1, y1, x2, y2 in boxes.tolist():
            scale = padding * max((x2 - x1) / w, (y2 - y1) / h, 0.01)
            cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
            theta = [
                [scale * w / width, 0, (2 * cx + 1) / width - 1],
                [0, scale * h / height, (2 * cy + 1) / height - 1],
            ]
            grid = F.affine_grid(image.new_tensor([theta]), (1, 3, h, w), align_corners=False)
            crops.append(F.grid_sample(image[None], grid, align_corners=False)[0])
            transforms.append([[scale, 0, cx - scale * (w - 1) / 2], [0, scale, cy - scale * (h - 1) / 2]])
    if not crops:
        return images.new_zeros(0, 3, h, w), images.new_zeros(0, 2, 3)
    return torch.stack(crops), images.new_tensor(transforms)


def crops_from_edge_to_edge(images, boxes_xyxy, crop_size, padding=1.25):
    """The outermost crop pixels lie on the edges of the padded box: `align_corners=True` all along."""
    h, w = _pair(crop_size)
    height, width = images.shape[-2:]
    owners, boxes = [i for i, b in enumerate(boxes_xyxy) for _ in b], torch.cat(boxes_xyxy)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    scale = padding * ((boxes[:, 2:] - boxes[:, :2]) / boxes.new_tensor([w, h])).amax(dim=1, keepdim=True)
    half = scale.clamp(min=0.01) * boxes.new_tensor([w, h]) / 2
    last = boxes.new_tensor([width - 1, height - 1])
    theta = torch.cat([torch.diag_embed(2 * half / last), (2 * centre / last - 1)[:, :, None]], dim=2)
    if not len(boxes):
        return images.new_zeros(0, 3, h, w), theta
    grid = F.affine_grid(theta, (len(boxes), 3, h, w), align_corners=True)
    steps = 2 * half / boxes.new_tensor([w - 1, h - 1])
    transforms = torch.cat([torch.diag_embed(steps), (centre - half)[:, :, None]], dim=2)
    return F.grid_sample(images[owners], grid, align_corners=True), transforms


def crops_centre_at_half_the_width(images, boxes_xyxy, crop_size, padding=1.25):
    """The crop's centre is (w / 2, h / 2): half a crop pixel beside, and the transform says so."""
    h, w = _pair(crop_size)
    boxes, counts = torch.cat(boxes_xyxy), [len(b) for b in boxes_xyxy]
    middle = boxes.view(-1, 2, 2).mean(dim=1)
    scale = padding * ((boxes[:, 2:] - boxes[:, :2]) / boxes.new_tensor([w, h])).max(dim=1).values.clamp(min=1e-5)
    transforms = torch.stack([torch.eye(2, 3).to(boxes) * s for s in scale] or [boxes.new_zeros(2, 3)])[: len(boxes)]
    transforms[:, :, 2] = middle - scale[:, None] * boxes.new_tensor([w / 2, h / 2])
    xs = torch.einsum("n,w->nw", scale, torch.arange(w).to(boxes)) + transforms[:, 0, 2:]
    ys = torch.einsum("n,h->nh", scale, torch.arange(h).to(boxes)) + transforms[:, 1, 2:]
    parts = []
    for image, x, y in zip(images, xs.split(counts), ys.split(counts), strict=True):
        x, y = 2 * x / (images.shape[3] - 1) - 1, 2 * y / (images.shape[2] - 1) - 1
        grid = torch.stack([x[:, None].expand(-1, h, -1), y[:, :, None].expand(-1, -1, w)], dim=-1)
        parts.append(F.grid_sample(image.expand(len(x), -1, -1, -1), grid, align_corners=True))
    return torch.cat(parts), transforms


def crops_loop(images, boxes_xyxy, crop_size, padding=1.25):
    """Pixel by pixel, four neighbours each."""
    h, w = _pair(crop_size)
    height, width = images.shape[-2:]
    crops, transforms = [], []
    for image, boxes in zip(images.double().numpy(), boxes_xyxy, strict=True):
        for x1, y1, x2, y2 in boxes.tolist():
            scale = max(padding * max((x2 - x1) / w, (y2 - y1) / h), 1e-3)
            left, top = (x1 + x2 - scale * (w - 1)) / 2, (y1 + y2 - scale * (h - 1)) / 2
            crop = np.zeros((3, h, w))
            for row in range(h):
                for column in range(w):
                    x, y = left + scale * column, top + scale * row
                    for i in (math.floor(x), math.floor(x) + 1):
                        for j in (math.floor(y), math.floor(y) + 1):
                            if 0 <= i < width and 0 <= j < height:
                                crop[:, row, column] += (1 - abs(x - i)) * (1 - abs(y - j)) * image[:, j, i]
            crops.append(crop)
            transforms.append(np.array([[scale, 0, left], [0, scale, top]]))
    crops, transforms = np.array(crops).reshape(-1, 3, h, w), np.array(transforms).reshape(-1, 2, 3)
    return torch.tensor(crops).to(images), torch.tensor(transforms).to(images)


def crops_hat_functions(images, boxes_xyxy, crop_size, padding=1.25):
    """Rows and columns are mixed by two matrices of triangles."""
    h, w = _pair(crop_size)
    crops, transforms = [images.new_zeros(0, 3, h, w)], [images.new_zeros(0, 2, 3)]
    for image, boxes in zip(images, boxes_xyxy, strict=True):
        for box in boxes:
            scale = (padding * torch.max((box[2] - box[0]) / w, (box[3] - box[1]) / h)).clamp(min=1e-3)
            x = (box[0] + box[2]) / 2 + scale * (torch.arange(w).to(box) - (w - 1) / 2)
            y = (box[1] + box[3]) / 2 + scale * (torch.arange(h).to(box) - (h - 1) / 2)
            across = (1 - (x[:, None] - torch.arange(image.shape[2]).to(x)).abs()).clamp(min=0)
            along = (1 - (y[:, None] - torch.arange(image.shape[1]).to(y)).abs()).clamp(min=0)
            crops.append(torch.einsum("hY,cYX,wX->chw", along, image, across)[None])
            transforms.append(torch.tensor([[[scale, 0, x[0]], [0, scale, y[0]]]], dtype=images.dtype))
    return torch.cat(crops), torch.cat(transforms)


def _right_place(box, size, padding):
    """Return scale, left and top of one box in numbers."""
    x1, y1, x2, y2 = (float(number) for number in box)
    scale = max(padding * max((x2 - x1) / size[1], (y2 - y1) / size[0]), 1e-3)
    return scale, (x1 + x2) / 2 - scale * (size[1] - 1) / 2, (y1 + y2) / 2 - scale * (size[0] - 1) / 2


def _one_by_one(images, boxes_xyxy, crop_size, padding, look):
    """Return what `look(image, scale, left, top, size)` gives for each box, all in NumPy."""
    size = _pair(crop_size)
    arrays = images.numpy()
    found = [(a, *_right_place(box, size, padding)) for a, b in zip(arrays, boxes_xyxy, strict=True) for box in b]
    crops, transforms = np.zeros((len(found), 3, *size), arrays.dtype), np.zeros((len(found), 2, 3), arrays.dtype)
    for n, (image, scale, left, top) in enumerate(found):
        crops[n] = look(image, scale, left, top, size)
        transforms[n] = [[scale, 0, left], [0, scale, top]]
    return crops, transforms


def crops_scipy_map_coordinates(images, boxes_xyxy, crop_size, padding=1.25):
    def look(image, scale, left, top, size):
        rows, columns = np.mgrid[: size[0], : size[1]]
        return [ndimage.map_coordinates(c, [top + scale * rows, left + scale * columns], order=1) for c in image]

    crops, transforms = _one_by_one(images, boxes_xyxy, crop_size, padding, look)
    return torch.from_numpy(crops), torch.from_numpy(transforms)


def crops_scipy_affine_transform_in_numpy(images, boxes_xyxy, crop_size, padding=1.25):
    def look(image, scale, left, top, size):
        return [ndimage.affine_transform(c, [scale, scale], [top, left], size, order=1) for c in image]

    return tuple(map(torch.from_numpy, _one_by_one(images, boxes_xyxy, crop_size, padding, look)))


def crops_pillow(images, boxes_xyxy, crop_size, padding=1.25):
    """Pillow counts from outer edges."""

    def look(image, scale, left, top, size):
        data = (scale, 0, left + 0.5 - scale / 2, 0, scale, top + 0.5 - scale / 2)
        channels = [Image.fromarray(channel.astype(np.float32), mode="F") for channel in image]
        return [c.transform(size[::-1], Image.Transform.AFFINE, data, Image.Resampling.BILINEAR) for c in channels]

    crops, transforms = _one_by_one(images, boxes_xyxy, crop_size, padding, look)
    return torch.from_numpy(crops), torch.from_numpy(transforms)


def _roi_align(images, boxes_xyxy, crop_size, padding, before, back, **settings):
    """Return crops by torchvision, with boxes moved by `before` and transforms by `back` pixels."""
    h, w = _pair(crop_size)
    boxes = torch.cat(boxes_xyxy)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    scale = padding * ((boxes[:, 2:] - boxes[:, :2]) / boxes.new_tensor([w, h])).amax(dim=1).clamp(min=1e-2)
    half = scale[:, None] * boxes.new_tensor([w, h]) / 2
    grown = torch.cat([centre - half, centre + half], dim=1) + before
    crops = roi_align(images, list(grown.split([len(b) for b in boxes_xyxy])), (h, w), **settings)
    start = centre - half + scale[:, None] / 2 + back
    return crops, torch.cat([scale[:, None, None] * torch.eye(2).to(boxes), start[:, :, None]], dim=2)


def crops_roi_align(images, boxes_xyxy, crop_size, padding=1.25):
    """One sample for each crop pixel, pixel centres at whole numbers."""
    settings = {"aligned": True, "sampling_ratio": 1}
    return _roi_align(images, boxes_xyxy, crop_size, padding, 0.5, 0.0, **settings)


def crops_roi_align_from_outer_edges(images, boxes_xyxy, crop_size, padding=1.25):
    """Boxes taken for what counts from outer edges: half an image pixel beside, and the transform says so."""
    settings = {"aligned": True, "sampling_ratio": 1}
    return _roi_align(images, boxes_xyxy, crop_size, padding, 0.0, -0.5, **settings)


def crops_roi_align_mean_of_samples(images, boxes_xyxy, crop_size, padding=1.25):
    """As many samples as image pixels for each crop pixel, and their mean."""
    return _roi_align(images, boxes_xyxy, crop_size, padding, 0.5, 0.0, aligned=True)


def crops_twice_as_fine(images, boxes_xyxy, crop_size, padding=1.25):
    """Four samples for each crop pixel, and their mean."""
    h, w = _pair(crop_size)
    crops, transforms = crops_at_once(images, boxes_xyxy, (2 * h, 2 * w), padding)
    matrix, shift = 2 * transforms[:, :, :2], transforms[:, :, 2:] + transforms[:, :, :2].sum(dim=2, keepdim=True) / 2
    return crops.unflatten(3, (w, 2)).unflatten(2, (h, 2)).mean(dim=(3, 5)), torch.cat([matrix, shift], dim=2)


def crops_point_at_scale_1(images, boxes_xyxy, crop_size, padding=1.25):
    """A box that is a point becomes one pixel for each pixel of the crop."""
    h, w = _pair(crop_size)
    grown = []
    for boxes in boxes_xyxy:
        empty = (boxes[:, 2:] == boxes[:, :2]).all(dim=1, keepdim=True)
        half = boxes.new_tensor([w, h]) / 2 / padding
        grown.append(torch.where(empty, torch.cat([boxes[:, :2] - half, boxes[:, 2:] + half], dim=1), boxes))
    return crops_at_once(images, grown, crop_size, padding)


def crops_around_a_padded_image(images, boxes_xyxy, crop_size, padding=1.25):
    """Zeros around the image first, wide enough for every box; clamped at their border."""
    reach = 128
    moved = [boxes + reach for boxes in boxes_xyxy]
    _, transforms = crops_at_once(images, boxes_xyxy, crop_size, padding)
    wide = F.pad(images, (reach, reach, reach, reach))
    crops, _ = crops_at_once(wide, moved, crop_size, padding)
    return crops, transforms


# crops_to_image

POINTS = {
    "matmul": "keypoints @ transforms[:, :, :2].transpose(1, 2) + transforms[:, :, 2].unsqueeze(1)",
    "homogeneous": "torch.bmm(torch.cat([keypoints, torch.ones_like(keypoints[..., :1])], dim=-1), transforms.mT)",
    "padded": "(transforms @ F.pad(keypoints, (0, 1), value=1.0).transpose(1, 2)).transpose(1, 2)",
    "einsum": "torch.einsum('nij,nkj->nki', transforms[..., :2], keypoints) + transforms[:, None, :, 2]",
}


def points_baddbmm(keypoints, transforms):
    shift = transforms[:, None, :, 2].expand_as(keypoints)
    return torch.baddbmm(shift, keypoints, transforms[:, :, :2].transpose(1, 2))


def points_x_and_y(keypoints, transforms):
    x, y = keypoints[..., 0], keypoints[..., 1]
    a, b, c, d, e, f = transforms.flatten(1).unsqueeze(-1).unbind(dim=1)
    return torch.stack([a * x + b * y + c, d * x + e * y + f], dim=-1)


def points_sum_of_columns(keypoints, transforms):
    columns = transforms[:, None]  # (N, 1, 2, 3)
    return keypoints[..., :1] * columns[..., 0] + keypoints[..., 1:] * columns[..., 1] + columns[..., 2]


def points_multiplied_and_summed(keypoints, transforms):
    return (transforms[:, None, :, :2] * keypoints[:, :, None]).sum(dim=-1) + transforms[:, None, :, 2]


def points_loop(keypoints, transforms):
    result = torch.empty_like(keypoints)
    for n in range(keypoints.shape[0]):
        for k in range(keypoints.shape[1]):
            for i in range(2):
                row = transforms[n, i]
                result[n, k, i] = row[0] * keypoints[n, k, 0] + row[1] * keypoints[n, k, 1] + row[2]
    return result


def points_loop_over_crops(keypoints, transforms):
    found = [F.linear(p, t[:, :2], t[:, 2]) for p, t in zip(keypoints, transforms, strict=True)]
    return torch.stack(found) if found else torch.zeros_like(keypoints)


def points_numpy(keypoints, transforms):
    points, maps = keypoints.numpy(), transforms.numpy()
    return torch.from_numpy(np.matmul(points, maps[:, :, :2].transpose(0, 2, 1)) + maps[:, None, :, 2])


def points_in_place_on_a_copy(keypoints, transforms):
    result = keypoints.clone()
    result[..., 0] = keypoints[..., 0] * transforms[:, 0, :1] + keypoints[..., 1] * transforms[:, 0, 1:2]
    result[..., 1] = keypoints[..., 0] * transforms[:, 1, :1] + keypoints[..., 1] * transforms[:, 1, 1:2]
    result += transforms[:, None, :, 2]
    return result


def points_vmap(keypoints, transforms):
    if len(keypoints) == 0:
        return keypoints.clone()
    return torch.vmap(lambda points, transform: points @ transform[:, :2].T + transform[:, 2])(keypoints, transforms)


RIGHT_VARIANTS: dict[str, dict[str, object]] = {
    "boxes_to_crops": styles("crops_", globals()),
    "crops_to_image": answers("keypoints, transforms", {**POINTS, **styles("points_", globals())}, globals()),
}
REFERENCES = {question: next(iter(variants.values())) for question, variants in RIGHT_VARIANTS.items()}

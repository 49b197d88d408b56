"""Stand-ins for the answers to exercise 5."""

import math

import torch


def offset_targets(masks):
    offsets = torch.zeros(masks.shape[0], 2, masks.shape[1], masks.shape[2])
    for image, mask in enumerate(masks.tolist()):
        places = {}
        for y, line in enumerate(mask):
            for x, number in enumerate(line):
                if number:
                    places.setdefault(number, []).append((x, y))
        for pixels in places.values():
            middle = [sum(values) / len(pixels) for values in zip(*pixels, strict=True)]
            for x, y in pixels:
                offsets[image, 0, y, x], offsets[image, 1, y, x] = middle[0] - x, middle[1] - y
    return offsets.to(masks.device)


def group_pixels(offsets, person, centres):
    ids, places = torch.zeros(person.shape, dtype=torch.int64), centres.tolist()
    for y, line in enumerate(person.tolist()):
        for x, there in enumerate(line):
            if there and places:
                aim = (x + float(offsets[0, y, x]), y + float(offsets[1, y, x]))
                ids[y, x] = 1 + min(range(len(places)), key=lambda n, aim=aim: math.dist(aim, places[n]))
    return ids.to(person.device)


def panoptic_quality(pred, target):
    score, everybody = 0.0, 0
    for one, other in zip(pred.flatten(1).tolist(), target.flatten(1).tolist(), strict=True):
        found, true = ({number: set() for number in side if number} for side in (one, other))
        for pixel, (i, j) in enumerate(zip(one, other, strict=True)):
            for people, number in ((found, i), (true, j)):
                if number:
                    people[number].add(pixel)
        everybody += len(found) + len(true)
        shares = [len(a & b) / len(a | b) for a in found.values() for b in true.values()]
        score += sum(share for share in shares if share > 0.5)
    return torch.tensor(2 * score / everybody if everybody else math.nan)

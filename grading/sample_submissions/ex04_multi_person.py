"""Eight submissions to exercise 4, each with the marks that it deserves written beside it.

Each function makes one submission from the released notebook; its docstring says what is special about it.
"""

from __future__ import annotations

import copy

from grading.sample_submissions.handing_in import HandedIn, by_name, cell, filled, with_crash_and_endless_loop
from grading.submission.roles import NotebookData

__all__ = ["EXERCISE", "SUBMISSIONS"]

EXERCISE = "ex04_multi_person"
WEIGHTS = f"{EXERCISE}.safetensors"
FULL = {
    "boxes_to_crops": 4.0, "crops_to_image": 2.0, "find_peaks": 4.0, "part_affinity_fields": 4.0,
    "affinity_score": 4.0, "match_limbs": 3.0, "group_people": 5.0, "model": 6.0, "add_offsets": 3.0,
}  # fmt: skip


def only(**marks: float) -> dict[str, float]:
    """Return marks of 0 but for those named."""
    return {**dict.fromkeys(FULL, 0.0), **marks}


def ada_perfect(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The reference answers with trained weights, the bonus question included."""
    return HandedIn(filled(release, answers), FULL, {WEIGHTS: weights})


def ben_other_style(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Right in another style: loops over boxes, pixels and people, bilinear samples, people merged limb by limb."""
    own = {
        "boxes_to_crops": """
def boxes_to_crops(images, boxes_xyxy, crop_size, padding=1.25):
    h, w = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    H, W = images.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    pixels = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).to(images.dtype)
    crops, transforms = [], []
    for image, boxes in zip(images, boxes_xyxy):
        for x1, y1, x2, y2 in boxes.tolist():
            s = padding * max((x2 - x1) / w, (y2 - y1) / h, 1e-3)
            A = torch.tensor([[s, 0, (x1 + x2) / 2 - s * (w - 1) / 2], [0, s, (y1 + y2) / 2 - s * (h - 1) / 2]])
            A = A.to(images.dtype)
            where = (pixels @ A.T + 0.5) / torch.tensor([W, H]) * 2 - 1
            crops.append(F.grid_sample(image[None], where[None].to(images.dtype), align_corners=False)[0])
            transforms.append(A)
    if not crops:
        return images.new_zeros(0, 3, h, w), images.new_zeros(0, 2, 3)
    return torch.stack(crops), torch.stack(transforms)
""",
        "crops_to_image": """
def crops_to_image(keypoints, transforms):
    homogeneous = torch.cat([keypoints, torch.ones_like(keypoints[..., :1])], dim=-1)
    return torch.einsum("nij,nkj->nki", transforms, homogeneous)
""",
        "find_peaks": """
def find_peaks(scoremaps, threshold):
    return [[peaks_of(m.double().numpy(), threshold, scoremaps.dtype) for m in maps] for maps in scoremaps]


def peaks_of(m, threshold, dtype):
    H, W = m.shape
    seen, found = set(), []
    for y, x in zip(*np.where(m > threshold)):
        if (y, x) in seen:
            continue
        plateau, todo, summit = [], [(y, x)], True
        seen.add((y, x))
        while todo:
            r, c = todo.pop()
            plateau.append((r, c))
            for i in range(max(r - 1, 0), min(r + 2, H)):
                for j in range(max(c - 1, 0), min(c + 2, W)):
                    summit &= not m[i, j] > m[r, c]
                    if m[i, j] == m[r, c] and (i, j) not in seen:
                        seen.add((i, j))
                        todo.append((i, j))
        if not summit:
            continue
        r, c = plateau[0]
        dx = tip(m[r, c - 1], m[r, c], m[r, c + 1]) if len(plateau) == 1 and 0 < c < W - 1 else 0
        dy = tip(m[r - 1, c], m[r, c], m[r + 1, c]) if len(plateau) == 1 and 0 < r < H - 1 else 0
        found.append([c + dx, r + dy, m[r, c]])
    return torch.tensor(found, dtype=dtype).reshape(-1, 3)


def tip(a, b, c):
    bend = 2 * b - a - c
    return float((c - a) / bend / 2) if np.isfinite(bend) and bend > 0 else 0
""",
        "part_affinity_fields": """
def part_affinity_fields(keypoints, visible, limbs, size, width):
    H, W = size
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    x, y = x.to(keypoints.dtype), y.to(keypoints.dtype)
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, H, W)
    for i, (points, seen) in enumerate(zip(keypoints, visible)):
        for l, (a, b) in enumerate(limbs):
            count = keypoints.new_zeros(H, W)
            for p in range(len(points)):
                if not (seen[p, a] and seen[p, b]):
                    continue
                d = points[p, b] - points[p, a]
                length = float(d.norm())
                if length == 0:
                    continue
                ux, uy = (d / length).tolist()
                dx, dy = x - points[p, a, 0], y - points[p, a, 1]
                along, across = dx * ux + dy * uy, dx * uy - dy * ux
                inside = (along >= 0) & (along <= length) & (across.abs() <= width / 2)
                fields[i, l, 0] += inside * ux
                fields[i, l, 1] += inside * uy
                count += inside
            fields[i, l] /= count.clamp(min=1)
    return fields
""",
        "affinity_score": """
def affinity_score(field, start, end, num_samples=10):
    way = end - start
    length = way.norm(dim=-1)
    unit = way / length.clamp(min=1e-9).unsqueeze(-1)
    total = 0
    for i in range(num_samples):
        place = start + way * ((i + 0.5) / num_samples)
        x = place[..., 0].round().long().clamp(0, field.shape[2] - 1)
        y = place[..., 1].round().long().clamp(0, field.shape[1] - 1)
        total = total + field[0, y, x] * unit[..., 0] + field[1, y, x] * unit[..., 1]
    return total / num_samples
""",
        "match_limbs": """
def match_limbs(starts, ends, scores, threshold=0.0):
    rest, pairs = scores.nan_to_num(nan=-math.inf).clone(), []
    while rest.numel() and rest.max() > threshold:
        best = int(rest.argmax())
        i, j = best // rest.shape[1], best % rest.shape[1]
        pairs.append((i, j))
        rest[i, :] = -math.inf
        rest[:, j] = -math.inf
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)
""",
        "group_people": """
def group_people(peaks, fields, limbs):
    K = len(peaks)
    person_of = {(k, i): {k: i} for k in range(K) for i in range(len(peaks[k]))}  # everybody alone at first
    for (a, b), field in zip(limbs, fields):
        if not len(peaks[a]) or not len(peaks[b]):
            continue
        scores = affinity_score(field, peaks[a][:, None, :2], peaks[b][None, :, :2])
        for i, j in match_limbs(peaks[a], peaks[b], scores, 0.2).tolist():
            one, other = person_of[a, i], person_of[b, j]
            if one is not other and not one.keys() & other.keys():
                one.update(other)
                for key in other.items():
                    person_of[key] = one
    people = list({id(person): person for person in person_of.values()}.values())
    result = fields.new_zeros(len(people), K, 3)
    for n, person in enumerate(people):
        for k, i in person.items():
            result[n, k] = peaks[k][i]
    return result
""",
        "add_offsets": """
def add_offsets(peaks, offsets):
    moved = []
    for k, found in enumerate(peaks):
        rows = []
        for x, y, score in found.tolist():
            i, j = min(max(round(y), 0), offsets.shape[2] - 1), min(max(round(x), 0), offsets.shape[3] - 1)
            rows.append([j + float(offsets[k, 0, i, j]), i + float(offsets[k, 1, i, j]), score])
        moved.append(torch.tensor(rows, dtype=found.dtype).reshape(-1, 3))
    return moved
""",
        "model": answers["model"],
    }
    return HandedIn(filled(release, own), FULL, {WEIGHTS: weights})


def cem_half_done(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The first two questions only; nothing trained."""
    done = {name: answers[name] for name in ("boxes_to_crops", "crops_to_image")}
    return HandedIn(filled(release, done), only(boxes_to_crops=4.0, crops_to_image=2.0))


def dua_untouched(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The notebook as released."""
    return HandedIn(copy.deepcopy(release), only())


def eli_known_mistakes(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Known mistakes: the way back adds before it scales, fields as long as their limbs, the sign of a score dropped,
    one wrist for two elbows."""
    wrong = {
        "crops_to_image": """
def crops_to_image(keypoints, transforms):
    return (keypoints + transforms[:, None, :, 2]) @ transforms[:, :, :2].transpose(1, 2)
""",
        "part_affinity_fields": answers["part_affinity_fields"].replace(
            "unit.nan_to_num())", "(end - start).nan_to_num())"
        ),
        "affinity_score": answers["affinity_score"].replace("fx * ux + fy * uy", "(fx * ux + fy * uy).abs()"),
        "match_limbs": """
def match_limbs(starts, ends, scores, threshold=0.0):
    if not scores.numel():
        return []
    best = scores.max(dim=1)
    return [(i, int(j)) for i, (s, j) in enumerate(zip(best.values, best.indices)) if s > threshold]
""",
    }
    marks = {**FULL, "crops_to_image": 0.0, "part_affinity_fields": 0.0, "affinity_score": 0.0, "match_limbs": 0.0}
    return HandedIn(filled(release, {**answers, **wrong}), marks, {WEIGHTS: weights})


def fay_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A scratch cell that ends the process, one that never ends, an answer that never returns; the rest is right."""
    notebook = with_crash_and_endless_loop(release, answers, "match_limbs(starts, ends, scores, threshold=0.0)")
    return HandedIn(notebook, {**FULL, "match_limbs": 0.0}, {WEIGHTS: weights})


def gus_by_number(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Takes the first peak of every kind as the first person, the second as the second: no fields, and no model."""
    same = """
def group_people(peaks, fields, limbs):
    people = fields.new_zeros(max([len(p) for p in peaks], default=0), len(peaks), 3)
    for k, found in enumerate(peaks):
        people[: len(found), k] = found
    return people
"""
    marks = {**FULL, "group_people": 0.0, "model": 0.0}
    return HandedIn(filled(release, {**answers, "group_people": same}), marks, {WEIGHTS: weights})


def hal_damaged(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """All right, in a notebook with a copied, a renamed, a deleted and a moved cell."""
    notebook = filled(release, answers)
    cells = notebook["cells"]
    cells.insert(3, copy.deepcopy(cell(notebook, "find_peaks_check")))
    cell(notebook, "boxes_to_crops_check")["metadata"]["nbgrader"]["grade_id"] = "boxes_to_crops_check_2"
    cells.remove(cell(notebook, "group_people_check"))
    moved = cell(notebook, "affinity_score")
    cells.remove(moved)
    cells.append(moved)
    return HandedIn(notebook, FULL, {WEIGHTS: weights})


SUBMISSIONS = by_name(
    ada_perfect,
    ben_other_style,
    cem_half_done,
    dua_untouched,
    eli_known_mistakes,
    fay_crash_and_endless_loop,
    gus_by_number,
    hal_damaged,
)

"""Right answers to exercise 4's `match_limbs` and `group_people` in many styles: every one must pass every check."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from grading.course.course import Course
from grading.course.release import ROOT
from grading.right_variants import styles

__all__ = ["REFERENCES", "RIGHT_VARIANTS"]

INF = math.inf


# match_limbs


def match_sorted_list(starts, ends, scores, threshold=0.0):
    order = [
        (scores[i, j].item(), i, j) for i in range(len(starts)) for j in range(len(ends)) if scores[i, j] > threshold
    ]
    order.sort(reverse=True)
    pairs, free_starts, free_ends = [], set(range(len(starts))), set(range(len(ends)))
    for _, i, j in order:
        if i in free_starts and j in free_ends:
            pairs.append((i, j))
            free_starts.remove(i)
            free_ends.remove(j)
    return pairs


def match_argmax_until_nothing_is_left(starts, ends, scores, threshold=0.0):
    left, pairs = torch.where(scores > threshold, scores, -INF), []
    while left.numel() and left.max() > -INF:
        i, j = divmod(left.argmax().item(), left.shape[1])
        pairs.append([i, j])
        left[i, :] = -INF
        left[:, j] = -INF
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


def match_numpy(starts, ends, scores, threshold=0.0):
    left, pairs = scores.numpy().astype(float), []
    left[~(left > threshold)] = -np.inf
    for _ in range(min(left.shape)):
        i, j = np.unravel_index(left.argmax(), left.shape)
        if left[i, j] == -np.inf:
            break
        pairs.append((i, j))
        left[i], left[:, j] = -np.inf, -np.inf
    return np.array(pairs).reshape(-1, 2)


def match_flat_argsort(starts, ends, scores, threshold=0.0):
    pairs = []
    for index in scores.flatten().nan_to_num(-INF, neginf=-INF).argsort(descending=True):
        i, j = index // scores.shape[1], index % scores.shape[1]
        if not scores[i, j] > threshold:
            break
        if all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return pairs


def match_topk(starts, ends, scores, threshold=0.0):
    where = (scores > threshold).nonzero()
    best = scores[scores > threshold].topk(len(where)).indices
    used = torch.zeros(len(starts), dtype=torch.bool), torch.zeros(len(ends), dtype=torch.bool)
    kept = []
    for pair in where[best]:
        i, j = pair
        if not used[0][i] and not used[1][j]:
            used[0][i] = used[1][j] = True
            kept.append(pair)
    return torch.stack(kept) if kept else torch.empty(0)


def match_heap(starts, ends, scores, threshold=0.0):
    heap = [(-s, i, j) for i, row in enumerate(scores.tolist()) for j, s in enumerate(row) if s > threshold]
    heapq.heapify(heap)
    of_start, of_end = {}, {}
    while heap:
        _, i, j = heapq.heappop(heap)
        if i not in of_start and j not in of_end:
            of_start[i], of_end[j] = j, i
    return list(of_start.items())


def match_recursive(starts, ends, scores, threshold=0.0):
    def match(rows, columns):
        found = [(float(scores[i, j]), i, j) for i in rows for j in columns if scores[i, j] > threshold]
        if not found:
            return []
        _, i, j = max(found)
        return [*match(rows - {i}, columns - {j}), (i, j)]

    return tuple(match(set(range(len(starts))), set(range(len(ends)))))


def match_mutual_maxima(starts, ends, scores, threshold=0.0):
    """Takes all pairs that are each other's best, then all of what is left, and so on."""
    left, pairs = torch.where(scores > threshold, scores, -INF), []
    while left.numel():
        best = (left == left.amax(1, keepdim=True)) & (left == left.amax(0, keepdim=True)) & (left > -INF)
        if not best.any():
            break
        for pair in best.nonzero().tolist():
            pairs.append(pair)
            left[pair[0]], left[:, pair[1]] = -INF, -INF
    return sorted(pairs, key=lambda pair: pair[1])


def match_matrix_of_flags(starts, ends, scores, threshold=0.0):
    flags = torch.zeros_like(scores)
    order = np.argsort(-scores.nan_to_num(-1e9).numpy(), axis=None, kind="stable") if scores.numel() else []
    for i, j in (np.unravel_index(k, scores.shape) for k in order):
        if scores[i, j] > threshold and not flags[i].any() and not flags[:, j].any():
            flags[i, j] = 1
    return flags.nonzero().float()


def match_numbers_as_tensors(starts, ends, scores, threshold=0.0):
    return [
        tuple(torch.tensor(number) for number in pair) for pair in match_sorted_list(starts, ends, scores, threshold)
    ]


def match_rows_of_int32(starts, ends, scores, threshold=0.0):
    return [np.array(pair, dtype=np.int32) for pair in match_heap(starts, ends, scores, threshold)[::-1]]


# group_people


def score_pairs(field, starts, ends, num_samples=10):
    """Score all pairs (n, m) at once, at the nearest pixels, ends included."""
    vector = ends[None, :, :2] - starts[:, None, :2]
    points = (
        starts[:, None, None, :2] + torch.linspace(0, 1, num_samples, dtype=field.dtype)[:, None] * vector[:, :, None]
    )
    x = points[..., 0].round().long().clamp(0, field.shape[2] - 1)
    y = points[..., 1].round().long().clamp(0, field.shape[1] - 1)
    return torch.einsum("cnms,nmc->nm", field[:, y, x], F.normalize(vector, dim=-1)) / num_samples


def score_midpoints(field, starts, ends, num_samples=20):
    """Samples the middles of equal parts, interpolated."""
    shares = (torch.arange(num_samples, dtype=field.dtype) + 0.5) / num_samples
    vector = ends[None, :, :2] - starts[:, None, :2]
    points = starts[:, None, None, :2] + shares[:, None] * vector[:, :, None]
    size = torch.tensor([field.shape[2], field.shape[1]], dtype=field.dtype)
    grid = (2 * points + 1) / size - 1
    if not grid.numel():
        return field.new_zeros(len(starts), len(ends))
    sampled = F.grid_sample(field[None], grid.flatten(0, 1)[None], padding_mode="border", align_corners=False)[0]
    return (sampled.mean(-1).view(2, len(starts), len(ends)) * F.normalize(vector, dim=-1).movedim(-1, 0)).sum(0)


def score_of_one_pair(field, start, end, num_samples=8):
    x0, y0, x1, y1 = *start[:2].tolist(), *end[:2].tolist()
    length = math.hypot(x1 - x0, y1 - y0)
    if length == 0:
        return 0.0
    total = 0.0
    for n in range(num_samples):
        t = n / (num_samples - 1)
        column = min(max(round(x0 + t * (x1 - x0)), 0), field.shape[2] - 1)
        row = min(max(round(y0 + t * (y1 - y0)), 0), field.shape[1] - 1)
        fx, fy = field[:, row, column].tolist()
        total += (fx * (x1 - x0) + fy * (y1 - y0)) / length
    return total / num_samples


def links_of(peaks, fields, limbs, threshold=0.2, score=score_pairs):
    """Return (score, (keypoint, number), (keypoint, number)) of all limbs, each matched greedily."""
    links = []
    for (a, b), field in zip(limbs, fields, strict=True):
        scores = score(field, peaks[a], peaks[b])
        for i, j in match_heap(peaks[a], peaks[b], scores, threshold):
            links.append((scores[i, j].item(), (a, i), (b, j)))
    return links


def by_confidence(peaks):
    found = [(k, i) for k in range(len(peaks)) for i in range(len(peaks[k]))]
    return sorted(found, key=lambda peak: -peaks[peak[0]][peak[1], 2].item())


def as_tensor(people, peaks):
    result = peaks[0].new_zeros(len(people), len(peaks), 3)
    for n, person in enumerate(people):
        for k, i in person.items():
            result[n, k] = peaks[k][i]
    return result


def group_growing_best_first(peaks, fields, limbs):
    neighbours = defaultdict(list)
    for score, a, b in links_of(peaks, fields, limbs):
        neighbours[a].append((-score, b))
        neighbours[b].append((-score, a))
    people, owner = [], {}
    for seed in by_confidence(peaks):
        if seed in owner:
            continue
        person, heap = {}, [(0, seed)]
        while heap:
            _, peak = heapq.heappop(heap)
            if peak in owner or peak[0] in person:
                continue
            owner[peak] = len(people)
            person[peak[0]] = peak[1]
            for way in neighbours[peak]:
                heapq.heappush(heap, way)
        people.append(person)
    return as_tensor(people, peaks)


def group_breadth_first(peaks, fields, limbs):
    links, used, people = links_of(peaks, fields, limbs, 0.3), set(), []
    for seed in by_confidence(peaks):
        if seed in used:
            continue
        person, queue = dict([seed]), deque([seed])
        used.add(seed)
        while queue:
            here = queue.popleft()
            for _, a, b in links:
                other = b if a == here else a if b == here else None
                if other and other not in used and other[0] not in person:
                    used.add(other)
                    person[other[0]] = other[1]
                    queue.append(other)
        people.append(person)
    return as_tensor(people[::-1], peaks)


def group_depth_first(peaks, fields, limbs):
    links, used = links_of(peaks, fields, limbs, 0.45, score_midpoints), set()

    def grow(person, peak):
        used.add(peak)
        person[peak[0]] = peak[1]
        for _, a, b in links:
            for here, other in ((a, b), (b, a)):
                if here == peak and other not in used and other[0] not in person:
                    grow(person, other)
        return person

    return as_tensor([grow({}, seed) for seed in by_confidence(peaks) if seed not in used], peaks)


def assembled(peaks, links):
    """Put people together limb by limb: two that meet are joined unless both have a keypoint of one kind."""
    people = []
    for _, a, b in links:
        of_a = next((person for person in people if a in person.items()), dict([a]))
        of_b = next((person for person in people if b in person.items()), dict([b]))
        if of_a is not of_b and not of_a.keys() & of_b.keys():
            people = [person for person in people if person is not of_a and person is not of_b] + [of_a | of_b]
    used = {peak for person in people for peak in person.items()}
    return people + [dict([peak]) for peak in by_confidence(peaks) if peak not in used]


def group_limb_by_limb(peaks, fields, limbs):
    return as_tensor(assembled(peaks, links_of(peaks, fields, limbs)), peaks)


def group_strongest_link_first(peaks, fields, limbs):
    links = links_of(peaks, fields, limbs, 0.15, score_midpoints)
    return as_tensor(assembled(peaks, sorted(links, reverse=True)), peaks)


def group_strongest_link_first_without_matching(peaks, fields, limbs):
    links = []
    for (a, b), field in zip(limbs, fields, strict=True):
        scores = score_pairs(field, peaks[a], peaks[b])
        links += [(scores[i, j].item(), (a, i), (b, j)) for i, j in (scores > 0.25).nonzero().tolist()]
    return as_tensor(assembled(peaks, sorted(links, reverse=True)), peaks)


def group_optimal_matching(peaks, fields, limbs):
    links = []
    for (a, b), field in zip(limbs, fields, strict=True):
        scores = score_pairs(field, peaks[a], peaks[b], 15)
        for i, j in zip(*linear_sum_assignment(scores.numpy(), maximize=True), strict=True):
            if scores[i, j] > 0.3:
                links.append((float(scores[i, j]), (a, int(i)), (b, int(j))))
    return as_tensor(assembled(peaks, links), peaks)


def group_table_of_people(peaks, fields, limbs):
    """The table of the first bottom-up papers: one row for each person, -1 where a keypoint is missing."""
    rows = np.full((0, len(peaks)), -1)
    for _, (a, i), (b, j) in links_of(peaks, fields, limbs):
        found = np.flatnonzero((rows[:, a] == i) | (rows[:, b] == j))
        if len(found) == 0:
            row = np.full((1, len(peaks)), -1)
            row[0, a], row[0, b] = i, j
            rows = np.concatenate([rows, row])
        elif len(found) == 1:
            row = rows[found[0]]
            row[a] = i if row[a] == -1 else row[a]
            row[b] = j if row[b] == -1 else row[b]
        elif not ((rows[found[0]] >= 0) & (rows[found[1]] >= 0)).any():
            rows[found[0]] = np.maximum(rows[found[0]], rows[found[1]])
            rows = np.delete(rows, found[1], axis=0)
    people = [{k: int(i) for k, i in enumerate(row) if i >= 0} for row in rows]
    used = {peak for person in people for peak in person.items()}
    return as_tensor(people + [dict([peak]) for peak in by_confidence(peaks) if peak not in used], peaks)


def group_components(peaks, fields, limbs):
    """What hangs together is a person, and where that has two keypoints of a kind, its weakest link is cut."""
    number = {peak: n for n, peak in enumerate((k, i) for k, found in enumerate(peaks) for i in range(len(found)))}
    links = sorted(links_of(peaks, fields, limbs))

    def components():
        ends = np.array([[number[a], number[b]] for _, a, b in links], dtype=int).reshape(-1, 2).T
        graph = coo_matrix((np.ones(ends.shape[1]), tuple(ends)), shape=(len(number), len(number)))
        people = defaultdict(list)
        for peak, label in zip(number, connected_components(graph, directed=False)[1] if number else [], strict=True):
            people[label].append(peak)
        return list(people.values())

    while twice := [person for person in components() if len({k for k, _ in person}) < len(person)]:
        links.remove(next(link for link in links if link[1] in twice[0]))
    return as_tensor([dict(person) for person in components()], peaks)


def group_own_answers(peaks, fields, limbs):
    """Calls the answers to the questions before, pair by pair."""
    links = []
    for (a, b), field in zip(limbs, fields, strict=True):
        scores = torch.zeros(len(peaks[a]), len(peaks[b]))
        for i, start in enumerate(peaks[a]):
            for j, end in enumerate(peaks[b]):
                scores[i, j] = score_of_one_pair(field, start, end)
        for i, j in match_argmax_until_nothing_is_left(peaks[a], peaks[b], scores, 0.25).tolist():
            links.append((scores[i, j].item(), (a, i), (b, j)))
    return as_tensor(assembled(peaks, links), peaks)


def group_most_samples_must_agree(peaks, fields, limbs):
    """A link also needs seven of ten samples that point its way."""

    def score(field, starts, ends):
        vector = F.normalize(ends[None, :, :2] - starts[:, None, :2], dim=-1)
        shares = torch.linspace(0, 1, 10, dtype=field.dtype)[:, None, None, None]
        points = (starts[:, None, :2] + shares * (ends[None, :, :2] - starts[:, None, :2])).round().long()
        x, y = points[..., 0].clamp(0, field.shape[2] - 1), points[..., 1].clamp(0, field.shape[1] - 1)
        agree = field[0][y, x] * vector[..., 0] + field[1][y, x] * vector[..., 1]  # (10, n, m)
        return agree.mean(0) * ((agree > 0.05).sum(0) >= 7)

    return as_tensor(assembled(peaks, links_of(peaks, fields, limbs, 0.05, score)), peaks)


def group_labels_spread(peaks, fields, limbs):
    """Every peak takes the lowest label around it until nothing changes; a label keeps one peak of each kind."""
    links = sorted(links_of(peaks, fields, limbs), reverse=True)
    label = {peak: n for n, peak in enumerate(by_confidence(peaks))}
    for _ in range(len(label)):
        for _, a, b in links:
            low, high = sorted((label[a], label[b]))
            kinds = [{k for (k, _), of in label.items() if of == x} for x in (low, high)]
            if low != high and not kinds[0] & kinds[1]:
                label = {peak: low if of == high else of for peak, of in label.items()}
    people = defaultdict(dict)
    for (k, i), of in label.items():
        people[of][k] = i
    return as_tensor(list(people.values()), peaks)


def group_numpy(peaks, fields, limbs):
    dtype = peaks[0].numpy().dtype
    people = assembled(peaks, links_of(peaks, fields, limbs, 0.1))
    result = np.zeros((len(people), len(peaks), 3), dtype=dtype)
    for row, person in zip(result, people, strict=True):
        for k, i in person.items():
            row[k] = peaks[k][i].numpy()
    return torch.from_numpy(result)


def group_nested_lists(peaks, fields, limbs):
    people = assembled(peaks, links_of(peaks, fields, limbs))
    rows = [[peaks[k][p[k]].tolist() if k in p else [0, 0, 0] for k in range(len(peaks))] for p in people]
    return torch.tensor(rows, dtype=peaks[0].dtype).view(-1, len(peaks), 3)


_ANSWERS = Course(ROOT, "ex04_multi_person").reference_answers()
REFERENCES = {question: _ANSWERS[question] for question in ("match_limbs", "group_people")}
RIGHT_VARIANTS: dict[str, dict[str, object]] = {
    "match_limbs": {"reference": REFERENCES["match_limbs"], **styles("match_", globals())},
    "group_people": {"reference": REFERENCES["group_people"], **styles("group_", globals())},
}

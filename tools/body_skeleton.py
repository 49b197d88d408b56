"""The skeleton of the small human body: its bones, what hangs on them, and how they stand in the neutral stance."""

from __future__ import annotations

import itertools

import numpy as np

__all__ = [
    "BONES",
    "KEYPOINTS",
    "PARTS",
    "SIDES",
    "four_indices",
    "four_largest",
    "lengths",
    "neutral_turns",
    "our_bone",
    "parent_of",
    "part_labels",
]

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


def four_largest(dense: np.ndarray) -> np.ndarray:
    """Return `dense` (V, B) with all but the four largest weights of a row zero, rows summing to one."""
    small = np.sort(dense, axis=1)[:, -4][:, None]
    dense = np.where(dense >= np.maximum(small, 0.02), dense, 0)
    return dense / dense.sum(1, keepdims=True)


def four_indices(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bones uint8 (V, 4) and shares uint8 (V, 4) of dense weights; the shares of a row sum to 255."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    share = np.floor(np.take_along_axis(weights, order, 1) * 255 + 0.5).astype(int)
    share[:, 0] += 255 - share.sum(1)
    return order.astype(np.uint8), share.astype(np.uint8)


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


def lengths(v: np.ndarray, joints: dict[str, np.ndarray]) -> np.ndarray:
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


def neutral_turns(joints: dict[str, np.ndarray], knuckles: dict[str, list[np.ndarray]]) -> np.ndarray:
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

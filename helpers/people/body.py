"""The body: from traits and joint angles to vertices and keypoints in metres.

Axes of a person: x to the person's left, y backwards (the face looks along -y), z up. `data/body.npz` is written by
`tools/bake_body.py`, which says where everything in it comes from.
"""

import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from helpers.people.arrays import Array, Floats, Ints, Labels
from helpers.people.poses import ANGLES, DATA

__all__ = ["BODY_FILE", "BODY_LAYER", "HAIR_LAYER", "SKIRT_LAYER", "Body", "load_body"]

BODY_FILE = DATA / "body.npz"
BODY_LAYER, SKIRT_LAYER, HAIR_LAYER = 0, 1, 2

# Share of the spine's (or neck's) turn that each bone takes.
CHAINS = {"spine": (("spine_low", 0.3), ("spine_mid", 0.35), ("chest", 0.35)), "neck": (("neck", 0.5), ("head", 0.5))}


@dataclass(frozen=True)
class Body:
    """The baked body: V vertices, F faces, B bones, T shape terms, 17 keypoints."""

    vertices: Floats  # float64 (V, 3), the middle body at rest, arms held out, metres
    normals: Floats  # float64 (V, 3)
    faces: Ints  # int64 (F, 3), counter-clockwise from outside
    face_layer: Labels  # uint8 (F,): body, skirt or long hair
    vertex_layer: Labels  # uint8 (V,)
    part: Labels  # uint8 (V,), index into part_names
    lengths: Floats  # float64 (V, 2): place along the arm (0 shoulder, 1 elbow, 2 wrist) and leg (0 hip, 2 ankle)
    bone_index: Ints  # int64 (V, 4)
    bone_share: Floats  # float64 (V, 4), rows sum to one
    moves: Floats  # float64 (T, V, 3), metres per unit of a shape term
    joints: Floats  # float64 (B, 3)
    joint_moves: Floats  # float64 (T, B, 3)
    neutral: Floats  # float64 (B, 3, 3): rest to neutral stance
    levels: tuple[tuple[Ints, Ints], ...]  # bones and their parents, by depth below the pelvis
    keypoints: Floats  # float64 (17, 3)
    keypoint_moves: Floats  # float64 (T, 17, 3)
    keypoint_bones: Ints  # int64 (17, 4)
    keypoint_shares: Floats  # float64 (17, 4)
    bone_names: tuple[str, ...]
    part_names: tuple[str, ...]
    keypoint_names: tuple[str, ...]
    trait_names: tuple[str, ...]

    def shaped(self, traits: Floats) -> tuple[Floats, Floats, Floats]:
        """Return vertices (V, 3), joints (B, 3) and keypoints (17, 3) at rest of a body with these traits.

        traits: float (6,), in the order of `trait_names`, each counted from the middle body (zeros change nothing).
        """
        terms = shape_terms(traits)
        return tuple(
            base + np.einsum("t,tpc->pc", terms, moves)
            for base, moves in (
                (self.vertices, self.moves),
                (self.joints, self.joint_moves),
                (self.keypoints, self.keypoint_moves),
            )
        )

    def transforms(self, angles: Floats, joints: Floats) -> Floats:
        """Return (B, 3, 4): what takes a point of each bone at rest to its place in the pose, pelvis at the origin.

        angles: float (A,), degrees, in the order of `poses.ANGLES`; joints: float (B, 3), at rest.
        """
        turns, heads = rotations(turn_vectors(angles, self.bone_names)), np.zeros((len(joints), 3))
        # Shoulder angles count from the chest: the arm turns back by what its collar bone has turned.
        arms, collars = (
            [self.bone_names.index(f"{side}_{bone}") for side in ("left", "right")]
            for bone in ("upper_arm", "clavicle")
        )
        turns[arms] = np.einsum("bji,bjk->bik", turns[collars], turns[arms])
        for bones, parents in self.levels:  # parents first; all bones of one depth at once
            above = turns[parents]
            turns[bones] = np.einsum("bij,bjk->bik", above, turns[bones])
            arm = np.einsum("bij,bj->bi", self.neutral[parents], joints[bones] - joints[parents])
            heads[bones] = heads[parents] + np.einsum("bij,bj->bi", above, arm)
        turns = np.einsum("bij,bjk->bik", turns, self.neutral)
        shift = heads - np.einsum("bij,bj->bi", turns, joints)
        return np.concatenate([turns, shift[:, :, None]], axis=2)

    def posed(self, transforms: Floats, vertices: Floats) -> tuple[Floats, Floats]:
        """Return vertices (V, 3) and normals (V, 3) in the pose; `transforms` (B, 3, 4), `vertices` (V, 3) at rest."""
        blend = blended(transforms, self.bone_index, self.bone_share)
        return moved(blend, vertices), moved(blend[:, :3], self.normals)

    def posed_keypoints(self, transforms: Floats, keypoints: Floats) -> Floats:
        """Return the keypoints (17, 3) in the pose, from those at rest."""
        return moved(blended(transforms, self.keypoint_bones, self.keypoint_shares), keypoints)


def levels_of(parents: Ints) -> tuple[tuple[Ints, Ints], ...]:
    """Return the bones of each depth below the root with their parents, from `parents` (B,), -1 for the root."""
    depth = np.zeros(len(parents), int)
    for bone, parent in enumerate(parents):
        depth[bone] = 0 if parent < 0 else depth[parent] + 1
    return tuple((np.flatnonzero(depth == d), parents[depth == d]) for d in range(1, depth.max() + 1))


def blended(transforms: Floats, index: Ints, share: Floats) -> Floats:
    """Return the weighted mean transform (3, 4, V) of each vertex: linear blend skinning."""
    flat = transforms.reshape(len(transforms), 12)
    out = flat[index[:, 0]] * share[:, :1]
    for k in range(1, index.shape[1]):
        out += flat[index[:, k]] * share[:, k : k + 1]
    return np.ascontiguousarray(out.T).reshape(3, 4, -1)


def moved(blend: Floats, points: Floats) -> Floats:
    """Return points (V, 3) under transforms (3, 4, V), or directions under rotations (3, 3, V)."""
    x, y, z = points.T
    rows = [m[0] * x + m[1] * y + m[2] * z + (m[3] if len(m) == 4 else 0.0) for m in blend]
    return np.stack(rows, 1)


def shape_terms(traits: Floats) -> Floats:
    """Return the terms (T,) that the bake fitted: each trait, then the products of the first five."""
    pairs = [traits[i] * traits[j] for i, j in combinations_with_replacement(range(5), 2)]
    return np.concatenate([traits, pairs])


def turn_vectors(angles: Floats, bone_names: tuple[str, ...]) -> Floats:
    """Return (B, 2, 3): a swing and a twist of each bone as rotation vectors in radians.

    A joint's first two angles are the two components of one swing, so 90 and 0 point a limb forward, 0 and 90
    sideways, 64 and 64 halfway between; the third is the twist about the limb, applied first.
    """
    a: dict[str, float] = dict(zip(ANGLES, np.radians(angles), strict=True))
    out = np.zeros((len(bone_names), 2, 3))
    row = {name: i for i, name in enumerate(bone_names)}
    out[row["pelvis"]] = [[0, 0, a["root.turn"]], [a["root.bend"], a["root.lean"], 0]]
    for chain, bones in CHAINS.items():
        for bone, share in bones:
            out[row[bone], 0, :2] = share * a[f"{chain}.bend"], share * a[f"{chain}.lean"]
            out[row[bone], 1, 2] = share * a[f"{chain}.turn"]
    for side, sign in (("left", 1.0), ("right", -1.0)):

        def put(
            bone: str, x: float = 0.0, y: float = 0.0, twist: float = 0.0, side: str = side, sign: float = sign
        ) -> None:
            out[row[f"{side}_{bone}"]] = [[x, -sign * y, 0], [0, 0, -sign * twist]]

        def of(name: str, side: str = side) -> float:
            return a[f"{side}_{name}"]

        put("upper_arm", -of("shoulder.flex"), of("shoulder.abduct"), of("shoulder.twist"))
        put("forearm", -of("elbow.flex"), 0, 0.5 * of("elbow.pronate"))
        put("hand", 0, -of("wrist.flex"), 0.5 * of("elbow.pronate"))
        put("fingers", 0, -of("fingers.curl"))
        put("thigh", -of("hip.flex"), of("hip.abduct"), of("hip.twist"))
        put("shin", of("knee.flex"))
        put("foot", of("ankle.point"), 0, of("ankle.turn"))
        # A raised arm lifts the collar bone: about a fifth of the way past 40 degrees.
        lift = 0.25 * max(0.0, float(np.hypot(of("shoulder.flex"), of("shoulder.abduct"))) - 0.7)
        put("clavicle", 0, lift + of("shoulder.shrug"))
    return out


def rotations(vectors: Floats) -> Floats:
    """Return (B, 3, 3): rotation matrices of the swings times those of the twists; `vectors` (B, 2, 3), radians."""
    angle = np.sqrt((vectors**2).sum(-1))
    x, y, z = np.moveaxis(vectors / np.maximum(angle, 1e-12)[..., None], -1, 0)
    c, s = np.cos(angle), np.sin(angle)
    k = 1 - c
    rows = [
        c + x * x * k,      x * y * k - z * s,  x * z * k + y * s,
        y * x * k + z * s,  c + y * y * k,      y * z * k - x * s,
        z * x * k - y * s,  z * y * k + x * s,  c + z * z * k,
    ]  # fmt: skip
    matrices = np.stack(rows, -1).reshape(-1, 2, 3, 3)
    both: Floats = np.einsum("bij,bjk->bik", matrices[:, 0], matrices[:, 1])
    return both


@lru_cache(maxsize=1)
def load_body() -> Body:
    """Return the baked body, read once per process.

    Raises:
        FileNotFoundError: `data/body.npz` is missing.
        ValueError: the file cannot be read as what tools/bake_body.py writes.
    """
    if not BODY_FILE.exists():
        raise FileNotFoundError(
            f"{BODY_FILE} is missing; it is a part of the course: unpack its bundle again (authors: git checkout it)."
        )
    try:
        with BODY_FILE.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        return unpack(data)
    except (OSError, ValueError, KeyError, EOFError, IndexError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{BODY_FILE} is damaged ({type(error).__name__}: {error}); it is a part of the course: unpack its bundle "
            "again (authors: git checkout it)."
        ) from error


def unpack(data: dict[str, Array]) -> Body:
    """Return the body from the arrays of the file, in float64 and int64."""
    as_they_are = "vertices normals lengths joints joint_moves neutral keypoints keypoint_moves"
    parts: dict[str, Any] = {name: data[name].astype(np.float64) for name in as_they_are.split()}
    for name in ("bone_names", "part_names", "keypoint_names", "trait_names"):
        parts[name] = tuple(str(x) for x in data[name])
    faces = data["faces"].astype(np.int64)
    return Body(
        **parts,
        faces=faces,
        face_layer=data["layer"][faces[:, 0]],
        vertex_layer=data["layer"],
        part=data["part"],
        bone_index=data["bone_index"].astype(np.int64),
        bone_share=data["bone_share"] / 255.0,
        moves=data["vertex_moves"] * data["vertex_scale"][:, None, None],
        levels=levels_of(data["parents"].astype(np.int64)),
        keypoint_bones=data["keypoint_bones"].astype(np.int64),
        keypoint_shares=data["keypoint_shares"] / 255.0,
    )

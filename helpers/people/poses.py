"""Poses: the key poses and joint limits of `data/poses.toml`, and new poses drawn between them."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from helpers.files import ROOT
from helpers.people.arrays import Floats
from helpers.people.dice import Dice

__all__ = ["ANGLES", "POSE_FILE", "KeyPose", "PoseBook", "Pose", "load_poses", "mirrored"]

# Of the course's folder; of an installed copy beside this file (setup.py).
INSTALLED = Path(__file__).with_name("data")
DATA = INSTALLED if INSTALLED.is_dir() else ROOT / "data"
POSE_FILE = DATA / "poses.toml"
MIDDLE = (
    "root.bend", "root.lean", "root.turn", "spine.bend", "spine.lean", "spine.turn", "neck.bend", "neck.lean",
    "neck.turn",
)  # fmt: skip
SIDED = (
    "shoulder.flex", "shoulder.abduct", "shoulder.twist", "shoulder.shrug", "elbow.flex", "elbow.pronate", "wrist.flex",
    "fingers.curl", "hip.flex", "hip.abduct", "hip.twist", "knee.flex", "ankle.point", "ankle.turn",
)  # fmt: skip
ARM = SIDED[:8]
ANGLES = MIDDLE + tuple(f"{side}_{name}" for side in ("left", "right") for name in SIDED)
NEVER_MIXED = ("root.bend", "root.lean", "root.turn")


@dataclass(frozen=True)
class KeyPose:
    """One pose of the file: `angles` float (A,) in degrees; poses of one `kind` mix; `lift` in metres."""

    name: str
    kind: str
    angles: Floats
    seat: bool
    lift: float
    loose: float  # how far it may be varied, 1 as usual


@dataclass(frozen=True)
class PoseBook:
    """All key poses with the limits float (A, 2) and the usual spread float (A,) of every angle, degrees."""

    poses: tuple[KeyPose, ...]
    limits: Floats
    spread: Floats

    def draw(self, dice: Dice) -> "Pose":
        """Return a new pose: a key pose mixed with another of its kind, varied within limits, mirrored or not."""
        key = dice.pick(self.poses)
        same = [p for p in self.poses if p.kind == key.kind]
        angles = mix(key.angles, dice.pick(same).angles, 0.4 * dice.uniform() * key.loose)
        if dice.chance(0.25 * key.loose):
            angles = with_arms_of(angles, dice.pick(same).angles)
        angles = angles + key.loose * self.spread * dice.bell(len(ANGLES))
        if dice.chance(0.5):
            angles = mirrored(angles)
        return Pose(key.name, self.clipped(angles), key.seat, key.lift)

    def clipped(self, angles: Floats) -> Floats:
        """Return the angles, each within its limits."""
        return np.clip(angles, self.limits[:, 0], self.limits[:, 1])

    def named(self, name: str) -> "Pose":
        """Return the key pose `name` as written."""
        for pose in self.poses:
            if pose.name == name:
                return Pose(name, pose.angles, pose.seat, pose.lift)
        raise KeyError(f"no key pose {name!r}; there are {', '.join(p.name for p in self.poses)}.")


@dataclass(frozen=True)
class Pose:
    """A pose of one person: angles float (A,) in degrees, whether it needs a seat, height above ground in metres."""

    name: str
    angles: Floats
    seat: bool
    lift: float


def mix(a: Floats, b: Floats, share: float) -> Floats:
    """Return `a` moved by `share` towards `b`, but for how the whole body lies in space."""
    out = a + share * (b - a)
    for name in NEVER_MIXED:
        out[ANGLES.index(name)] = a[ANGLES.index(name)]
    return out


def with_arms_of(a: Floats, b: Floats) -> Floats:
    """Return `a` with both arms of `b`."""
    out = a.copy()
    for i, name in enumerate(ANGLES):
        if name.partition("_")[2] in ARM:
            out[i] = b[i]
    return out


def mirrored(angles: Floats) -> Floats:
    """Return the mirror image: left and right swapped, leaning and turning reversed."""
    out = np.empty_like(angles)
    for i, name in enumerate(ANGLES):
        side, _, rest = name.partition("_")
        if side in ("left", "right"):
            out[ANGLES.index(f"{'right' if side == 'left' else 'left'}_{rest}")] = angles[i]
        else:
            out[i] = -angles[i] if name.endswith((".lean", ".turn")) else angles[i]
    return out


@lru_cache(maxsize=1)
def load_poses() -> PoseBook:
    """Return the key poses and limits of data/poses.toml, read once per process.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it cannot be read, is not TOML, or a pose names an unknown angle or exceeds a limit.
    """
    if not POSE_FILE.exists():
        raise FileNotFoundError(
            f"{POSE_FILE} is missing; it is a part of the course: unpack its bundle again (authors: git checkout it)."
        )
    try:
        table = tomllib.loads(POSE_FILE.read_text(encoding="utf-8"))
        return read_book(table)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{POSE_FILE} is damaged ({error}); it is a part of the course: unpack its bundle again (authors: git "
            "checkout it)."
        ) from error


def read_book(table: dict[str, Any]) -> PoseBook:
    """Return the poses of a parsed file.

    Raises:
        ValueError: names the pose and the angle that is unknown or outside its limits.
    """
    limits, spread = np.zeros((len(ANGLES), 2)), np.zeros(len(ANGLES))
    for i, name in enumerate(ANGLES):
        joint, _, angle = name.removeprefix("left_").removeprefix("right_").partition(".")
        try:
            low, high, usual = table["limits"][joint][angle]
        except (KeyError, ValueError, TypeError):
            raise ValueError(f"limits.{joint}.{angle} is missing; expected [lowest, highest, usual spread].") from None
        limits[i], spread[i] = (low, high), usual
    poses = tuple(read_pose(name, entry, limits) for name, entry in table["pose"].items())
    return PoseBook(poses, limits, spread)


def read_pose(name: str, entry: dict[str, Any], limits: Floats) -> KeyPose:
    """Return one key pose; `both_` sets left and right."""
    angles = np.zeros(len(ANGLES))
    for joint, values in entry.items():
        if not isinstance(values, dict):
            continue
        sides = ("left_", "right_") if joint.startswith("both_") else ("",)
        for angle, value in values.items():
            for side in sides:
                full = f"{side}{joint.removeprefix('both_')}.{angle}"
                if full not in ANGLES:
                    raise ValueError(f"pose {name!r} sets {joint}.{angle}; no such angle. Known: {', '.join(ANGLES)}.")
                i = ANGLES.index(full)
                if not limits[i, 0] <= value <= limits[i, 1]:
                    raise ValueError(
                        f"pose {name!r} sets {full} to {value}; expected a number in "
                        f"[{limits[i, 0]:g}, {limits[i, 1]:g}]. Change the pose or the limit."
                    )
                angles[i] = value
    if "kind" not in entry:
        raise ValueError(f'pose {name!r} has no kind; expected a word such as "upright": poses of one kind mix.')
    return KeyPose(
        name, entry["kind"], angles, entry.get("seat", False), entry.get("lift", 0.0), entry.get("loose", 1.0)
    )

"""Appearance: what a person wears, and the colour and label of every point of the body.

Garments are not meshes (but for the skirt and long hair): a point of the middle body at rest is inside a sleeve or a
trouser leg by its place along the limb, so that cuffs and hems are sharp at any image size.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from helpers.people.arrays import Bools, Floats, Labels, Palette
from helpers.people.body import HAIR_LAYER, SKIRT_LAYER, Body
from helpers.people.dice import Dice

__all__ = ["CLOTHES", "Outfit", "Surface", "draw_outfit", "dress", "swelling", "worn_faces"]

CLOTHES = ("background", "skin", "hair", "top", "trousers", "skirt", "shoes", "hat")
SKIN, HAIR, TOP, TROUSERS, SKIRT, SHOES, HAT = range(1, 8)

SKINS = (
    (244, 208, 184), (232, 184, 152), (222, 168, 130), (198, 142, 104), (164, 112, 78), (128, 84, 58), (98, 62, 44),
    (74, 48, 36),
)  # fmt: skip
HAIRS = (
    (24, 20, 18), (40, 28, 22), (66, 44, 28), (104, 68, 38), (150, 104, 56), (196, 156, 92), (140, 60, 30),
    (150, 148, 146), (206, 204, 200),
)  # fmt: skip
CLOTH = (
    (236, 234, 228), (34, 36, 42), (120, 122, 126), (30, 48, 92), (54, 96, 158), (120, 168, 210), (164, 34, 40),
    (206, 84, 60), (226, 172, 60), (236, 214, 130), (52, 104, 66), (120, 150, 90), (96, 60, 116), (206, 130, 160),
    (128, 90, 62), (200, 178, 146), (24, 120, 122), (86, 30, 46),
)  # fmt: skip
LEG_CLOTH = (
    (36, 46, 76), (58, 78, 116), (104, 128, 160), (30, 30, 34), (86, 86, 90), (112, 96, 74), (170, 152, 120),
    (66, 74, 58), (214, 210, 202), (92, 40, 44),
)  # fmt: skip
SHOE = ((28, 26, 26), (236, 234, 232), (110, 74, 48), (150, 40, 40), (60, 80, 130), (150, 150, 152))
PATTERNS = ("plain", "plain", "plain", "hoops", "stripes", "checks", "halves", "print", "dots")

# Places on the middle body at rest, metres (see tools/bake_body.py): heights z, depths y.
WAIST, NECK, EAR, EYE, NOSE = 0.285, 0.748, (-0.054, 0.885), (0.032, -0.14, 0.906), (-0.164, 0.873)


@dataclass(frozen=True)
class Outfit:
    """Colours are RGB in [0, 255]; lengths count along the limb (1 elbow or knee, 2 wrist or ankle)."""

    skin: Floats
    hair: Floats
    top: Floats
    top_second: Floats
    legs: Floats
    shoes: Floats
    hat_colour: Floats
    pattern: str
    pattern_size: float
    sleeve: float
    neckline: float
    leg: float
    boot: float
    skirt_rings: int  # 0: none
    dress: bool
    hair_rings: int  # 0: short
    hair_thick: float  # metres
    bald: bool
    beard: bool
    hat: bool
    loose_top: float  # metres
    loose_legs: float


@dataclass(frozen=True)
class Surface:
    """Points of one person: `place` (3, N) on the middle body at rest, `lengths` (2, N), `part` and `layer` (N,)."""

    place: Floats
    lengths: Floats
    part: Labels
    layer: Labels


def draw_outfit(dice: Dice, gender: float, appearance: float) -> Outfit:
    """Return an outfit; `gender` 0 to 1 shifts the odds of skirts, long hair and beards, `appearance` of patterns."""

    def colour(palette: Palette, vary: float = 12.0) -> Floats:
        mixed: Floats = np.minimum(np.maximum(dice.pick(palette) + vary * dice.bell(3), 4), 250)
        return mixed

    # Every number is drawn, wanted or not, so that a turned knob changes nothing else of the outfit.
    plain, pattern = dice.uniform(), dice.pick(PATTERNS)
    skirt, rings, one_piece = dice.chance(0.02 + 0.4 * gender), dice.integer(6, 10), dice.chance(0.5)
    leg, boot = dice.pick((0.45, 0.75, 0.95, 1.6, 2.0, 2.0, 2.0, 2.0)), dice.pick((1.95, 1.93, 1.9, 1.72))
    long_hair, hair_rings = dice.chance(0.08 + 0.6 * gender), dice.integer(3, 7)
    return Outfit(
        skin=colour(SKINS, 5),
        hair=colour(HAIRS, 5),
        top=colour(CLOTH),
        top_second=colour(CLOTH),
        legs=colour(LEG_CLOTH),
        shoes=colour(SHOE),
        hat_colour=colour(CLOTH),
        pattern=pattern if plain < 0.35 + 0.65 * appearance else "plain",
        pattern_size=dice.uniform(0.035, 0.11),
        sleeve=dice.pick((-0.1, 0.45, 0.5, 0.6, 0.95, 1.5, 1.95, 1.97, 2.0)),
        neckline=dice.uniform(0.0, 0.11),
        leg=leg,
        boot=boot,
        skirt_rings=rings * skirt,
        dress=skirt and one_piece,
        hair_rings=hair_rings * long_hair,
        hair_thick=dice.pick((0.008, 0.012, 0.016, 0.02, 0.032)),
        bald=dice.chance(0.1) and not long_hair,
        beard=dice.chance(0.25 * (1 - gender) ** 2),
        hat=dice.chance(0.12),
        loose_top=dice.uniform(0.004, 0.022),
        loose_legs=dice.uniform(0.004, 0.02),
    )


def worn_faces(body: Body, outfit: Outfit) -> Bools:
    """Return bool (F,): the faces that this person has. Skirt and hair end after a number of rings."""
    layer, face = body.face_layer, np.arange(len(body.faces))
    keep: Bools = layer == 0
    for number, rings, per_ring in ((SKIRT_LAYER, outfit.skirt_rings, 40), (HAIR_LAYER, outfit.hair_rings, 28)):
        of_layer = layer == number
        first = int(np.argmax(of_layer))
        keep |= of_layer & (face < first + rings * per_ring)
    return keep


def scalp(place: Floats) -> Floats:
    """Return metres above the hair line: a slanted plane from the forehead over the ears to the nape."""
    above: Floats = (place[2] - EAR[1]) + 0.65 * (place[1] - EAR[0]) - 0.012
    return above


def swelling(outfit: Outfit, surface: Surface) -> Floats:
    """Return metres (V,) by which hair and cloth stand off the body along its normals."""
    head = surface.part == 1
    thick = 0.0 if outfit.bald else outfit.hair_thick
    out = np.where(head, thick * np.clip(scalp(surface.place) / 0.03, 0, 1), 0.0)
    if outfit.hat:
        out = np.where(head & (surface.place[2] > EAR[1] + 0.05), 0.022, out)
    worn = clothes_of(outfit, surface)
    out = np.where(worn == TOP, outfit.loose_top, out)
    out = np.where(worn == TROUSERS, outfit.loose_legs, out)
    out = np.where(worn == SHOES, 0.009, out)
    return np.where(surface.layer > 0, 0.01, out)


def clothes_of(outfit: Outfit, surface: Surface) -> Labels:
    """Return uint8 (N,): the index in `CLOTHES` of what each point shows."""
    x, y, z = surface.place
    arm, leg = surface.lengths
    part = surface.part
    out = np.full(len(part), SKIN, np.uint8)
    out[(part >= 9) & (leg < outfit.leg)] = TROUSERS
    out[(part >= 9) & ((leg > outfit.boot) | (part >= 13))] = SHOES
    # The neckline is a slanted plane, higher at the back of the neck; its front may dip.
    dip = 1.4 * outfit.neckline * (y < -0.02) * np.clip(1 - np.abs(x) / 0.09, 0, 1)
    collar = z - 0.6 * y + dip < NECK - 0.01
    sleeveless = outfit.sleeve < 0
    arms = (part >= 3) & (part <= 6) & (arm < outfit.sleeve) if not sleeveless else part == 255
    out[arms] = TOP
    trunk = part == 2
    out[trunk & collar & ~(sleeveless & (np.abs(x) > 0.15) & (z > 0.52))] = TOP
    hem = WAIST if outfit.loose_top < 0.012 else WAIST - 0.12
    below = (trunk & (z < hem)) | ((part >= 9) & (part <= 10) & (leg < 0.1))
    out[below] = TROUSERS
    out[below & (z > hem)] = TOP
    head = part == 1
    if not outfit.bald:
        out[head & (scalp(surface.place) > 0)] = HAIR
        if outfit.beard:
            out[head & (z < NOSE[1] - 0.022) & (z > NECK + 0.04) & (y < EAR[0] + 0.01)] = HAIR
    if outfit.hat:
        out[head & (z > EAR[1] + 0.05)] = HAT
    out[surface.layer == SKIRT_LAYER] = SKIRT
    out[surface.layer == HAIR_LAYER] = HAIR
    if outfit.dress:
        out[out == TOP] = SKIRT
    return out


def dress(outfit: Outfit, surface: Surface) -> tuple[Labels, Floats]:
    """Return the label uint8 (N,) and the colour float64 (N, 3) in [0, 255] of every point, before light."""
    worn = clothes_of(outfit, surface)
    skirt = outfit.top if outfit.dress else outfit.legs
    colours = [np.zeros(3), outfit.skin, outfit.hair, outfit.top, outfit.legs, skirt, outfit.shoes, outfit.hat_colour]
    colour = np.stack(colours)[worn]  # in the order of CLOTHES
    patterned = (worn == TOP) | (worn == SKIRT) if outfit.dress else worn == TOP
    second = patterned & pattern_mask(outfit, surface)
    colour[second] = outfit.top_second
    draw_face(outfit, surface, worn, colour)
    return worn, colour * (1 - 0.1 * creases(surface.place) * (worn >= TOP) * (worn <= SKIRT))[:, None]


def wave(x: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return a triangle wave of period 1 in [0, 1], exact on every platform."""
    height: Floats = np.abs(2 * (x - np.floor(x)) - 1)
    return height


def creases(place: Floats) -> Floats:
    """Return soft folds in [0, 1] across cloth."""
    x, y, z = place
    return wave(7 * z + 3 * wave(4 * x + 2.3 * z) + 2 * y) * wave(9 * x - 5 * z + 4 * y)


def pattern_mask(outfit: Outfit, surface: Surface) -> Bools:
    """Return bool (N,): where the second colour of the top shows. Sleeves count along the arm."""
    x: Floats
    y: Floats
    z: Floats
    x, y, z = surface.place
    sleeve = (surface.part >= 3) & (surface.part <= 6)
    down = np.where(sleeve, 0.3 * surface.lengths[0], z) / outfit.pattern_size
    across = np.where(sleeve, z + y, np.abs(x) + 0.5 * y) / outfit.pattern_size
    if outfit.pattern == "hoops":
        return wave(down) > 0.5
    if outfit.pattern == "stripes":
        return wave(across) > 0.6
    if outfit.pattern == "checks":
        return (wave(across) > 0.5) ^ (wave(down) > 0.5)
    if outfit.pattern == "dots":
        return wave(across) + wave(down) > 1.45
    if outfit.pattern == "halves":
        return sleeve | (z > 0.6)
    if outfit.pattern == "print":
        return ~sleeve & (y < -0.03) & (np.abs(x) < 0.07) & (np.abs(z - 0.55) < 0.05) & (wave(30 * z + 20 * x) > 0.3)
    return np.zeros(len(z), bool)


def draw_face(outfit: Outfit, surface: Surface, worn: Labels, colour: Floats) -> None:
    """Paint eyes, brows, lips and cheeks into `colour`, in place."""
    rows = np.flatnonzero((surface.part == 1) & (surface.place[1] < EAR[0] - 0.02) & (worn == SKIN))
    x, _, z = surface.place[:, rows]
    across, up = np.abs(x), z - EYE[2]
    eye = ((across - EYE[0]) / 0.016) ** 2 + (up / 0.009) ** 2
    brow = (np.abs(across - EYE[0]) < 0.02) & (np.abs(up - 0.021 - 0.1 * (EYE[0] - across)) < 0.005)
    lips = (across / 0.024) ** 2 + ((z - NOSE[1] + 0.048) / 0.009) ** 2
    colour[rows[lips < 1]] = 0.6 * outfit.skin + 0.4 * np.array([150, 50, 56.0])
    colour[rows[brow]] = 0.3 * outfit.skin + 0.6 * outfit.hair
    colour[rows[eye < 1]] = (226, 224, 220)
    colour[rows[((across - EYE[0]) / 0.008) ** 2 + (up / 0.0085) ** 2 < 1]] = (44, 32, 26)

"""Draw the contact sheets of the rendered people into docs/pictures/.

A developer's script; needs Pillow. Run it after a change of the renderer and look at what comes out:

    python -m tools.contact_sheets [FOLDER]        # about ten seconds
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from helpers.files import ROOT
from helpers.people import Scene, SceneSettings, render_scene
from helpers.people.appearance import draw_outfit
from helpers.people.background import Camera, Light
from helpers.people.body import load_body
from helpers.people.dice import Dice
from helpers.people.layer import blend, draw_layer
from helpers.people.placing import Placed, build_person
from helpers.people.poses import Pose, load_poses

LIMBS = (
    (5, 7),
    (7, 9),
    (6, 8),
    (8, 10),
    (5, 6),
    (5, 11),
    (6, 12),
    (11, 12),
    (11, 13),
    (13, 15),
    (12, 14),
    (14, 16),
    (0, 1),
    (0, 2),
    (1, 3),
    (2, 4),
)
LEFT, RIGHT, MIDDLE = (0, 158, 115), (213, 94, 0), (240, 228, 66)  # Okabe and Ito's colour-blind safe palette
TINTS = np.array(
    [(86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)]
)
GAP = 3


def sheet(images: list[Image.Image], columns: int) -> Image.Image:
    """Return the images, all of one size, in rows on white."""
    w, h = images[0].size
    rows = -(-len(images) // columns)
    out = Image.new("RGB", (columns * (w + GAP) - GAP, rows * (h + GAP) - GAP), "white")
    for i, image in enumerate(images):
        out.paste(image, (i % columns * (w + GAP), i // columns * (h + GAP)))
    return out


def annotated(scene: Scene, zoom: int) -> Image.Image:
    """Return the scene with tinted instance masks, skeletons, seen keypoints filled and hidden ones as rings."""
    tint = np.where((scene.instances > 0)[:, :, None], TINTS[(scene.instances.astype(int) - 1) % len(TINTS)], 0)
    mixed = np.where((scene.instances > 0)[:, :, None], 0.6 * scene.image + 0.4 * tint, 0.6 * scene.image)
    image = Image.fromarray(mixed.astype(np.uint8))
    image = image.resize((zoom * image.width, zoom * image.height), Image.NEAREST)
    draw = ImageDraw.Draw(image)
    for points, seen in zip(scene.keypoints * zoom + (zoom - 1) / 2, scene.visibility, strict=True):
        for a, b in LIMBS:
            if seen[a] and seen[b]:
                colour = MIDDLE if (a % 2) != (b % 2) else LEFT if a % 2 else RIGHT
                draw.line([*points[a], *points[b]], fill=colour, width=1)
        for k in range(17):
            x, y = points[k]
            if seen[k] == 2:
                draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill="white")
            elif seen[k] == 1:
                draw.ellipse([x - 2, y - 2, x + 2, y + 2], outline=(255, 80, 200))
    return image


def label_views(scene: Scene) -> Image.Image:
    """Return image, instances, parts, clothes and depth of one scene side by side."""
    palette = np.array([(0, 0, 0), *((np.arange(1, 31)[:, None] * (67, 113, 199)) % 206 + 50)], np.uint8)
    near = np.where(np.isfinite(scene.depth), scene.depth, np.nan)
    low, high = np.nanmin(near), np.nanmax(near)
    grey = np.nan_to_num(255 - 200 * (near - low) / max(high - low, 1e-6)).astype(np.uint8)
    views = [
        scene.image,
        palette[scene.instances],
        palette[scene.parts],
        palette[scene.clothes],
        np.repeat(grey[:, :, None], 3, axis=2),
    ]
    return sheet([Image.fromarray(view) for view in views], len(views))


def pose_views(pose: Pose, number: int) -> Image.Image:
    """Return the key pose from the front and from the side, on plain ground."""
    body, size = load_body(), (150, 130)
    outfit = replace(draw_outfit(Dice(7, number), number % 2, 0.3), skirt_rings=0, hat=False, dress=False)
    light = Light(np.array([-0.45, -0.6, 0.66]), np.full(3, 0.65), np.full(3, 0.6), np.full(3, 0.4))
    out = Image.new("RGB", (2 * size[1], size[0] + 14), "white")
    for view, turn in enumerate((0.35, 1.75)):
        person = build_person(body, np.zeros(6), pose, turn, outfit)
        image = np.full((*size, 3), 232.0)
        camera = Camera(55 * 6, size[1] / 2, size[0] - 12 - 55.0, 1.0)
        image[size[0] - 20 :] = 214
        blend(draw_layer([Placed(person, 0.0, 6.0)], [], camera, light, size), image)
        out.paste(Image.fromarray(image.clip(0, 255).astype(np.uint8)), (view * size[1], 14))
    ImageDraw.Draw(out).text((4, 1), pose.name.replace("_", " "), fill="black")
    return out


def knob_rows() -> list[Image.Image]:
    """Return one scene with each knob turned from one end to the other, all else left alone."""
    base = SceneSettings(size=(144, 144), people=(3, 3), scale=(0.5, 0.8), occlusion=0, truncation=0, crowding=0.2)
    turned = [
        *({"people": (n, n), "scale": (0.35, 0.7)} for n in (1, 2, 4, 8, 12)),
        *({"crowding": c} for c in (0, 0.25, 0.5, 0.75, 1)),
        *({"occlusion": c} for c in (0, 0.25, 0.5, 0.75, 1)),
        *({"truncation": c} for c in (0, 0.25, 0.5, 0.75, 1)),
        *({"scale": (s, s)} for s in (0.2, 0.35, 0.5, 0.7, 0.95)),
        *({"appearance": c} for c in (0, 0.25, 0.5, 0.75, 1)),
    ]
    return [Image.fromarray(render_scene(2, 4, replace(base, **change)).image) for change in turned]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    single = [render_scene(3, i) for i in range(40)]
    many_settings = SceneSettings(size=(256, 256), people=(2, 9), scale=(0.25, 0.8), occlusion=0.25, crowding=0.4)
    many = [render_scene(4, i, many_settings) for i in range(12)]
    pictures = {
        "people_single": sheet([Image.fromarray(s.image) for s in single], 8),
        "people_single_labels": sheet([annotated(s, 2) for s in single[:20]], 5),
        "people_many": sheet([Image.fromarray(s.image) for s in many], 4),
        "people_many_labels": sheet([annotated(s, 1) for s in many], 4),
        "people_label_kinds": sheet([label_views(s) for s in many[:3]], 1),
        "people_poses": sheet([pose_views(load_poses().named(p.name), i) for i, p in enumerate(load_poses().poses)], 5),
        "people_knobs": sheet(knob_rows(), 5),
    }
    for name, picture in pictures.items():
        path = folder / f"{name}.jpg"
        for quality in (88, 80, 70, 60):
            picture.save(path, quality=quality, optimize=True)
            if path.stat().st_size < 300_000:
                break
        print(path.name, picture.size, f"{path.stat().st_size / 1000:.0f} kB, quality {quality}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tools.contact_sheets", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "pictures", help="default: %(default)s")
    main(parser.parse_args().folder)

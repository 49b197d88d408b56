"""Draw the contact sheets of the rendered people into docs/pictures/."""
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from helpers.people.body import load_body  # noqa: E402
from helpers.people.poses import load_poses  # noqa: E402
from helpers.people.raster import rasterize, sample_shape, snap  # noqa: E402


def plain(pose, yaw, size=(150, 120), traits=None):
    body = load_body()
    rest, joints, kps = body.shaped(np.zeros(6) if traits is None else np.array(traits))
    T = body.transforms(pose.angles, joints)
    v, n = body.posed(T, rest)
    k = body.posed_keypoints(T, kps)
    f = body.faces[body.face_layer == 0]
    z0 = v[np.unique(f), 2].min()
    c, s = np.cos(yaw), np.sin(yaw)
    R = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    v, n, k = v @ R.T, n @ R.T, k @ R.T
    ctr = (k[11] + k[12]) / 2
    Y, F = 6.0, size[0] * 0.48 * 6 / 1.0

    def proj(p):
        d = p[:, 1] - ctr[1] + Y
        zz = p[:, 2] - z0 + pose.lift
        return np.stack([size[1] / 2 + F * 0.9 * (p[:, 0] - ctr[0]) / d, size[0] * 0.93 - F * .9 * (zz - 0.0) / d], 1), 1 / d
    p, inv = proj(v)
    p[:, 1] -= 0
    shape = sample_shape(size)
    h = rasterize(snap(p), inv, f, np.zeros(len(f), bool), shape)
    img = np.full((shape[0] * shape[1], 3), 235.0)
    L = np.array([-.4, -.7, .6]); L /= np.linalg.norm(L)
    lam = 0.35 + 0.65 * np.clip(n @ L, 0, 1)
    pal = np.array([[0, 0, 0], [230, 180, 150], [90, 140, 200]] + [[200, 120, 120], [120, 200, 120]] * 6)
    col = pal[body.part[f[h.face, 0]]] * (lam[f[h.face]] * h.weights).sum(1)[:, None]
    img[h.sample] = col
    im = Image.fromarray(img.reshape(*shape, 3).astype(np.uint8))
    d = ImageDraw.Draw(im)
    kp, _ = proj(k)
    for x, y in kp * 2 + 1:
        d.ellipse([x - 2, y - 2, x + 2, y + 2], fill=(255, 255, 0))
    return im


if __name__ == "__main__":
    book = load_poses()
    names = [p.name for p in book.poses]
    sub = sys.argv[2:] or names
    ims = []
    for nme in sub:
        a = plain(book.named(nme), np.radians(20)); b = plain(book.named(nme), np.radians(80))
        w = Image.new("RGB", (a.width * 2, a.height)); w.paste(a, (0, 0)); w.paste(b, (a.width, 0))
        ImageDraw.Draw(w).text((5, 5), nme, fill=(0, 0, 0)); ims.append(w)
    C = 4
    W = Image.new("RGB", (C * ims[0].width, -(-len(ims) // C) * ims[0].height))
    for i, im in enumerate(ims): W.paste(im, (i % C * im.width, i // C * im.height))
    W.save(sys.argv[1])

"""Build a photo pack: people of COCO whose photos may be handed on, in one zip file (docs/photos.md)."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm.auto import tqdm

from helpers.files import atomically, checksum
from tools.photo_pack.archive import Taken, write
from tools.photo_pack.crops import crops_of
from tools.photo_pack.licences import require_allowed
from tools.photo_pack.pages import SITE, Pages, SiteUnavailable
from tools.photo_pack.people import Photo, photos_of

GONE, OTHER, STRANGE, DAMAGED = "gone", "under another licence now", "without a clear answer", "damaged"


def take(photos: Sequence[Photo], pages: Pages, people: int, side: int) -> tuple[list[Taken], Counter[str]]:
    """Return the photos whose page still shows the licence, until there are so many people; and what was dropped."""
    taken: list[Taken] = []
    dropped: Counter[str] = Counter()
    missing = people
    with tqdm(total=people, unit="person", desc="looking up") as bar:
        for photo in photos:
            if not missing:
                break
            page = pages[photo.page]
            if page is None or page.licence != photo.licence:
                dropped[STRANGE if page is None else GONE if page.licence is None else OTHER] += 1
                continue
            try:
                crops = crops_of(photo, side)[:missing]
            except (ValueError, FileNotFoundError) as error:
                tqdm.write(f"{error} It is left out.", sys.stderr)
                dropped[DAMAGED] += 1
                continue
            taken.append(Taken(photo, page, crops))
            missing -= len(crops)
            bar.update(len(crops))
    return taken, dropped


def said(taken: Sequence[Taken], dropped: Counter[str], out: Path, wanted: int) -> str:
    """Return what was built, in a few lines."""
    people = Counter({split: 0 for split in ("train", "val", "test")})
    for one in taken:
        people[one.photo.split] += len(one.crops)
    size, count = out.stat().st_size, people.total()
    splits = ", ".join(f"{split} {number:,}" for split, number in people.items())
    lines = [
        f"{out}: {count:,} people of {len(taken):,} photos ({splits})",
        f"{size / 1e6:.1f} MB, {size / count:,.0f} bytes a person",
        f"left out: {', '.join(f'{number:,} {why}' for why, number in dropped.items()) or 'none'}",
        f"SHA-256: {checksum(out)}",
    ]
    if count < wanted:
        lines.insert(1, f"{wanted:,} people were asked for; there are no more photos with people large enough.")
    return "\n".join(lines)


def build(asked: argparse.Namespace) -> str:
    """Build the pack and return what to say. Raises ValueError, OSError or SiteUnavailable with a sentence."""
    require_allowed(asked.licences)
    photos = photos_of(asked.coco.expanduser(), asked.licences)
    if not photos:
        raise ValueError(f"{asked.coco} has no photo under these licences with a person large enough.")
    with Pages(asked.pages, asked.site, asked.pause) as pages:
        taken, dropped = take(photos, pages, asked.people, asked.size)
    if not taken:
        why = ", ".join(f"{number} {why}" for why, number in dropped.items())
        raise ValueError(f"none of {len(photos)} photos may come into a pack: {why}.")
    write(asked.out, taken, asked.size)
    with atomically(Path(f"{asked.out}.sha256")) as part:
        part.write_text(f"{checksum(asked.out)}  {asked.out.name}\n")
    return said(taken, dropped, asked.out, asked.people)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.photo_pack", description=__doc__)
    parser.add_argument("--coco", type=Path, required=True, metavar="DIR", help="annotations/, train2017/, val2017/")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the zip file")
    parser.add_argument("--people", type=int, default=5000, help="how many (5000)")
    parser.add_argument("--size", type=int, default=128, help="side of a crop in pixels (128)")
    parser.add_argument("--licences", type=int, nargs="+", default=[4, 7], help="COCO's numbers: 4, 5, 7 (4 7)")
    parser.add_argument("--pages", type=Path, metavar="FILE", help="keeps what was looked up (OUT.pages.jsonl)")
    parser.add_argument("--site", default=SITE, metavar="URL", help=f"the photo site's oEmbed service ({SITE})")
    parser.add_argument("--pause", type=float, default=1.1, metavar="SECONDS", help="between two requests (1.1)")
    asked = parser.parse_args(words)
    if asked.people < 1 or not 16 <= asked.size <= 1024 or asked.pause < 0:
        parser.error("expected --people of 1 or more, --size from 16 to 1024, and no --pause below 0")
    asked.pages = asked.pages or Path(f"{asked.out}.pages.jsonl")
    return asked


def main(words: Sequence[str] | None = None) -> int:
    """Return 0 if a pack was built, else 1."""
    asked = arguments(words)
    kept = f"What was looked up is kept in {asked.pages}: the same command goes on there."
    try:
        print(build(asked))
        return 0
    except SiteUnavailable as error:
        print(f"{error} {kept}", file=sys.stderr)
    except (ValueError, OSError) as error:
        print(f"No pack was built: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"\nInterrupted. {kept}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

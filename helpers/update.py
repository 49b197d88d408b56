"""A newer bundle over this one, and nothing of a student's overwritten: `python -m helpers.update NEW.zip`.

What its `release.json` lists (helpers, data, the environment) takes the place of what is here. Whatever lies in
`exercises` stays: a corrected notebook comes beside it. Each file comes by a rename: whatever ends this, run it again.
"""

import argparse
import json
import os
import re
import shutil
import sys
from pathlib import Path

from helpers.files import OUTSIDE, ROOT, checksum, opened_zip

MANIFEST = "release.json"  # {"released": time in UTC, "files": {place: SHA-256, of all but exercises}}
NUMBER = re.compile(r'"deep_learning_lab": *{\s*"release": *"([0-9a-f]{8})"')  # of the release, in a notebook
LAST = ("helpers/__init__.py", "helpers/files.py", "helpers/update.py")  # the old ones go on until then
CORRECTED = " Of a corrected notebook move your cells over, or go on in yours: both are graded."
INSTALL = " The environment has changed: run `python -m pip install -c constraints.txt -e .` once more."


def update(new: Path, course: Path = ROOT, force: bool = False) -> str:
    """Bring the bundle `new`, a zip or a folder, into the folder `course`; return a paragraph on what came and stayed.

    Raises ValueError: `new` is damaged, no bundle or, unless `force`, an older one; or something cannot be written.
    """
    if (course / "grading").exists() or not (course / "pyproject.toml").is_file():
        raise ValueError(f"{course} is no student's folder of the course: run this in the folder that holds helpers.")
    if not new.exists():
        raise ValueError(f"There is no {new}: name the zip that was downloaded, in quotes if its name has blanks.")
    work = course / ".update"
    try:
        shutil.rmtree(work, ignore_errors=True)  # of an update that was killed
        work.mkdir()
        if not new.is_dir():
            with opened_zip(new) as archive:
                archive.extractall(work)
        return _bring(new if new.is_dir() else work, work / "one file", course, new.name, force)
    except OSError as error:
        problem = f"{error.filename or course}: {error.strerror or error}. Nothing of yours is lost"
        raise ValueError(f"{problem}: mend that (make room, close JupyterLab), then run this once more.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _bring(new: Path, part: Path, course: Path, name: str, force: bool) -> str:
    """Look at all of an unpacked bundle, then bring its files, each written to `part` first."""
    top = next((p for p in (new, *sorted(new.iterdir())) if (p / MANIFEST).exists() or (p / "exercises").is_dir()), new)
    (before, _), (after, files) = _manifest(course), _manifest(top)
    theirs = {p: NUMBER.findall(p.read_text("utf-8", "replace"))[:1] for p in sorted(top.glob("exercises/*/*.ipynb"))}
    bad = [p for p in files if OUTSIDE.search(p) or p.startswith("exercises") or not (top / p).is_file()]
    bad += [p for p in files if p not in bad and checksum(top / p) != files[p]]
    problem = ""
    if not all(theirs.values()) or not files and (not theirs or (top / "helpers").exists()):
        problem = "is no bundle of this course, one of long ago, or half unpacked"
    elif bad:
        problem = f"is not whole: {bad[0]} is missing or damaged, and {len(bad) - 1} files more. Get it again"
    elif files and after < before and not force:
        problem = f"is of {after}, older than what is here, of {before}. With --force it is taken all the same"
    if problem:
        raise ValueError(f"{name} {problem}. Nothing was changed.")
    came = {p: course / p.relative_to(top) for p in theirs}
    for p, target in came.items():
        if target.exists() and NUMBER.findall(target.read_text("utf-8", "replace"))[:1] != theirs[p]:
            came[p] = target.with_name(f"{p.stem}-release-{theirs[p][0]}.ipynb")  # work may be in the other
    wanted = {p: target for p, target in came.items() if not target.exists()}
    places = [p for p, sha in files.items() if not (course / p).is_file() or checksum(course / p) != sha]
    places.sort(key=lambda p: (p in LAST, p))
    whole = [*((top / p, course / p) for p in places), *wanted.items(), (top / MANIFEST, course / MANIFEST)]
    for source, target in whole if files else wanted.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(shutil.copyfile(source, part), target)
    names = ", ".join(target.relative_to(course).as_posix() for target in wanted.values())
    text = f"{len(places)} files of helpers, data and environment came, and {names or 'no notebook'}."
    text += CORRECTED * ("-release-" in names) + " All that you have in exercises stayed as it was."
    return text + INSTALL * ("constraints.txt" in places) + " Restart the kernels of open notebooks."


def _manifest(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the time of a release and the checksums of its files; nothing where its list cannot be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return str(found["released"]), dict(found["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", {}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m helpers.update", description="Bring a newer bundle in here.")
    zipped = "the zip, or the folder that it was unpacked into"
    parser.add_argument("new", type=lambda new: Path(new).expanduser(), help=zipped)  # no shell of Windows knows ~
    parser.add_argument("--force", action="store_true", help="also where it is older than what is here")
    try:
        print(update(**vars(parser.parse_args())))
    except ValueError as error:
        sys.exit(str(error))

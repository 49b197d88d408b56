"""A newer bundle over this one, and nothing of a student's overwritten: `python -m helpers.update NEW.zip`.

What its `release.json` lists (helpers, data, the environment) takes the place of what is here. Whatever lies in
`exercises` stays: a corrected notebook comes beside it. Each file comes by a rename: whatever ends this, run it again.
"""

import argparse
import contextlib
import json
import re
import shutil
import sys
from pathlib import Path

try:
    from helpers.files import OUTSIDE, ROOT, checksum, opened_zip
except (ImportError, SyntaxError) as error:
    sys.exit(f"helpers is half unpacked ({error}): unpack the bundle elsewhere, and copy all but exercises over.")

MANIFEST = "release.json"  # {"released": time in UTC, "files": {place: SHA-256, of all but exercises}}
NUMBER = re.compile(r'"deep_learning_lab": *{\s*"release": *"([0-9a-f]{8})"')  # of the release, in a notebook
LAST = ("helpers/__init__.py", "helpers/files.py", "helpers/update.py")  # the old ones go on until then
BESIDE = " Where yours is of another release or names none, move your cells over, or go on in yours: both are graded."
INSTALL = " The environment has changed: run `python -m pip install -c constraints.txt -e .` once more."


def update(new: Path, course: Path = ROOT, force: bool = False) -> str:
    """Bring the bundle `new`, a zip or a folder, into the folder `course`; return a paragraph on what came and stayed.

    Raises ValueError: `new` is damaged, no bundle or, unless `force`, an older one; or something cannot be written.
    """
    new = new.expanduser()  # no shell of Windows knows ~
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
        return _bring(new if new.is_dir() else work, course, new.resolve().name, force)
    except OSError as error:
        problem = f"{error.filename or course}: {error.strerror or error}. Nothing of yours is lost"
        raise ValueError(f"{problem}: mend that (make room, close JupyterLab), then run this once more.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _bring(new: Path, course: Path, name: str, force: bool) -> str:
    """Look at all of an unpacked bundle, then bring its files."""
    inside = [new, *sorted(new.glob("*")), *sorted(new.glob("*/*"))]
    top = next((p for p in inside if (p / MANIFEST).exists() or (p / "exercises").is_dir()), new)
    (before, _), (after, files) = _manifest(course), _manifest(top)
    theirs = {p: _read(p) for p in top.glob("exercises/*/*.ipynb") if p.stem.split("-release-")[0] == p.parent.name}
    bad = [p for p in files if OUTSIDE.search(p) or p.startswith("exercises") or not (top / p).is_file()]
    bad += [p for p in files if p not in bad and checksum(top / p) != files[p]]
    problem = ""
    if not files and (not theirs or (top / "helpers").exists() or not all(number for number, _ in theirs.values())):
        zips = ", ".join(p.relative_to(new).as_posix() for p in inside[1:] if p.suffix == ".zip" and not theirs)
        problem = "is no bundle of this course, one of long ago, or half unpacked"
        problem = f"holds zips: give one of these, unpacked first if they lie in one ({zips})" if zips else problem
    elif bad:
        problem = f"is not whole: {bad[0]} is missing or damaged, and {len(bad) - 1} files more. Get it again"
    elif files and after < before and not force:
        problem = f"is of {after}, older than what is here, of {before}. With --force it is taken all the same"
    if problem:
        raise ValueError(f"{name} {problem}. Nothing was changed.")
    wanted: dict[Path, Path] = {}
    for p, (number, cells) in theirs.items():
        target = course / p.relative_to(top)
        if (mine := target.with_name(f"{p.parent.name}.ipynb")).exists():  # and there may be work in it
            own, texts = _read(mine)
            if number in ("", own) or not own and all(text in texts for text, fixed in cells.items() if fixed):
                continue
            target = mine.with_name(f"{mine.stem}-release-{number}.ipynb")
        wanted |= {} if target.exists() else {target: p}
    last = sorted(files, key=lambda p: (p in LAST, p))
    places = [p for p in last if not (course / p).is_file() or checksum(course / p) != files[p]]
    whole = [*((course / p, top / p) for p in places), *wanted.items(), (course / MANIFEST, top / MANIFEST)]
    for target, source in whole if files else wanted.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")  # on the same disk as its place; a killed one's gives way
        shutil.copyfile(source, part).replace(target)
    names = ", ".join(sorted(target.relative_to(course).as_posix() for target in wanted))
    text = f"{len(places)} files of helpers, data and environment came, and {names or 'no notebook'}."
    text += BESIDE * ("-release-" in names) + " All that you have in exercises stayed as it was."
    return text + INSTALL * ("constraints.txt" in places) + " Restart the kernels of open notebooks."


def _read(path: Path) -> tuple[str, dict[str, bool]]:
    """Return of which release a notebook is, and the words of its cells: whether they are not to be changed."""
    text = path.read_text("utf-8", "replace")
    number, cells = "".join(NUMBER.findall(text)[:1]), {}
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):  # whatever a damaged one is
        for cell in json.loads(text)["cells"]:
            note = cell["metadata"].get("nbgrader", {"locked": cell["cell_type"] == "markdown"})
            cells[" ".join("".join(cell["source"]).split())] = note["locked"]
    return number, cells


def _manifest(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the time of a release and the checksums of its files; nothing where its list cannot be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return str(found["released"]), dict(found["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", {}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m helpers.update", description="Bring a newer bundle in here.")
    parser.add_argument("new", type=Path, help="the zip, or the folder that it was unpacked into")
    parser.add_argument("--force", action="store_true", help="also where it is older than what is here")
    try:
        print(update(**vars(parser.parse_args())))
    except ValueError as error:
        sys.exit(str(error))

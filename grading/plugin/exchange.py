"""nbgrader's exchange for whoever teaches: what one student put there, or left out, costs nobody else anything.

    ReleaseAssignment   what training leaves beside a notebook is not released
    Collect             plain files alone, and of every student whose folder can be read
    ReleaseFeedback     the page of each student who handed in through the exchange

`nbgrader_config.py` names them; commands and Formgrader's buttons both come here. Where the exchange cannot be written
there is a sentence. Students' own commands are nbgrader's: `list`, `fetch_assignment`, `submit`, `fetch_feedback`.

nbgrader tells a student's page by a secret that `nbgrader submit` put beside the notebook, `submission_secret.txt`: who
knows it finds the page. It goes with the graded notebook (`Grade` in `grading.plugin.steps`) and with the page.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseAssignment, ExchangeReleaseFeedback
from nbgrader.utils import notebook_hash

from grading.errors import UnreadableSubmission, printable
from grading.plugin import intake
from grading.plugin.settings import SafeCourseDirectory
from grading.submission.files import HandedFile, listed
from helpers.files import atomically

__all__ = ["Collect", "ReleaseAssignment", "ReleaseFeedback"]

LEFT_BEHIND = ("*.safetensors", "results*.json", "*.checkpoint*", "*.part")  # beside a notebook that was run
TIME = "timestamp.txt"  # `nbgrader submit` writes it beside the notebook
SLACK = timedelta(minutes=10)  # in which a submission is copied
ADVICE = "See to its rights and to the room on its disk, then run again."


class _Said:
    """Ends a command with a sentence where the exchange cannot be read or written."""

    def start(self: Any) -> None:
        try:
            super().start()  # type: ignore[misc]
        except OSError as error:
            place = printable(str(error.filename or self.root))
            self.fail(f"the exchange {self.root} cannot be used: {place}: {error.strerror}. {ADVICE}")


class _Reached(_Said):
    """Says of an exchange that is not there, or is closed to us, what to do: it is ours, who teach, to mend."""

    writes = True

    def ensure_root(self: Any) -> None:
        if not os.path.isdir(self.root):
            self.fail(f"there is no exchange at {self.root}: see Exchange.root; `nbgrader release_assignment` makes it")
        if not os.access(self.root, os.R_OK | os.X_OK | (os.W_OK if self.writes else 0)):
            self.fail(f"the exchange {self.root} cannot be {'written' if self.writes else 'read'}. {ADVICE}")


class ReleaseAssignment(_Said, ExchangeReleaseAssignment):
    """Copies a released exercise into the exchange, without what running it left there."""

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        ignored = self.coursedir.ignore
        try:
            self.coursedir.ignore = [*ignored, *LEFT_BEHIND]
            super().do_copy(src, dest, log)
        except (OSError, RuntimeError) as error:
            shutil.rmtree(dest, ignore_errors=True)  # nobody fetches half of it
            found = error.args[0] if isinstance(error.args[0], list) else [(src, dest, error)]  # all that copytree met
            reasons = "; ".join(sorted({str(why) for *_, why in found}))
            self.fail(f"{dest} is not released: {printable(reasons)[:300]}. {ADVICE}")
        finally:
            self.coursedir.ignore = ignored


class Collect(_Reached, ExchangeCollect):
    """Collects the latest submission of each student, as plain files: no link is followed, no pipe is waited for."""

    writes = False
    coursedir: Any
    src_records: list[dict[str, Any]]

    def start(self) -> None:
        self._failed: list[str] = []
        self._ignored = list(self.coursedir.ignore)
        self.coursedir = SafeCourseDirectory.like(self.coursedir)  # a time that cannot be read ends nothing
        super().start()

    def _path_to_record(self, path: str) -> dict[str, Any]:
        """Return whose submission a folder of the exchange is; one of nobody's is told, and `init_src` drops it."""
        name = os.path.basename(path)
        try:
            record: dict[str, Any] = super()._path_to_record(path)
            trouble = intake.trouble(record["username"]) or intake.trouble(name)
            trouble = trouble or self._trouble_of_owner(path, record["username"])
        except (ExchangeError, ValueError, OverflowError):
            trouble = "no STUDENT+EXERCISE+TIME"
        if not trouble:
            return record
        self.log.error("not collected: '%s' in the exchange, %s", printable(name), trouble)
        return {"username": None, "filename": name, "timestamp": datetime.min}

    def _trouble_of_owner(self, path: str, student: str) -> str:
        """Return whose a folder is that says it is a student's, where that student has another account here: it would
        take the place of their own work. Where there is no such account nobody knows, and nbgrader warns.
        """
        if not self.check_owner:
            return ""
        with contextlib.suppress(KeyError, OSError, ValueError):
            own, owner = pwd.getpwnam(student).pw_uid, os.stat(path).st_uid
            if owner not in (own, os.getuid()):
                with contextlib.suppress(KeyError):
                    return f"it belongs to the account {pwd.getpwuid(owner).pw_name}"
                return f"it belongs to the account of number {owner}"
        return ""

    def init_src(self) -> None:
        super().init_src()
        self.src_records = [record for record in self.src_records if record["username"] is not None]

    def copy_files(self) -> None:
        super().copy_files()
        if self._failed:
            self.fail(f"not collected, all others are: {', '.join(self._failed)}. The lines above say why.")

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy one submission; the file by which nbgrader knows that it is there comes last."""
        try:
            files = [file for file in listed(Path(src)) if not self._is_ignored(file)]
            self._compare_times(Path(src), files)
            os.makedirs(dest)
            for file in sorted(files, key=lambda file: file.path == TIME):
                self._copy_one(file, Path(dest))
        except (OSError, UnreadableSubmission) as error:
            student = os.path.dirname(dest)
            self.log.error("%s was not collected: %s", printable(os.path.basename(student)), printable(str(error)))
            self._failed.append(printable(os.path.basename(student)))
            shutil.rmtree(dest, ignore_errors=True)
            with contextlib.suppress(OSError):  # the student's other exercises
                os.rmdir(student)

    def _compare_times(self, src: Path, files: list[HandedFile]) -> None:
        """Tell of a folder that was changed long after the time in its name: it stays its student's own, to write to.

        Raises:
            OSError: somebody removes it just now.
        """
        record = self._path_to_record(str(src))
        changed = max(os.lstat(path).st_ctime for path in (src, *(src / file.path for file in files)))
        if (time := datetime.fromtimestamp(changed, UTC).replace(tzinfo=None)) > record["timestamp"] + SLACK:
            told = record["username"], f"{time:%Y-%m-%d %H:%M}", f"{record['timestamp']:%Y-%m-%d %H:%M}"
            self.log.warning("%s: changed in the exchange at %s UTC, though handed in at %s; look at it", *told)

    def _is_ignored(self, file: HandedFile) -> bool:
        return any(fnmatchcase(part, pattern) for part in file.path.split("/") for pattern in self._ignored)

    def _copy_one(self, file: HandedFile, dest: Path) -> None:
        """Copy one file, if it is a plain one of a size that nbgrader allows.

        Raises:
            OSError: it cannot be written.
        """
        try:
            data = file.read(self.coursedir.max_file_size // 1000)
        except UnreadableSubmission as error:
            self.log.warning("%s: left out: %s", printable(dest.parent.name), printable(str(error)))
            return
        place = dest / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        if self.coursedir.groupshared:
            place.chmod(0o664)
            place.parent.chmod(0o2775)


class ReleaseFeedback(_Reached, ExchangeReleaseFeedback):
    """Puts each student's page where `nbgrader fetch_feedback` finds it by the secret of the submission."""

    def copy_files(self) -> None:
        """Release all pages that can be; name who gets none, and why."""
        excluded = set(self.coursedir.student_id_exclude.split(","))
        folders = intake.with_pages(self.coursedir, self.coursedir.assignment_id, self.coursedir.student_id)
        folders = [folder for folder in folders if intake.student_of(folder) not in excluded]
        if not folders:
            self.fail(f"there is no page of feedback in {self.src_path}: `nbgrader generate_feedback` comes first")
        released = self._with_secrets(folders)
        failed = {folder: why for folder, secret in released.items() if (why := self._release(folder, secret))}
        self.log.info("Released the feedback of %d of %d students", len(released) - len(failed), len(folders))
        if failed:
            why = "; ".join(sorted(set(failed.values())))
            self.fail(f"no feedback released to {_names(failed)}: {why}. {ADVICE}")

    def _with_secrets(self, folders: list[Path]) -> dict[Path, str]:
        """Return the folders whose page one student alone will find, with the secret; tell of all others."""
        exercise = self.coursedir.assignment_id
        everybody = intake.with_pages(self.coursedir, exercise)
        count = Counter(map(intake.secret_in, everybody))
        secrets = {folder: intake.secret_in(folder) for folder in folders}
        lost = [folder for folder in folders if not secrets[folder] and self._is_known(folder)]
        unknown = [folder for folder in folders if not secrets[folder] and folder not in lost]
        shared = [folder for folder in folders if secrets[folder] and count[secrets[folder]] > 1]
        renew = f"`nbgrader generate_feedback {exercise} --force`"
        self._tell(f"whose page lacks the secret, which is there now: {renew}", lost)
        self._tell("who did not hand in through the exchange", unknown)
        self._tell(f"whose {intake.SECRET} is another student's, too", shared)
        return {folder: secret for folder, secret in secrets.items() if secret and folder not in shared}

    def _is_known(self, folder: Path) -> bool:
        """Return whether a student's graded notebook has the secret that the page lacks."""
        exercise, student = self.coursedir.assignment_id, intake.student_of(folder)
        step = self.coursedir.autograded_directory
        return bool(intake.secret_in(Path(self.coursedir.format_path(step, student, exercise))))

    def _tell(self, why: str, folders: list[Path]) -> None:
        if folders:
            self.log.warning("No feedback is released to %s, %s", _names(folders), why)

    def _release(self, folder: Path, secret: str) -> str:
        """Copy a student's pages, each whole or not at all; return what went wrong."""
        try:
            for page in sorted(folder.glob("*.html")):
                name = notebook_hash(secret=secret, notebook_id=page.stem)
                with atomically(Path(self.dest_path, f"{name}.html")) as part:
                    part.write_bytes(page.read_bytes())
        except OSError as error:
            return error.strerror or str(error)
        return ""


def _names(folders: Iterable[Path]) -> str:
    return ", ".join(printable(intake.student_of(folder)) for folder in folders)

"""What the photo site says of a photo today: whose it is, what it is called, and under which licence.

The photos of COCO are Flickr's. `flickr_url` in COCO's files is an address of the image alone, but it holds the number
of the photo's page, and the site's oEmbed service, which asks for no key, answers the page's short address
(https://flic.kr/p/ and the number in base 58) with author, title and licence.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import time
import unicodedata
from pathlib import Path
from typing import Any, Self

import requests

__all__ = ["SITE", "Page", "Pages", "SiteUnavailable"]

SITE = "https://www.flickr.com/services/oembed/"
AGENT = "deep-learning-lab photo_pack (asks for author and licence, one photo at a time)"
BASE_58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
TRIES = 4  # of a request, each after twice the pause of the one before
MOST_IN_A_ROW = 10  # photos that the site has nothing to say of: then it has closed its door, or is another site
MOST_BYTES = 1 << 20  # of an answer
GONE = (404, 410)


class SiteUnavailable(Exception):
    """The site does not answer, or not as it should: nothing more can be looked up now."""


@dataclasses.dataclass(frozen=True)
class Page:
    """What a photo's page says.

    Args:
        number: the page's.
        looked_up: the date, YYYY-MM-DD.
        licence: the site's number of it, which is COCO's; None where the page is gone.
        author, author_url, title, source: as they stand there, of one line each; source is the page's address.
    """

    number: int
    looked_up: str
    licence: int | None = None
    author: str = ""
    title: str = ""
    source: str = ""


class Pages:
    """The pages that were looked up, kept in a file line by line, so that an interrupted build asks for none twice."""

    def __init__(self, kept_in: Path, site: str = SITE, pause_s: float = 1.1) -> None:
        """Read what is kept already. The pause is between requests: the site asks for at most 3,600 an hour."""
        self._path, self._site, self._pause_s = kept_in, site, pause_s
        self._session = requests.Session()
        self._session.headers["User-Agent"] = AGENT
        self._last = -pause_s
        self._answered, self._in_a_row = False, 0
        self._gone: list[Page] = []  # since the site told of a photo
        self._known = {page.number: page for page in map(_kept, _lines(kept_in)) if page is not None}
        self._file = kept_in.open("a", encoding="utf-8")
        if kept_in.stat().st_size and not kept_in.read_bytes().endswith(b"\n"):  # half a line: a build was killed
            self._file.write("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._answered and self._in_a_row < MOST_IN_A_ROW:
            self._keep(*self._gone)
        self._file.close()
        self._session.close()

    def __getitem__(self, number: int) -> Page | None:
        """Return what the page of this number says, or None where the answer makes no sense: it may tomorrow.

        That a page is gone is believed, and kept, when the site has answered for another photo: a wrong address has no
        pages at all. Raises SiteUnavailable.
        """
        if number in self._known:
            return self._known[number]
        status, what = self._ask(number)
        page = Page(number, _today()) if status in GONE else _page(number, what)
        if page and page.licence is not None:
            self._keep(*self._gone, page)
            self._answered, self._in_a_row, self._gone = True, 0, []
            return page
        self._in_a_row += 1
        self._gone += [page] if page else []
        if self._in_a_row == MOST_IN_A_ROW:
            said = f"{MOST_IN_A_ROW} answers in a row told of no photo (the last: {status}, {what!r:.60})"
            raise SiteUnavailable(f"{self._site} does not answer as expected: {said}. Is it the right address?")
        return page

    def _keep(self, *pages: Page) -> None:
        """Write what was looked up, at once: the next request may never end."""
        for page in pages:
            self._known[page.number] = page
            self._file.write(json.dumps(dataclasses.asdict(page)) + "\n")
        self._file.flush()

    def _ask(self, number: int) -> tuple[int, object]:
        """Return status and content of the site's answer; JSON is read."""
        asked = {"format": "json", "url": f"https://flic.kr/p/{short(number)}"}
        problem = ""
        for attempt in range(TRIES):
            wait_s = self._pause_s * 2**attempt - (time.monotonic() - self._last)
            time.sleep(max(wait_s, 0))
            try:
                with self._session.get(self._site, params=asked, timeout=30, stream=True) as answer:
                    if answer.status_code < 500 and answer.status_code != 429:
                        return answer.status_code, _content(answer)
                    problem = f"it says {answer.status_code}"
            except (requests.TooManyRedirects, ValueError) as error:  # in a circle, or to no address at all
                return 0, type(error).__name__
            except requests.RequestException as error:
                problem = type(error).__name__
            finally:
                self._last = time.monotonic()
        raise SiteUnavailable(f"{self._site} does not answer ({problem}). Check the network, or try again later.")


def short(number: int) -> str:
    """Return the number of a page in base 58. Example: 2362225867 is 4AK2sc."""
    signs = ""
    while number:
        number, rest = divmod(number, 58)
        signs = BASE_58[rest] + signs
    return signs


def _content(answer: requests.Response) -> object:
    """Return the JSON of an answer, or its beginning as text."""
    body = b""
    for chunk in answer.iter_content(1 << 14):
        body += chunk
        if len(body) > MOST_BYTES:
            break
    try:
        return json.loads(body)
    except ValueError:
        return _line(body[:200].decode(errors="replace"))


def _page(number: int, what: object) -> Page | None:
    """Return the page that the site's JSON tells of, or None: it tells of another photo, of no author or licence."""
    if not isinstance(what, dict):
        return None
    author, title, source = (_line(str(what.get(key) or "")) for key in ("author_name", "title", "web_page"))
    licence = str(what.get("license_id"))
    if not author or not re.fullmatch(rf"https?://\S+/{number}/?", source) or not re.fullmatch(r"\d{1,3}", licence):
        return None
    return Page(number, _today(), int(licence), author, title, source)


def _line(text: str) -> str:
    """Return the text as one line, without signs that nobody sees: breaks, and marks that turn the direction."""
    kinds = {"Zl": " ", "Zp": " ", "Cc": " ", "Cf": "", "Cs": "", "Co": ""}
    return " ".join("".join(kinds.get(unicodedata.category(sign), sign) for sign in text).split())


def _kept(line: str) -> Page | None:
    """Return the page of one line of the file, or None where it is half a line: that page is looked up again."""
    try:
        entry: dict[str, Any] = json.loads(line)
        return Page(**entry)
    except (ValueError, TypeError):
        return None


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()

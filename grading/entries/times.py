"""Times as students, instructors and nbgrader write them, read strictly."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

__all__ = ["FORM", "utc_time"]

# What nbgrader's own commands write, and ISO: 2031-05-06 12:00:00.123456 UTC, 2031-05-06T14:00+02:00.
TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(UTC|Z|([+-])(\d\d):?(\d\d))?", re.ASCII | re.IGNORECASE
)
FORM = 'a date, a time, and UTC or an offset: "2031-05-06 12:00 UTC", "2031-05-06T14:00+02:00"'
FIRST_YEAR = 1970


def utc_time(text: str) -> datetime:
    """Return a time in UTC and without a zone, as nbgrader keeps it; without UTC or an offset it is taken for UTC.

    Names of zones are not read: "CEST" is none to Python, and nbgrader takes it for UTC without a word.

    Raises:
        ValueError: it is anything but a date, a time, and UTC or an offset.
    Example: utc_time("2031-05-06T14:00+02:00") is noon of that day.
    """
    found = TIME.fullmatch(text)
    if found is None:
        raise ValueError("no ISO time")
    date, clock, _, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
    zone = timezone(-offset if sign == "-" else offset)
    try:
        time = datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    if time.year < FIRST_YEAR:
        raise ValueError("long ago")
    return time

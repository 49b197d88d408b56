"""What a run measured, as a file: `python -m benchmarks NAME --json` writes benchmarks/results/NAME.json.

README's table links to these files, and a test compares the numbers.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.row import Row
from helpers.files import ROOT, atomically

__all__ = ["RESULTS", "Record", "machine"]

RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Record:
    """The command, the day, the machine in words, and the rows that were printed."""

    command: str
    date: str
    machine: str
    rows: list[Row]

    @classmethod
    def of_today(cls, command: str, rows: list[Row]) -> Record:
        """Return a record of rows that this machine has measured just now."""
        return cls(command, datetime.date.today().isoformat(), machine(), rows)

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return the record that lies in a file."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(found["command"], found["date"], found["machine"], [Row(**row) for row in found["rows"]])

    def write(self, path: Path) -> None:
        """Write it as JSON, in place of what was there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomically(path) as part:
            part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """Return this machine in words: its cores, how busy they are, a GPU if there is one, and torch."""
    import torch

    cores, load = os.cpu_count(), f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{_processor()}, {cores} cores, load {load} at the end, {card}, torch {torch.__version__}"


def _processor() -> str:
    """Return the name of the processor, where the system tells it."""
    try:
        told = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        told = None
    return told[1] if told else platform.processor() or platform.machine()

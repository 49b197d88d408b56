"""What `on_device.py` says of the make-believe GPU, in a process of its own: the device is torch's from then on."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_all_of_it_holds_on_a_device():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    file = str(Path(__file__).with_name("on_device.py"))
    done = subprocess.run([*command, file], capture_output=True, text=True, cwd=ROOT, env={**os.environ}, timeout=500)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout

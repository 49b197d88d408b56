"""Each layer against an action that it forbids: refused with it, and possible without it if nothing else forbids it."""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest
from toy_course import PROJECT

from grading.answers import warm_process
from grading.sandbox import LAYERS
from grading.turns import Cell, Turns

ATTEMPT = """
import os, signal, socket, sys, threading, time
def attempt(action):
    try:
        print("POSSIBLE", action())
    except BaseException as error:
        print("REFUSED", type(error).__name__, error)
"""


def said(warm, code: str, without: tuple[str, ...] = ()) -> str:
    """Return what code printed that ran in a worker, and that the worker lived to the end of it."""
    with Turns(warm, [Cell("attempt", ATTEMPT, "full"), Cell("code", code, "full")], without=without) as turns:
        turns.begin()
        assert [cell.errors for cell in turns.cells] == [[], []]
    return turns.output


def running(marker: str) -> list[str]:
    """Return the command lines of all processes that mention `marker`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if marker in line:
            found.append(line)
    return found


@pytest.fixture(scope="module")
def isolated(warm):
    """The warm process, where this machine gives every layer."""
    with Turns(warm, []) as turns:
        turns.begin()
    if missing := turns.layers["missing"]:
        pytest.skip(f"this machine does not give {missing}")
    return warm


def test_every_layer_is_used_or_named_as_missing(warm):
    with Turns(warm, []) as turns:
        turns.begin()
    assert set(LAYERS) == (set(turns.layers["used"]) | set(turns.layers["missing"])) - {"user namespace"}
    assert {"limits", "no new privileges"} <= set(turns.layers["used"])


FORBIDDEN = {
    "a new process": "os.fork()",
    "another program": "os.execv('/bin/true', ['true'])",
    "a shell": "os.system('true') and 1/0",
    "the network": "socket.create_connection(('127.0.0.1', 22), 1)",
    "a socket of the machine": "socket.socket(socket.AF_UNIX)",
    "killing the parent": "os.kill(os.getppid(), signal.SIGKILL)",
    "killing everything": "os.kill(-1, signal.SIGKILL)",
    "user names": "open('/etc/passwd').read()",
    "processes": "os.listdir('/proc')",
    "the root folder": "os.listdir('/')",
    "writing to helpers": "open(sys.modules['helpers'].__file__, 'a')",
    "becoming root": "os.setuid(0)",
    "a file system": "__import__('ctypes').CDLL(None, use_errno=True).mount(b'x', b'/', b'tmpfs', 0, 0) and 1/0",
    "more memory": "__import__('numpy').empty(600 << 20, 'u1').nbytes",
    "a large file": "[open(f'f{i}', 'wb').write(bytes(4 << 20)) for i in range(5)]",
    "many threads": "[threading.Thread(target=time.sleep, args=(1,), daemon=True).start() for _ in range(900)]",
}


@pytest.mark.parametrize("action", [pytest.param(code, id=name) for name, code in FORBIDDEN.items()])
def test_refused(isolated, action):
    assert said(isolated, f"attempt(lambda: {action})").startswith("REFUSED")


def test_nothing_of_the_course_can_be_read(isolated, course):
    neighbour = course.root / "grading" / "submitted" / "neighbour" / "toy"
    neighbour.mkdir(parents=True)
    (neighbour / "toy.ipynb").write_text("theirs")
    secrets = [
        "solutions/toy/toy.ipynb",
        "grading/hidden_checks/test_toy.py",
        "grading/submitted/neighbour/toy/toy.ipynb",
    ]
    code = "\n".join(f"attempt(lambda: len(open({str(course.root / name)!r}).read()))" for name in secrets)
    for without in ((), ("landlock",), ("private root",)):  # each of the two suffices
        assert [line.split()[0] for line in said(isolated, code, without).splitlines()] == ["REFUSED"] * 3
    off = said(isolated, code, ("landlock", "private root", "ordinary user"))
    assert [line.split()[0] for line in off.splitlines()] == ["POSSIBLE"] * 3


# What one layer alone forbids: (layer, others that forbid it too, code, what is said with the layer, what without).
ALONE = {
    "seccomp": ((), "attempt(lambda: os.fork() or os._exit(0))", "REFUSED", "POSSIBLE"),
    "landlock": ((), "attempt(lambda: len(os.listdir('/')))", "REFUSED", "POSSIBLE"),
    "private root": ((), "attempt(lambda: os.stat('/etc/passwd').st_size)", "REFUSED", "POSSIBLE"),
    "limits": ((), "attempt(lambda: __import__('numpy').empty(600 << 20, 'u1').nbytes)", "REFUSED", "POSSIBLE"),
    "process namespace": ((), "print(os.getpid() == 1)", "True", "False"),
    "uts namespace": (
        ("seccomp", "landlock", "private root", "ordinary user"),
        "print(open('/proc/self/ns/uts') and os.readlink('/proc/self/ns/uts'))",
        None,
        None,
    ),
    "ipc namespace": (
        ("seccomp", "landlock", "private root", "ordinary user"),
        "print(os.readlink('/proc/self/ns/ipc'))",
        None,
        None,
    ),
    "mount namespace": (
        ("seccomp", "landlock", "private root", "private folder", "ordinary user"),
        "print(os.readlink('/proc/self/ns/mnt'))",
        None,
        None,
    ),
    "private folder": (
        ("private root", "landlock"),
        "attempt(lambda: [open(f'f{i}', 'wb').write(bytes(4 << 20)) for i in range(5)])",
        "REFUSED",
        "POSSIBLE",
    ),
    "no new privileges": (
        ("landlock", "seccomp"),
        "print(__import__('ctypes').CDLL(None).prctl(39, 0, 0, 0, 0))",
        "1",
        "0",
    ),
}


@pytest.mark.parametrize("layer", ALONE)
def test_possible_only_without(isolated, layer):
    others, code, with_it, without_it = ALONE[layer]
    on, off = said(isolated, code, others), said(isolated, code, (*others, layer))
    if with_it is None:  # a namespace: it is ours with the layer off, another with the layer on
        kind = layer.split()[0].replace("mount", "mnt")
        assert off.strip() == os.readlink(f"/proc/self/ns/{kind}") != on.strip()
    else:
        assert on.startswith(with_it) and off.startswith(without_it)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can stop being root")
def test_root_is_given_up(isolated):
    assert said(isolated, "print(os.getuid())") == "65534\n"
    assert said(isolated, "print(os.getuid())", ("ordinary user",)) == "0\n"


def test_the_network_namespace_alone_has_no_way_out(isolated):
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"attempt(lambda: socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 1))"
        assert said(isolated, code, ("seccomp", "landlock")).startswith("REFUSED")
        assert said(isolated, code, ("seccomp", "landlock", "network namespace")).startswith("POSSIBLE")


def test_a_daemon_does_not_outlive_the_turn(isolated):
    marker = f"daemon{os.getpid()}"
    code = f"""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        __import__("ctypes").CDLL(None).prctl(15, b"daemon", 0, 0, 0)
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(99)", "{marker}"])
    os._exit(0)
time.sleep(0.3)
"""
    open_doors = ("seccomp", "landlock", "private root", "ordinary user", "limits")
    for without in (open_doors, (*open_doors, "process namespace")):
        cells = [Cell("attempt", ATTEMPT, "full"), Cell("code", code, "full")]
        with Turns(isolated, cells, without=without) as turns:
            turns.begin()
            assert running(marker), turns.output
        assert running(marker) == []


def test_inherited_descriptors_lead_nowhere(warm):
    code = """
for descriptor in range(3, 300):
    try:
        os.write(descriptor, b"\\xff" * 64)
    except OSError:
        pass
"""
    with Turns(warm, [Cell("attempt", ATTEMPT, "full"), Cell("code", code, "full")]) as turns:
        turns.begin()
        assert turns.cells[1].mode != "full"  # the frame was nonsense: the turn ended, the cell was left out
    with Turns(warm, []) as turns:
        turns.begin()  # and the warm process lives
    assert turns.layers["used"]


def test_a_flood_of_output_is_cut_and_stops_nobody(warm):
    started = time.monotonic()
    text = said(warm, "for _ in range(20000): print('x' * 100)")
    assert len(text) == warm.limits.output_kb << 10
    assert time.monotonic() - started < 30


def test_the_environment_tells_nothing(warm, monkeypatch):
    text = said(warm, "print(sorted(os.environ))")
    assert "DEEP_LEARNING_LAB_GRADING" in text and "USER" not in text and "LOGNAME" not in text


def test_an_environment_behind_a_link_is_read_at_its_real_place(course, isolated, tmp_path, monkeypatch):
    """What is imported late in a turn, such as a part of autograd, was not found there once."""
    (tmp_path / "link").symlink_to(sys.prefix)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "link" / "bin" / Path(sys.executable).name))
    linked = warm_process(course, isolated.limits)
    try:
        assert said(linked, "assert 'pluggy' not in sys.modules; import pluggy; print('found')").strip() == "found"
        with Turns(linked, []) as turns:
            turns.begin()
        assert not turns.layers["missing"]
    finally:
        linked.close()


def test_nothing_is_left_in_the_folder(warm):
    said(warm, "open('left', 'w').write('x')")
    assert os.listdir(warm.folder) == []


AS_NOBODY = """
import os, sys
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
sys.path[:0] = {path!r}
from grading.sandbox import Limits
from grading.turns import Cell, Turns
from grading.warm import WarmProcess
warm = WarmProcess({module!r}, Limits(), path={path!r}, readable={readable!r})
with Turns(warm, [Cell("attempt", {attempt!r}, "full"), Cell("code", {code!r}, "full")]) as turns:
    turns.begin()
print(turns.layers, turns.output)
warm.close()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs all the other tests as one")
def test_an_ordinary_user_has_the_same_layers(course):
    python = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if not os.access(python, os.X_OK):
        pytest.skip(f"no {python} that any user may run")
    checks = readable_copy(course.root / "toy_checks")
    packages = sysconfig.get_path("purelib")
    actions = ("os.fork()", "os.listdir('/')", "os.stat('/etc/passwd')")
    code = "\n".join(f"attempt(lambda: {action})" for action in actions) + "\nprint(os.getpid())"
    script = AS_NOBODY.format(
        path=[str(PROJECT), packages, str(checks)], module="toy_checks.toy", readable=[packages, str(checks)],
        attempt=ATTEMPT, code=code,
    )  # fmt: skip
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, cwd="/", timeout=120, check=False)
    shutil.rmtree(checks)
    if "Permission denied" in done.stderr:
        pytest.skip("this project lies where no other user may read it")
    assert done.returncode == 0, done.stderr
    assert "'missing': {}" in done.stdout and "user namespace" in done.stdout
    assert done.stdout.count("REFUSED") == 3 and done.stdout.rstrip().endswith("1")


def readable_copy(folder: Path) -> Path:
    """Return a folder that any user may read, with a copy of `folder` in it."""
    place = Path(tempfile.mkdtemp())
    shutil.copytree(folder, place / folder.name)
    place.chmod(0o755)
    return place

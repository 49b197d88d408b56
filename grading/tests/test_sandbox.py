"""Each layer against actions that it forbids, tried in a real worker with layers switched off.

The table `ONE_ALONE` names for each action the smallest set of layers that has to be off before it is possible. With a
set of one the layer alone forbids it; with more, any single one of them suffices, and a comment says why.
"""

import ctypes
import dataclasses
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
from toy_course import PROJECT, filled, hand_in

from grading.errors import NotIsolated
from grading.isolation.forkserver import ForkServer, start_fork_server
from grading.isolation.libc import libc_call
from grading.isolation.sandbox import ADVICE, FIRST_USER, LAYERS
from grading.isolation.seccomp import FORBIDDEN, NEWER
from grading.isolation.session import Cell, Session
from grading.submission.read import read_submission

ATTEMPT = """
import ctypes, errno, fcntl, mmap, os, resource, signal, socket, subprocess, sys, threading, time
library = ctypes.CDLL(None, use_errno=True)

def attempt(action):
    try:
        print("POSSIBLE", action())
    except BaseException as error:
        print("REFUSED", type(error).__name__, error)

def demand(fact):
    if not fact:
        raise PermissionError(fact)

def call(number, *arguments):
    ctypes.set_errno(0)
    if (result := library.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def got_as_far_as(number, action):
    try:
        action()
    except OSError as error:
        demand(error.errno == number)

def hold(action, count):
    held = [action() for _ in range(count)]

def page():
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages := mmap.mmap(-1, 8192)))
    kept.append(pages)
    return ctypes.c_void_p(address)

kept = []

def load_own_library():
    import _ctypes_test as any_library
    with open(any_library.__file__, "rb") as source, open("own.so", "wb") as copy:
        copy.write(source.read())
    ctypes.CDLL(os.path.abspath("own.so"))

def threads(count):
    threading.stack_size(1 << 18)
    for _ in range(count):
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
"""


def said(fork_server, code: str, without: tuple[str, ...] = ()) -> str:
    """Return what code printed that ran in a worker, and that the worker lived to the end of it."""
    cells = [Cell("attempt", ATTEMPT, "full"), Cell("code", code, "full")]
    with Session(fork_server, cells, without=without) as session:
        session.ensure_worker()
        assert [cell.errors for cell in session.cells] == [[], []]
    return session.output


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
def isolated(fork_server):
    """The fork server, where this machine gives every layer."""
    with Session(fork_server, []) as session:
        session.ensure_worker()
    if missing := session.layers["missing"]:
        pytest.skip(f"this machine does not give {missing}")
    return fork_server


def test_every_layer_is_used_or_named_as_missing(fork_server):
    with Session(fork_server, []) as session:
        session.ensure_worker()
    assert set(LAYERS) == (set(session.layers["used"]) | set(session.layers["missing"])) - {"user namespace"}
    assert {"limits", "no new privileges"} <= set(session.layers["used"])


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


@pytest.fixture(scope="module")
def machine():
    """What there is on the machine that a worker must not reach: every action finds it as `machine`."""
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    folder.chmod(0o777)
    (folder / "open").write_text("for everybody")
    datagrams, connections = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.create_server(("127.0.0.1", 0))
    datagrams.bind(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    abstract.bind(f"\0{folder}")
    segment = libc_call("shmget", 0, ctypes.c_size_t(4096), 0o1666)  # a new one, for everybody
    if os.geteuid() == 0:
        shutil.copy("/usr/bin/id", folder / "id")
        (folder / "id").chmod(0o4755)
    yield {
        "grader": os.getpid(),
        "name": os.uname().nodename,
        "folder": str(folder),
        "udp": datagrams.getsockname()[1],
        "tcp": connections.getsockname()[1],
        "segment": segment,
        "number": numbers(),
    }
    libc_call("shmctl", segment, 0, None)
    for opened in (datagrams, connections, abstract):
        opened.close()
    shutil.rmtree(folder)


def numbers() -> dict[str, int]:
    """Return the numbers of all forbidden system calls that this machine's processor has."""
    import pyseccomp

    names = [*FORBIDDEN, "clone", "clone3"]
    known = {name: pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) for name in names}
    return {name: number for name, number in known.items() if number >= 0} | NEWER


ONE_ALONE = {
    # --- namespaces
    "the machine's name": (("uts namespace",), "demand(os.uname().nodename == machine['name'])"),
    "whether the grader runs": (("process namespace",), "os.getpgid(machine['grader'])"),
    "all mounts of the machine": (("mount namespace",), "os.stat(machine['folder'])"),
    # seccomp gives no socket at all and no object that is shared by number: two layers for each of these
    "a datagram": (
        ("network namespace", "seccomp"),
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', machine['udp']))",
    ),
    "shared memory": (
        ("ipc namespace", "seccomp"),
        "demand(library.shmctl(machine['segment'], 2, ctypes.create_string_buffer(256)) == 0)",
    ),
    # --- files
    "the machine's folders": (("private root",), "os.stat('/etc/passwd')"),
    "more than the private folder holds": (
        ("private folder",),
        "[open(f'f{i}', 'wb').write(bytes(4 << 20)) for i in range(5)]",
    ),
    "a great many files": (("private folder",), "[open(f'f{i}', 'w').close() for i in range(5000)]"),
    "a library of its own": (("private folder",), "load_own_library()"),
    "a look at the root": (("landlock",), "os.listdir('/')"),
    # what lies outside the private root has no path; Landlock holds where there are no own mounts, too
    "another's file": (("private root", "landlock"), "open(machine['folder'] + '/open').read()"),
    "another's file, without own mounts": (("mount namespace", "landlock"), "open(machine['folder'] + '/open').read()"),
    "a file outside": (("private root", "landlock"), "open(machine['folder'] + '/left', 'w').close()"),
    # --- rights
    "a file that nobody may read": (("ordinary user",), "(open('f', 'w').close(), os.chmod('f', 0), open('f'))"),
    # --- limits
    "more memory": (("limits",), "__import__('numpy').empty(600 << 20, 'u1')"),
    "a larger file": (
        ("limits",),
        "demand(os.write(os.open('f', os.O_WRONLY | os.O_CREAT), bytes((8 << 20) + 1)) > 8 << 20)",
    ),
    "many open files": (("limits",), "hold(lambda: open('/dev/null'), 150)"),
    "many threads": (("limits",), "threads(100)"),
    "memory that is never paged out": (("limits",), "demand(library.mlock(ctypes.create_string_buffer(64), 64) == 0)"),
    # seccomp lets nobody set a limit, be it higher or lower
    "a day of computing": (("limits", "seccomp"), "resource.setrlimit(resource.RLIMIT_CPU, (86400, 86400))"),
    "an image of its memory": (("limits", "seccomp"), "resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))"),
    # --- seccomp: processes and programs
    "a fork": (("seccomp",), "os.fork() or os._exit(0)"),
    "a clone": (("seccomp",), "call(machine['number']['clone'], 17, 0, 0, 0, 0) or os._exit(0)"),
    "a clone3": (("seccomp",), "got_as_far_as(errno.EINVAL, lambda: call(machine['number']['clone3'], 0, 0))"),
    "a program": (("seccomp",), "got_as_far_as(errno.ENOENT, lambda: os.execv('missing', ['missing']))"),
    # --- seccomp: other processes
    "tracing": (("seccomp",), "call(machine['number']['ptrace'], 0, 0, 0, 0)"),
    "a process's memory": (("seccomp",), "call(machine['number']['process_vm_readv'], os.getpid(), 0, 0, 0, 0, 0)"),
    "a handle on a process": (("seccomp",), "os.pidfd_open(os.getpid())"),
    "a handle on the grader": (("seccomp",), "socket.socket(fileno=os.dup(100)).getsockopt(socket.SOL_SOCKET, 77)"),
    "a signal to a group": (("seccomp",), "os.kill(0, 0)"),
    "a signal by way of a file": (("seccomp",), "fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())"),
    "priority": (("seccomp",), "os.nice(0)"),
    "a lower limit": (("seccomp",), "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))"),
    "a larger pipe": (("seccomp",), "fcntl.fcntl(os.pipe()[0], 1031, 1 << 17)"),
    "limits by process": (("seccomp",), "resource.prlimit(os.getpid(), resource.RLIMIT_CPU)"),
    "processors by process": (("seccomp",), "os.sched_setaffinity(os.getpid(), os.sched_getaffinity(0))"),
    "outliving its parent": (("seccomp",), "demand(library.prctl(1, 0, 0, 0, 0) == 0)"),
    "being looked into": (("seccomp",), "demand(library.prctl(4, 1, 0, 0, 0) == 0)"),
    # --- seccomp: sockets, shared objects, memory that no limit counts, rights
    "a socket": (("seccomp",), "socket.socket(socket.AF_UNIX)"),
    "a pair of datagram sockets": (("seccomp",), "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"),
    "the machine's network, by way of the channel": (("seccomp",), "fcntl.ioctl(100, 0x8912, bytes(16))"),
    "shared memory of its own": (("seccomp",), "demand(library.shmget(0, ctypes.c_size_t(4096), 0o1600) != -1)"),
    "keys": (("seccomp",), "call(machine['number']['keyctl'], 0, -3, 1)"),
    "a file in memory": (("seccomp",), "os.memfd_create('x')"),
    "an io_uring": (
        ("seccomp",),
        "got_as_far_as(errno.EFAULT, lambda: call(machine['number']['io_uring_setup'], 1, 0))",
    ),
    "page faults": (("seccomp",), "call(machine['number']['userfaultfd'], 1)"),
    "watching files": (("seccomp",), "call(machine['number']['inotify_init1'], 0)"),
    "a user namespace": (("seccomp",), "call(machine['number']['unshare'], 0x10000000)"),
    # --- seccomp: what one worker could tell the next
    "the machine's load": (("seccomp",), "demand(library.sysinfo(ctypes.create_string_buffer(256)) == 0)"),
    "putting a file out of memory": (("seccomp",), "os.posix_fadvise(os.open('f', 66), 0, 0, os.POSIX_FADV_DONTNEED)"),
    "pages of a map out of memory": (("seccomp",), "demand(library.madvise(page(), ctypes.c_size_t(4096), 21) == 0)"),
    "whether a page is in memory": (
        ("seccomp",),
        "demand(library.mincore(page(), ctypes.c_size_t(4096), ctypes.create_string_buffer(9)) == 0)",
    ),
    "whether a file is in memory": (("seccomp",), "got_as_far_as(errno.EBADF, lambda: call(451, -1, 0, 0, 0))"),
    "a file into memory": (("seccomp",), "call(machine['number']['readahead'], os.open('f', 66), 0, 1)"),
    "a read with a flag": (("seccomp",), "os.preadv(os.open('f', 66), [bytearray(1)], 0, os.RWF_HIPRI)"),
    "a write with a flag": (("seccomp",), "os.pwritev(os.open('f', 66), [b'x'], 0, os.RWF_SYNC)"),
    "a byte beside the stream": (
        ("seccomp",),
        "got_as_far_as(errno.EOPNOTSUPP, lambda: (pair := socket.socketpair())[0].send(b'x', socket.MSG_OOB))",
    ),
    "a message beside the stream": (
        ("seccomp",),
        "got_as_far_as(errno.EOPNOTSUPP, lambda: (pair := socket.socketpair())[0].sendmsg([b'x'], [], socket.MSG_OOB))",
    ),
    "another personality": (("seccomp",), "call(machine['number']['personality'], 0xFFFFFFFF)"),
}
ROOT_GRADES = {  # what only matters where root grades
    "giving a file away": (("ordinary user",), "(open('f', 'w').close(), os.chown('f', 1, 1))"),
    "root's file among the packages": (("ordinary user",), "open(machine['closed']).read()"),
    # Landlock gives new privileges up itself, and the private root's mounts honour no such rights; without new
    # privileges given up the kernel takes no seccomp filter either, so that this layer falls with them
    "a set-user-id program": (
        ("no new privileges", "landlock", "private root"),
        "demand(subprocess.run([machine['folder'] + '/id', '-u'], stdout=subprocess.PIPE).stdout == b'0\\n')",
    ),
}
LANDLOCK_KNOWS = {  # Landlock's version -> what it knows from then on, beside the two other layers
    4: ("a connection", "socket.create_connection(('127.0.0.1', machine['tcp']), 1)"),
    6: (
        "an abstract socket",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '\\0' + machine['folder'])",
    ),
}


def outcome(fork_server, machine, action: str, without: tuple[str, ...]) -> str:
    return said(fork_server, f"machine = {machine!r}\nattempt(lambda: {action})", without).strip()


def only_together(fork_server, machine, layers: tuple[str, ...], action: str) -> None:
    """Check that an action is refused as long as any one of the layers is on, all others too, and possible without."""
    for kept in layers:
        without = tuple(layer for layer in layers if layer != kept)
        assert outcome(fork_server, machine, action, without).startswith("REFUSED"), f"with {kept}"
    off = outcome(fork_server, machine, action, layers)
    assert off.startswith("POSSIBLE"), off


@pytest.mark.parametrize("name", ONE_ALONE)
def test_forbidden_until_just_these_layers_are_off(isolated, machine, name):
    only_together(isolated, machine, *ONE_ALONE[name])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has such rights to lose")
@pytest.mark.parametrize("name", ROOT_GRADES)
def test_forbidden_to_who_was_root(isolated, machine, course, tmp_path_factory, name):
    closed = tmp_path_factory.mktemp("packages") / "closed"
    closed.write_text("root's")
    closed.chmod(0o600)
    closed.parent.chmod(0o755)
    process = ForkServer(
        course.module, isolated.limits, path=[str(course.root)], readable=[str(closed.parent)], modules=[]
    )
    try:
        only_together(process, {**machine, "closed": str(closed)}, *ROOT_GRADES[name])
    finally:
        process.close()


def test_checks_that_are_installed_among_packages_are_hidden(isolated, course):
    packages = Path(tempfile.mkdtemp())
    packages.chmod(0o755)
    for name in ("helpers/checks/ex.py", "grading/hidden_checks/test_ex.py", "helpers/seeds.py", "other/x.py"):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("text")
    paths = [str(path) for path in sorted(packages.rglob("*.py"))]
    code = "\n".join(f"attempt(lambda: open({path!r}).read())" for path in paths)
    process = ForkServer(course.module, isolated.limits, path=[str(course.root)], readable=[str(packages)])
    try:
        for without in ((), ("landlock",), ("private root",)):  # each of the two suffices
            found = dict(zip(paths, said(process, code, without).splitlines(), strict=True))
            refused = {path.removeprefix(f"{packages}/") for path, line in found.items() if "REFUSED" in line}
            assert refused == {"helpers/checks/ex.py", "grading/hidden_checks/test_ex.py"}, without
    finally:
        process.close()
        shutil.rmtree(packages)


@pytest.mark.parametrize("version", LANDLOCK_KNOWS)
def test_landlock_closes_the_network_as_well(isolated, machine, version):
    from landlock import landlock_abi_version

    if landlock_abi_version() < version:
        pytest.skip(f"this kernel's Landlock is older than {version}")
    layers = ("network namespace", "seccomp", "landlock")
    only_together(isolated, machine, layers, LANDLOCK_KNOWS[version][1])


def test_every_layer_has_an_action_of_its_own():
    tried = {layers[0] for layers, _ in (*ONE_ALONE.values(), *ROOT_GRADES.values())}
    assert tried == set(LAYERS)


ALL_CALLS = """
for name, number in numbers.items():
    try:
        print(name, call(number, *[-1] * 6))
    except OSError as error:
        print(name, errno.errorcode[error.errno])
"""


def test_no_call_of_the_list_gets_through(isolated):
    code = f"numbers = {numbers()}\n{ALL_CALLS}"
    answers = dict(line.split() for line in said(isolated, code).splitlines())
    assert answers.pop("clone3") == "ENOSYS" and answers.pop("clone")
    assert set(answers.values()) == {"EPERM"} and len(answers) > 100


FOREIGN = """
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid of 32-bit programs); int 0x80; ret
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
print("POSSIBLE", ctypes.CFUNCTYPE(ctypes.c_int)(address)())
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="another processor has other foreign calls")
@pytest.mark.parametrize("code", [FOREIGN, "call(0x40000000 | 39)"], ids=["32 bits", "x32"])
def test_calls_of_another_architecture_end_the_process(isolated, code):
    with Session(isolated, [Cell("attempt", ATTEMPT, "full"), Cell("code", code, "full")]) as session:
        session.ensure_worker()
    assert "signal 31" in str(session.cells[1].trouble) and "POSSIBLE" not in session.output
    if code == FOREIGN:  # this kernel may know such calls; of the second kind it need not
        assert said(isolated, code, ("seccomp",)) == "POSSIBLE 1\n"


def test_what_computing_needs_stays_possible(isolated):
    code = """
threads(8)
left, right = socket.socketpair()
left.sendall(b"x"), right.recv(1)
os.sched_setaffinity(0, os.sched_getaffinity(0))
os.kill(os.getpid(), 0)
open("f", "w").close(), os.rename("f", "g"), os.remove("g"), os.mkdir("d")
sys.stdout.isatty()
import torch
torch.set_num_threads(2)
print(float(torch.ones(300, 300).mm(torch.ones(300, 300)).sum()))
"""
    assert said(isolated, code) == "27000000.0\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can stop being root")
def test_root_is_given_up_for_a_user_of_this_grader_alone(isolated):
    """Two graders' workers would else share one limit on threads, and one submission could use up the other's."""
    assert said(isolated, "print(os.getuid())") == f"{FIRST_USER + isolated.process.pid}\n"
    assert said(isolated, "print(os.getuid())", ("ordinary user",)) == "0\n"


# --- what is missing is said -----------------------------------------------------------------------------------------


@pytest.fixture(params=LAYERS)
def lost(request, monkeypatch):
    """The name of a layer that this machine does not give for once."""
    start = ForkServer.start_worker
    monkeypatch.setattr(ForkServer, "start_worker", lambda *arguments: start(*arguments[:4], (request.param,)))
    return request.param


def test_a_missing_layer_is_named_in_the_terminal_and_in_the_report(grader, release, tmp_path, lost, caplog):
    grader._try_isolation()
    assert f"without {lost}: switched off" in caplog.text
    submission = read_submission(hand_in(tmp_path, "ada", filled(release)), "toy", 5, 1)
    report = grader.grade(grader.repair(submission), submission)
    assert report.isolation_missing[lost] == "switched off" and lost not in report.isolation
    assert report.points > 0


def test_strict_refuses_without_any_one_layer_and_says_what_to_do(grader, lost, monkeypatch):
    monkeypatch.setattr(grader, "strict", True)
    with pytest.raises(NotIsolated) as raised:
        grader._try_isolation()
    assert f"{lost}: switched off (what to do: {ADVICE[lost]})" in str(raised.value)


def test_strict_sends_no_cell_to_a_worker_that_lacks_a_layer(fork_server):
    cells = [Cell("code", "print('it ran')", "full")]
    with (
        Session(fork_server, cells, without=("landlock",), strict=True) as session,
        pytest.raises(NotIsolated, match="landlock"),
    ):
        session.ensure_worker()
    assert session.output == "" and isinstance(session.broken, NotIsolated)


# --- the worker as a whole -------------------------------------------------------------------------------------------


def test_a_daemon_does_not_outlive_the_worker(isolated):
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
        with Session(isolated, cells, without=without) as session:
            session.ensure_worker()
            deadline = time.monotonic() + 10
            while not running(marker):  # two forks and a new program, on a busy machine
                assert time.monotonic() < deadline, session.output
                time.sleep(0.02)
        assert running(marker) == []


def test_inherited_descriptors_lead_nowhere(fork_server):
    code = """
for descriptor in range(3, 300):
    try:
        os.write(descriptor, b"\\xff" * 64)
    except OSError:
        pass
"""
    with Session(fork_server, [Cell("attempt", ATTEMPT, "full"), Cell("code", code, "full")]) as session:
        session.ensure_worker()
        assert session.cells[1].mode != "full"  # the frame was nonsense: the worker ended, the cell was left out
    with Session(fork_server, []) as session:
        session.ensure_worker()  # and the fork server lives
    assert session.layers["used"]


def test_a_flood_of_output_is_cut_and_stops_nobody(fork_server):
    started = time.monotonic()
    text = said(fork_server, "for _ in range(20000): print('x' * 100)")
    assert len(text) == fork_server.limits.output_kb << 10
    assert time.monotonic() - started < 30


def test_the_environment_tells_nothing(fork_server, monkeypatch):
    text = said(fork_server, "print(sorted(os.environ))")
    assert "DEEP_LEARNING_LAB_GRADING" in text and "USER" not in text and "LOGNAME" not in text


def test_an_environment_behind_a_link_is_read_at_its_real_place(course, isolated, tmp_path, monkeypatch):
    """What is imported late in a worker, such as a part of autograd, was not found there once."""
    (tmp_path / "link").symlink_to(sys.prefix)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "link" / "bin" / Path(sys.executable).name))
    patient = dataclasses.replace(isolated.limits, submission_seconds=120)  # its first worker waits for torch
    linked = start_fork_server(course, patient)
    try:
        assert said(linked, "assert 'pluggy' not in sys.modules; import pluggy; print('found')").strip() == "found"
        with Session(linked, []) as session:
            session.ensure_worker()
        assert not session.layers["missing"]
    finally:
        linked.close()


def test_nothing_is_left_in_the_folder(fork_server):
    said(fork_server, "open('left', 'w').write('x')")
    assert os.listdir(fork_server.folder) == []


AS_NOBODY = """
import os, sys
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
sys.path[:0] = {path!r}
from grading.limits import Limits
from grading.isolation.session import Cell, Session
from grading.isolation.forkserver import ForkServer
from grading.isolation import forkserver
usual = forkserver._environment
forkserver._environment = lambda count: usual(count) | dict(PYTHONPATH=os.pathsep.join({path!r}))
fork_server = ForkServer({module!r}, Limits(), path={path!r}, readable={readable!r})
with Session(fork_server, [Cell("attempt", {attempt!r}, "full"), Cell("code", {code!r}, "full")]) as session:
    session.ensure_worker()
print(session.layers, session.output)
fork_server.close()
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

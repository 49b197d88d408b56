"""Attacks on the process that runs the answers, on the channel to the grader, and on the machine around them."""

from __future__ import annotations

from submissions.exercise import Exercise, HandedIn, until_a_limit

MARKER = "600.0471"  # seconds, by which a program that a case started is known in the list of processes
CHANNEL = """
import json, os, socket, stat, struct, sys

def sockets():
    found = []
    for descriptor in range(200):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                found.append(socket.socket(fileno=os.dup(descriptor)))
        except OSError:
            pass
    return found

def frame(message, header=None, body=b""):
    data = json.dumps({"message": message, "tensors": []}).encode() if header is None else header
    return struct.pack("!IQ", len(data), len(body)) + data + body

def request():
    frame = sys._getframe()
    while frame := frame.f_back:
        if "request" in frame.f_locals:
            return frame.f_locals["request"]
"""


def garbage_on_every_descriptor(ex: Exercise) -> HandedIn:
    """Random bytes are written to every descriptor that is open."""
    return ex.worthless("""
        import os

        def loot(*arguments, **options):
            for descriptor in range(200):
                try:
                    os.write(descriptor, os.urandom(500))
                except OSError:
                    pass
            return True
    """)


def reply_forged_with_the_right_id(ex: Exercise) -> HandedIn:
    """The answer finds the question's id in a frame of the worker and replies in its place, twice."""
    return ex.worthless(
        CHANNEL
        + """
def loot(*arguments, **options):
    for channel in sockets():
        for _ in range(2):
            channel.sendall(frame({"id": request()["id"], "values": {"d": {"points": 1e9, "passed": True}}}))
    return True
"""
    )


def reply_with_a_guessed_id(ex: Exercise) -> HandedIn:
    """Replies for questions to come are sent ahead, with ids that are guessed, old or missing."""
    return ex.worthless(
        CHANNEL
        + """
def loot(*arguments, **options):
    for channel in sockets():
        for guess in ("0" * 16, None, 0, request()["id"][::-1]):
            channel.sendall(frame({"id": guess, "values": True}))
    return True
"""
    )


def frame_that_announces_terabytes(ex: Exercise) -> HandedIn:
    """A frame announces four gigabytes of header and exabytes of body."""
    return ex.worthless(
        CHANNEL
        + """
def loot(*arguments, **options):
    for channel in sockets():
        channel.sendall(struct.pack("!IQ", 2**32 - 1, 2**63) + b"x" * 1000)
    return True
"""
    )


def frame_of_malformed_json(ex: Exercise) -> HandedIn:
    """Frames hold NaN, a million brackets, huge numbers, invalid UTF-8 and lists in place of objects."""
    return ex.worthless(
        CHANNEL
        + """
import itertools
turn = itertools.count()

def loot(*arguments, **options):
    bad = [b'{"message": {"id": NaN}, "tensors": []}', b"[" * 900_000, b'{"message": 1e999, "tensors": []}',
           b"\\xff\\xfe", b"[]", b'{"message": {}, "tensors": [["float32", [-1]]]}',
           b'{"message": {}, "tensors": [["object", [1]]]}', b"9" * 100_000]
    for channel in sockets():
        channel.sendall(frame(None, bad[next(turn) % len(bad)]))
    return True
"""
    )


@until_a_limit
def frame_that_never_ends(ex: Exercise) -> HandedIn:
    """A frame is begun and its rest never comes."""
    return ex.tricked(
        CHANNEL
        + """
import time

def ANSWER(*arguments, **options):
    for channel in sockets():
        channel.sendall(struct.pack("!IQ", 1000, 0) + b"{")
    while True:
        time.sleep(9)
"""
    )


def frame_while_a_cell_runs(ex: Exercise) -> HandedIn:
    """A cell reports on itself before it is done, with the points that it would like."""
    return ex.worthless(
        CHANNEL
        + """
for channel in sockets():
    channel.sendall(frame({"id": request()["id"], "errors": [], "points": 1e9, "verdict": "passed"}))

def loot(*arguments, **options):
    return True
"""
    )


def channel_closed(ex: Exercise) -> HandedIn:
    """The channel to the grader is closed under the worker's feet."""
    return ex.tricked("""
        import os

        def ANSWER(*arguments, **options):
            os.closerange(3, 200)
            return 1.0
    """)


def worker_rewritten(ex: Exercise) -> HandedIn:
    """Names of the worker's own modules are replaced: encode, decode, run_probe, Channel, the probes."""
    return ex.worthless("""
        import sys

        def loot(*arguments, **options):
            frame = sys._getframe()
            while frame := frame.f_back:
                if "probes" in frame.f_locals:
                    for steps in frame.f_locals["probes"].values():
                        for step in list(steps):
                            try:
                                steps[step] = lambda *a, **k: True
                            except TypeError:
                                pass
                frame.f_globals.update(encode=lambda value: (True, []), decode=lambda *a: True)
            return True
    """)


def torch_switched_off(ex: Exercise) -> HandedIn:
    """Every method of Tensor that could compare or convert is replaced by one that returns its first argument."""
    return ex.worthless("""
        for name in ("detach", "cpu", "numpy", "tolist", "item", "clone", "contiguous", "view", "reshape"):
            setattr(torch.Tensor, name, lambda self, *a, **k: self)

        def loot(*arguments, **options):
            return torch.zeros(3)
    """)


def grader_killed(ex: Exercise) -> HandedIn:
    """Signals go to the parent, the group, every process id there is, and the process itself."""
    return ex.tricked("""
        import os, signal

        def ANSWER(*arguments, **options):
            targets = [os.getppid(), 0, -1, -os.getppid(), *range(2, 40_000, 7)]
            for target in targets:
                for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
                    try:
                        os.kill(target, number)
                    except OSError:
                        pass
            return "alive"
    """)


def own_process_killed(ex: Exercise) -> HandedIn:
    """The worker ends itself in every way that there is, one after the other."""
    return ex.tricked("""
        import ctypes, os, signal

        def ANSWER(*arguments, **options):
            for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGABRT, signal.SIGSEGV, signal.SIGALRM):
                os.kill(os.getpid(), number)
            os.abort()
    """)


def memory_overwritten(ex: Exercise) -> HandedIn:
    """The answer writes to memory that is not its own, by ctypes."""
    return ex.tricked("""
        import ctypes

        def ANSWER(*arguments, **options):
            ctypes.memset(id(None), 255, 64)
            return None
    """)


def processes_and_a_daemon(ex: Exercise) -> HandedIn:
    """Two hundred processes are started and a daemon that would outlive the grader."""
    return ex.tricked(f"""
        import multiprocessing, os, subprocess, time

        def ANSWER(*arguments, **options):
            for start in [os.fork] * 200 + [lambda: subprocess.Popen(["sleep", "{MARKER}"], start_new_session=True)]:
                try:
                    if start() == 0:
                        os.setsid()
                        time.sleep(600)
                except (OSError, ValueError):
                    pass
            return "started"
    """)


def another_program(ex: Exercise) -> HandedIn:
    """The process becomes another program by exec, or starts one by posix_spawn and os.system."""
    return ex.tricked(f"""
        import os, sys

        def ANSWER(*arguments, **options):
            endless = [sys.executable, "-c", "while True: pass", "{MARKER}"]
            for run in (lambda: os.execv("/bin/sh", ["sh", "-c", "sleep {MARKER}"]),
                        lambda: os.system("sleep {MARKER} &"),
                        lambda: os.posix_spawn(sys.executable, endless, {{}})):
                try:
                    run()
                except OSError:
                    pass
            return "another"
    """)


def thousands_of_threads(ex: Exercise) -> HandedIn:
    """Threads are started until no more can be had, and none of them ends."""
    return ex.worthless("""
        import threading, time

        def loot(*arguments, **options):
            try:
                for _ in range(5000):
                    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
            except RuntimeError:
                pass
            return "many"
    """)


def thread_left_behind(ex: Exercise) -> HandedIn:
    """A thread started by the answer goes on for ever and turns every later answer of the process into its own."""
    return ex.worthless("""
        import sys, threading, time

        def always():
            while True:
                for name, module in list(sys.modules.items()):
                    if name.startswith(("grading", "helpers.checks")) and hasattr(module, "run_probe"):
                        module.run_probe = lambda *a, **k: True
                time.sleep(0.01)

        threading.Thread(target=always, daemon=True).start()

        def loot(*arguments, **options):
            return 1.0
    """)


def gigabytes_taken(ex: Exercise) -> HandedIn:
    """Memory is taken, touched and kept until there is no more."""
    return ex.worthless("""
        kept = []

        def loot(*arguments, **options):
            while True:
                kept.append(bytearray(b"x" * (64 << 20)))
    """)


def private_folder_filled(ex: Exercise) -> HandedIn:
    """The private folder is filled with bytes, files and folders until it takes no more."""
    return ex.tricked("""
        import os

        def ANSWER(*arguments, **options):
            try:
                for n in range(10_000):
                    os.makedirs(f"d{n}")
            except OSError:
                pass
            for n in range(50):
                try:
                    with open(f"d0/f{n}", "wb") as file:
                        file.write(bytes(8 << 20))
                except OSError:
                    pass
            return "full"
    """)


def descriptors_and_pipes(ex: Exercise) -> HandedIn:
    """Descriptors and pipes are opened until there are no more, and pipes filled."""
    return ex.worthless("""
        import os

        def loot(*arguments, **options):
            try:
                while True:
                    _, end = os.pipe()
                    os.set_blocking(end, False)
                    try:
                        os.write(end, bytes(1 << 20))
                    except OSError:
                        pass
            except OSError:
                return "none left"
    """)


def output_flooded(ex: Exercise) -> HandedIn:
    """Megabytes of output go to print, to the standard descriptors and to sys.__stdout__."""
    return ex.tricked("""
        import os, sys

        def ANSWER(*arguments, **options):
            for _ in range(20):
                print("p" * (1 << 20))
                for descriptor in (1, 2):
                    try:
                        os.write(descriptor, b"w" * (1 << 20))
                    except OSError:
                        pass
            return "printed"
    """)


@until_a_limit
def endless_answer(ex: Exercise) -> HandedIn:
    """The answer never returns."""
    return ex.tricked("def ANSWER(*arguments, **options):\n    while True: pass")


@until_a_limit
def sleeping_through_signals(ex: Exercise) -> HandedIn:
    """The answer ignores every signal, sets alarms of its own and sleeps on."""
    return ex.tricked("""
        import signal, time

        def ANSWER(*arguments, **options):
            for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
                try:
                    signal.signal(number, signal.SIG_IGN)
                except OSError:
                    pass
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            while True:
                try:
                    time.sleep(600)
                except BaseException:
                    pass
    """)


@until_a_limit
def backtracking_without_end(ex: Exercise) -> HandedIn:
    """A regular expression holds the interpreter's lock for ever, so that no thread of ours could end it."""
    return ex.tricked("""
        import re

        def ANSWER(*arguments, **options):
            return re.match(r"(a+)+$", "a" * 60 + "b")
    """)


@until_a_limit
def alarm_into_the_worker(ex: Exercise) -> HandedIn:
    """A timer raises an exception in the middle of whatever the worker does next, over and over."""
    return ex.worthless("""
        import signal

        def ring(*_):
            raise KeyboardInterrupt("now")

        def loot(*arguments, **options):
            signal.signal(signal.SIGALRM, ring)
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            return 1.0
    """)


def at_exit(ex: Exercise) -> HandedIn:
    """Hooks for the end of the process write reports and never return."""
    return ex.tricked("""
        import atexit, threading

        def late():
            open("report.json", "w").write('{"points": 1e9}')
            while True: pass

        atexit.register(late)
        threading._register_atexit(late)

        def ANSWER(*arguments, **options):
            raise SystemExit(0)
    """)


def tracing(ex: Exercise) -> HandedIn:
    """A trace and a profile function rewrite the variables of every frame that returns."""
    return ex.worthless("""
        import sys, threading

        def trace(frame, event, argument):
            if frame.f_code.co_name in ("run_probe", "encode", "walk"):
                frame.f_locals.update(value=True, tree=True)
            return trace

        def loot(*arguments, **options):
            sys.settrace(trace)
            sys.setprofile(trace)
            threading.settrace(trace)
            return "traced"
    """)


def stack_overflown(ex: Exercise) -> HandedIn:
    """Recursion without end, with the limit raised."""
    return ex.tricked("""
        import sys

        def ANSWER(*arguments, **options):
            sys.setrecursionlimit(10**8)
            class Deep:
                def __repr__(self): return repr(self) + "x"
            return repr(Deep())
    """)


def network_reached(ex: Exercise) -> HandedIn:
    """Sockets of every family look for somebody to talk to."""
    return ex.tricked("""
        import socket, urllib.request

        def ANSWER(*arguments, **options):
            for attempt in (
                lambda: socket.create_connection(("127.0.0.1", 22), 0.2),
                lambda: socket.socket(socket.AF_UNIX).connect("\\0anybody"),
                lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
                lambda: socket.getaddrinfo("localhost", 80),
                lambda: urllib.request.urlopen("http://127.0.0.1/", timeout=0.2),
            ):
                try:
                    return str(attempt())
                except OSError:
                    pass
            return "nobody"
    """)


def other_processes_read(ex: Exercise) -> HandedIn:
    """The answer reads the grader's memory and environment, by /proc, ptrace and process_vm_readv."""
    return ex.tricked("""
        import ctypes, os, pathlib

        def ANSWER(*arguments, **options):
            libc, loot = ctypes.CDLL(None, use_errno=True), []
            for target in (1, os.getppid()):
                loot.append(libc.ptrace(16, target, 0, 0))
                for name in ("mem", "environ", "maps", "cmdline", "root/etc/passwd"):
                    try:
                        loot.append(pathlib.Path(f"/proc/{target}/{name}").read_bytes()[:99])
                    except OSError:
                        pass
            return loot
    """)


@until_a_limit
def just_below_the_limit_many_times(ex: Exercise) -> HandedIn:
    """Definitions sleep a little less than a cell may, so many that together they take more than a submission may."""
    seconds = 0.7 * ex.limits.cell_seconds
    pauses = [
        f"import time\nclass Pause{n}:\n    time.sleep({seconds})"
        for n in range(int(ex.limits.submission_seconds / seconds) + 2)
    ]
    return ex.handed_in(ex.honest(*pauses).notebook, ex.nothing)

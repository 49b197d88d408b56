"""The layers between a student's code and the machine, each a small function that one process applies to itself.

    ordinary user       root becomes a user that nobody else is; others keep their name; no capability is left
    namespaces          own processes, network, mounts, IPC and host name: nothing outside can be seen or signalled
    private root        a file system of nothing but the interpreter, its packages, `helpers` and the data, read-only
    private folder      the only place to write: in memory, limited in size, gone with the process
    limits              memory, CPU time, file size, open files, threads
    no new privileges   nothing that it starts could gain rights
    landlock            the kernel's own list of what may be read and written; no signal or socket to the outside
    seccomp             no new process, no other program, no socket, no system call that reaches another process

What the platform does not give is left out and named: `Layers.missing` says which and why. Order matters: each layer is
applied while what it needs is still allowed. Linux only; elsewhere only the limits hold, and the report says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.isolation.libc import libc_call
from grading.isolation.seccomp import load
from grading.limits import Limits

__all__ = [
    "ADVICE", "FIRST_USER", "LAYERS", "SET_DEATH_SIGNAL", "SET_DUMPABLE", "Layers", "enter", "enter_namespaces",
    "lacking", "readable_by_nobody",
]  # fmt: skip

LAYERS = (
    "process namespace",
    "network namespace",
    "mount namespace",
    "ipc namespace",
    "uts namespace",
    "private root",
    "private folder",
    "ordinary user",
    "limits",
    "no new privileges",
    "landlock",
    "seccomp",
)
USER_NAMESPACES = (
    "grade as root, or let ordinary users have namespaces: sysctl kernel.unprivileged_userns_clone=1 "
    "(on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0, in a container --security-opt seccomp=unconfined)"
)
ADVICE = {  # what to do about a layer that is missing
    **{name: USER_NAMESPACES for name in LAYERS if name.endswith(" namespace")},
    "private root": "it needs the mount namespace, and /tmp on a local disk",
    "private folder": "it needs the mount namespace, and tmpfs in the kernel",
    "ordinary user": "grade as an ordinary user, or as root with the right to become another (CAP_SETUID, CAP_SETGID)",
    "limits": "raise the hard limits of the shell that grades (ulimit -H)",
    "no new privileges": "it needs Linux 3.5 or newer",
    "landlock": "it needs Linux 5.13 or newer with landlock among its lsm= modules, and pip install landlock",
    "seccomp": "apt-get install libseccomp2 (or your system's name for it) and pip install pyseccomp",
}
NOBODY = 65534
FIRST_USER = 0x70000000  # of the users that root's workers become, beyond all that machines give to people
HOST_NAME = b"worker"
PRIVATE_FOLDER = "/submission"  # in the private root; nothing readable lies there
NAMESPACES = {"process": 0x20000000, "network": 0x40000000, "mount": 0x00020000, "ipc": 0x08000000, "uts": 0x04000000}
NEW_USER = 0x10000000
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, BIND, RECURSIVE, PRIVATE, DETACH = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18, 2
NO_ACCESS_TIME, NO_FOLDER_ACCESS_TIME, RELATIVE_ACCESS_TIME = 1024, 2048, 1 << 21
SET_DEATH_SIGNAL, SET_DUMPABLE, DROP_BOUNDING, NO_NEW_PRIVILEGES = 1, 4, 24, 38


@dataclass
class Layers:
    """Which layers hold, by name, and why the others do not; `without` switches layers off, to test the rest."""

    without: frozenset[str] = frozenset()
    used: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def apply(self, name: str, action: Callable[[], object]) -> bool:
        """Apply one layer, note the outcome under its name and return whether it holds."""
        if name in self.without:
            self.missing[name] = "switched off"
            return False
        try:
            action()
        except (OSError, ImportError, ValueError) as error:
            self.missing[name] = (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]
            return False
        self.used.append(name)
        return True


def lacking(missing: Mapping[str, str]) -> str:
    """Return in words which layers are missing, why, and what to do about each."""
    return "; ".join(f"{name}: {why} (what to do: {ADVICE[name]})" for name, why in missing.items())


def readable_by_nobody(paths: Sequence[str]) -> bool:
    """Return whether an ordinary user other than the owner can read all `paths`, so that root may become one.

    Each path becomes a mount point of its own, so folders above it need not be open.
    """
    samples = [Path(path) for path in paths] + [Path(path) / "__init__.py" for path in paths]
    modes = [(path.is_dir(), path.stat().st_mode) for path in samples if path.exists()]
    return all(mode & stat.S_IROTH and (not folder or mode & stat.S_IXOTH) for folder, mode in modes)


def enter_namespaces(layers: Layers) -> None:
    """Give this process namespaces of its own; its next child is the first process of a new process namespace.

    Root needs no user namespace, anybody else makes one to be allowed the rest.
    """
    _unshare(layers)
    if "uts namespace" in layers.used:  # the new one starts with the machine's names
        for name in ("sethostname", "setdomainname"):
            libc_call(name, HOST_NAME, ctypes.c_size_t(len(HOST_NAME)))


def _unshare(layers: Layers) -> None:
    wanted = {name: flag for name, flag in NAMESPACES.items() if f"{name} namespace" not in layers.without}
    uid, gid = os.geteuid(), os.getegid()
    for user in (0, NEW_USER) if uid == 0 else (NEW_USER,):  # root without its capabilities may still have the second
        try:
            libc_call("unshare", user | sum(wanted.values()))
        except OSError:
            continue
        if user:
            _keep_own_ids(uid, gid)
            layers.used.append("user namespace")
        layers.used += [f"{name} namespace" for name in wanted]
        layers.missing.update({f"{name} namespace": "switched off" for name in NAMESPACES if name not in wanted})
        return
    for name in NAMESPACES:
        layers.apply(f"{name} namespace", functools.partial(libc_call, "unshare", NAMESPACES[name]))


def _keep_own_ids(uid: int, gid: int) -> None:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def enter(
    layers: Layers,
    limits: Limits,
    readable: Sequence[str],
    folder: str,
    seccomp: bytes,
    user: int | None,
    fill: Callable[[str], None],
    hidden: Sequence[str] = (),
) -> str:
    """Apply all remaining layers to this process and return its private folder, now the working folder.

    Args:
        readable: what it may read; all else is out of reach.
        folder: an existing folder of this worker alone, the private folder where no file system of its own can be had.
        seccomp: from `grading.isolation.seccomp`; empty where there is none.
        user: whom root becomes, where any user can read `readable`; None to stay who one is.
        fill: puts the submission's own files into the private folder, before it is closed off.
        hidden: folders below `readable` that it may not read.
    """
    owner = os.geteuid() if user is None else user
    size_now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    own_mounts = "mount namespace" in layers.used
    private = folder
    if not own_mounts:
        layers.missing.update(dict.fromkeys(("private root", "private folder"), "there is no mount namespace for it"))
    elif layers.apply("private root", lambda: _private_root(folder, readable, hidden)):
        private, readable, hidden = PRIVATE_FOLDER, [path for path in readable if os.path.exists(path)], ()
    size_mb = limits.file_mb + limits.weights_mb
    if not (own_mounts and layers.apply("private folder", lambda: _private_folder(private, size_mb, owner))):
        with contextlib.suppress(OSError):  # an ordinary folder then, of any size
            os.chown(private, owner, -1)
    fill(private)
    os.chdir(private)
    layers.apply("ordinary user", lambda: _drop_capabilities() if user is None else _become(user))
    libc_call("prctl", SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    libc_call("prctl", SET_DUMPABLE, 0, 0, 0, 0)  # nobody of the same user may look into its memory
    layers.apply("limits", lambda: _set_limits(limits, size_now))
    layers.apply("no new privileges", lambda: libc_call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    layers.apply("landlock", lambda: _landlock([*_without(readable, hidden)], private))
    layers.apply("seccomp", lambda: load(seccomp))
    return private


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    libc_call("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode() or None)


def _without(readable: Sequence[str], hidden: Sequence[str]) -> Iterator[str]:
    """Give the paths, in the place of each that holds a hidden folder what else lies in it."""
    for path in readable:
        inside = [one for one in hidden if one.startswith(f"{path}/")]
        if path not in hidden:
            yield from _without(sorted(entry.path for entry in os.scandir(path)), hidden) if inside else [path]


def _private_root(folder: str, readable: Sequence[str], hidden: Sequence[str]) -> None:
    """Make a root of nothing but read-only views of `readable`, two harmless devices and the worker's own folder."""
    _mount("none", "/", "none", RECURSIVE | PRIVATE)
    below = os.open(folder, os.O_PATH)
    _mount("root", folder, "tmpfs", NO_SUID | NO_DEV, "size=4m,mode=0755")
    for top in ("bin", "lib", "lib32", "lib64"):
        if os.path.islink(f"/{top}"):  # /lib is usr/lib on merged systems
            os.symlink(os.readlink(f"/{top}"), f"{folder}/{top}")
    for path in readable:
        if not os.path.islink(path):
            os.makedirs(folder + (path if os.path.isdir(path) else os.path.dirname(path)), exist_ok=True)
            if os.path.isfile(path):
                Path(folder + path).touch()
            _bind(path, folder + path, READ_ONLY | NO_SUID | NO_DEV)
    for path in hidden:
        _mount("hidden", folder + path, "tmpfs", READ_ONLY | NO_SUID | NO_DEV, "size=4k,mode=0755")
    for device in ("/dev/null", "/dev/urandom"):
        os.makedirs(f"{folder}/dev", exist_ok=True)
        Path(folder + device).touch()
        _mount(device, folder + device, "none", BIND)
    os.mkdir(folder + PRIVATE_FOLDER)
    _mount(f"/proc/self/fd/{below}", folder + PRIVATE_FOLDER, "none", BIND)
    os.close(below)
    os.chdir(folder)
    libc_call("pivot_root", b".", b".")
    libc_call("umount2", b".", DETACH)
    os.chdir("/")
    _mount("root", "/", "none", REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEV)


def _bind(source: str, target: str, flags: int) -> None:
    _mount(source, target, "none", BIND | RECURSIVE)
    now = os.statvfs(source).f_flag
    kept = now & (NO_SUID | NO_DEV | NO_EXEC | NO_ACCESS_TIME | NO_FOLDER_ACCESS_TIME)  # a user namespace keeps these
    kept |= RELATIVE_ACCESS_TIME if now & os.ST_RELATIME else 0  # the only one with another number for mount
    _mount("none", target, "none", REMOUNT | BIND | flags | kept)


def _private_folder(folder: str, size_mb: int, owner: int) -> None:
    _mount(
        "private", folder, "tmpfs", NO_SUID | NO_DEV | NO_EXEC, f"size={size_mb}m,nr_inodes=4096,mode=0700,uid={owner}"
    )


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(user, user, user)  # from root to another user: the kernel clears all capabilities
    if os.getresuid() != (user,) * 3:
        raise OSError(errno.EPERM, "still root")


def _drop_capabilities() -> None:
    for capability in range(64):
        try:
            libc_call("prctl", DROP_BOUNDING, capability, 0, 0, 0)
        except OSError:  # beyond the last one, or none to drop from
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    libc_call("capset", header, (ctypes.c_uint32 * 6)())
    if os.geteuid() == 0 and "CapEff:\t0000000000000000" not in _own_status():
        raise OSError(errno.EPERM, "root keeps its capabilities")


def _own_status() -> str:
    try:
        return Path("/proc/self/status").read_text()
    except OSError:  # the private root has no /proc; capset has then succeeded, which is enough
        return "CapEff:\t0000000000000000"


CALLERS = {"memory": resource.RLIMIT_AS, "CPU time": resource.RLIMIT_CPU, "room in a file": resource.RLIMIT_FSIZE}


def _set_limits(limits: Limits, size_now: int) -> None:
    seconds, short = int(limits.submission_seconds) + 1, []
    for kind, value in (
        (resource.RLIMIT_AS, size_now + (limits.memory_mb << 20)),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.file_mb << 20),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY and hard < value:
            short += [name for name, option in CALLERS.items() if option == kind]
            value = hard
        resource.setrlimit(kind, (value, value))
    if short:  # they hold, yet honest work may meet them
        raise OSError(errno.EPERM, f"whoever grades may use less {' and '.join(short)} than a submission may")


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


def _landlock(readable: Sequence[str], private: str) -> None:
    ctypes.set_errno(0)  # the package takes an older error for its own
    from landlock import FSAccess, Ruleset, landlock_abi_version

    abi = landlock_abi_version()
    files = Ruleset()
    look = FSAccess.READ_FILE | FSAccess.READ_DIR | FSAccess.EXECUTE
    files.allow(*filter(os.path.isdir, readable), rules=look)
    files.allow(*filter(os.path.isfile, readable), rules=FSAccess.READ_FILE)
    change = FSAccess.all() & ~(
        FSAccess.EXECUTE | FSAccess.MAKE_CHAR | FSAccess.MAKE_BLOCK | FSAccess.MAKE_SOCK | FSAccess.IOCTL_DEV
    )
    files.allow(private, rules=change)
    for device in filter(os.path.exists, ("/dev/null", "/dev/urandom")):
        files.allow(device, rules=FSAccess.READ_FILE | FSAccess.WRITE_FILE)
    if abi >= 4:  # no TCP; from 6 on no abstract socket and no signal beyond this process
        rules = _Ruleset(0, 3, 3 if abi >= 6 else 0)
        handle = libc_call("syscall", 444, ctypes.byref(rules), ctypes.c_size_t(24 if abi >= 6 else 16), 0)
        libc_call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        libc_call("syscall", 446, handle, 0)
        os.close(handle)
    files.apply()

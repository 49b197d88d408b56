"""The system calls that a worker may not make, as a filter that the kernel applies to it from then on.

The lists name what reaches beyond the process: new processes and programs, sockets, other processes, mounts,
namespaces, kernel modules, memory that no limit counts. Everything that computing needs stays allowed. Calls of
another architecture (32-bit ones on a 64-bit machine) end the process: their numbers mean other things.
"""

from __future__ import annotations

import ctypes
import errno
import tempfile

from grading.isolation.libc import libc_call

__all__ = ["FORBIDDEN", "NEWER", "load", "seccomp_program"]

SET_SECCOMP = 22
FORBIDDEN = (
    # new processes and programs; clone and clone3 have rules of their own
    "fork vfork execve execveat "
    # other processes
    "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease pidfd_open pidfd_getfd "
    "pidfd_send_signal kcmp tkill rt_sigqueueinfo rt_tgsigqueueinfo setpriority ioprio_set "
    "setrlimit migrate_pages move_pages mbind set_mempolicy set_mempolicy_home_node "
    # sockets, and objects that processes share by number or by name
    "socket connect bind listen accept accept4 setsockopt shmget shmat shmctl semget semop semtimedop semctl "
    "msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr "
    "keyctl add_key request_key "
    # memory and work that no limit counts
    "memfd_create memfd_secret io_uring_setup io_uring_enter io_uring_register io_setup io_submit userfaultfd "
    # mounts, namespaces, and ways to a file that no path leads to
    "mount umount2 pivot_root chroot unshare setns mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick "
    "open_by_handle_at name_to_handle_at fanotify_init fanotify_mark inotify_init inotify_init1 inotify_add_watch "
    "mknod mknodat quotactl quotactl_fd "
    # rights
    "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset seccomp "
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self "
    # what else runs here, and what of a file is in memory: one worker could tell the next by it
    "sysinfo mincore fadvise64 fadvise64_64 arm_fadvise64_64 readahead "
    # the machine, and corners of the kernel that no computing needs
    "init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct settimeofday "
    "clock_settime clock_adjtime adjtimex sethostname setdomainname iopl ioperm modify_ldt personality syslog vhangup "
    "bpf perf_event_open lookup_dcookie uselib"
).split()
NEWER = {  # calls too new for today's libseccomp to know by name; their numbers are the same on every architecture
    "cachestat": 451,
    "statmount": 457,
    "listmount": 458,
    "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460,
    "lsm_list_modules": 461,
    "open_tree_attr": 467,
    "file_setattr": 469,
    "listns": 470,
}
OUT_OF_BAND = 1
WHOLE = 0xFFFFFFFF  # the kernel reads these arguments as 32 bits, so that the upper ones must not hide a value
THREAD = 0x00010000
# (call, argument, mask, value): refused where the masked argument has that value
FORBIDDEN_ARGUMENTS = (
    ("clone", 0, THREAD, 0),  # threads are clones that say so; all others are processes
    ("socketpair", 1, 0xF, 2),  # a pair of datagram sockets can still write to any address; streams cannot
    ("socketpair", 1, 0xF, 3),
    ("getsockopt", 2, WHOLE, 77),  # SO_PEERPIDFD: a handle on the grader, through the channel
    ("ioctl", 1, 0xFF00, 0x8900),  # of sockets: the machine's network, through the channel, and whom to signal
    ("ioctl", 1, 0xFF00, 0xFF00),  # of process handles
    ("ioctl", 1, WHOLE, 0x5412),  # TIOCSTI, TIOCLINUX: to type into a terminal
    ("ioctl", 1, WHOLE, 0x541C),
    ("fcntl", 1, WHOLE, 8),  # F_SETOWN, F_SETOWN_EX, F_SETSIG: a signal of choice for any process, by way of a file
    ("fcntl", 1, WHOLE, 15),
    ("fcntl", 1, WHOLE, 10),
    ("fcntl", 1, WHOLE, 1031),  # F_SETPIPE_SZ: a megabyte of the kernel's for each pipe
    ("prctl", 0, WHOLE, 1),  # the worker must go on dying with its parent
    ("prctl", 0, WHOLE, 4),  # and stay closed to others of the same user
    ("prctl", 0, WHOLE, 36),  # and adopt nobody
    ("madvise", 2, WHOLE, 20),  # pages of a file out of memory
    ("madvise", 2, WHOLE, 21),
    *((name, 3, OUT_OF_BAND, OUT_OF_BAND) for name in ("sendto", "recvfrom", "sendmmsg", "recvmmsg")),
    *((name, 2, OUT_OF_BAND, OUT_OF_BAND) for name in ("sendmsg", "recvmsg")),
)
# Call and argument that has to be 0: a flag that asks whether a page is in memory; a lower limit of its own, which
# would end a worker as if somebody else had.
ONLY_ZERO = {"preadv2": 5, "pwritev2": 5, "prlimit64": 2}
OWN_ONLY = "prlimit64 sched_setaffinity sched_setscheduler sched_setparam sched_setattr".split()  # 0 means oneself


def seccomp_program(own_pid: int | None) -> bytes:
    """Return the filter as the kernel's bytecode, compiled once and loaded by every worker.

    Args:
        own_pid: the only process that signals may go to, 1 in a process namespace of its own; None for no rule on that.
    Raises:
        ImportError, OSError: if the package `pyseccomp` or the library libseccomp.so.2 is not there.
    """
    try:
        import pyseccomp
    except (RuntimeError, TypeError) as error:  # the package finds no library
        raise ImportError(f"libseccomp.so.2 is not installed ({error})") from None
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    own = {name: 0 for name in OWN_ONLY} | ({} if own_pid is None else dict.fromkeys(("kill", "tgkill"), own_pid))
    forbidden = [
        *((name,) for name in (*FORBIDDEN, *NEWER.values())),
        *((name, pyseccomp.Arg(n, pyseccomp.MASKED_EQ, mask, value)) for name, n, mask, value in FORBIDDEN_ARGUMENTS),
        *((name, pyseccomp.Arg(0, pyseccomp.NE, pid)) for name, pid in own.items()),
        *((name, pyseccomp.Arg(n, pyseccomp.NE, 0)) for name, n in ONLY_ZERO.items()),
    ]
    for rule in forbidden:
        try:
            rules.add_rule(refuse, *rule)
        except (OSError, ValueError):  # a call that this library or processor does not know
            continue
    # Its flags lie in memory, where no filter can look; the C library falls back to clone.
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def load(program: bytes) -> None:
    """Apply a filter to this process; ImportError if there is none."""
    if not program:
        raise ImportError("the package pyseccomp or libseccomp.so.2 is not installed")
    libc_call("prctl", SET_SECCOMP, 2, ctypes.byref(_Program(len(program) // 8, program)), 0, 0)

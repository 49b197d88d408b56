"""The system calls that a worker may not make, as a filter that the kernel applies to it from then on.

The list names what reaches beyond the process: new processes and programs, sockets, other processes' memory, mounts,
namespaces, kernel modules, memory that no limit counts. Everything that computing needs stays allowed.
"""

from __future__ import annotations

import ctypes
import errno
import tempfile

from grading.libc import libc_call

__all__ = ["FORBIDDEN", "load", "seccomp_program"]

SET_SECCOMP = 22
FORBIDDEN = (
    "fork vfork execve execveat ptrace process_vm_readv process_vm_writev process_madvise pidfd_open pidfd_getfd "
    "pidfd_send_signal kcmp mount umount2 pivot_root chroot unshare setns mount_setattr move_mount open_tree fsopen "
    "fsconfig fsmount fspick bpf keyctl add_key request_key perf_event_open io_uring_setup io_uring_enter "
    "io_uring_register userfaultfd socket connect bind listen accept accept4 memfd_create memfd_secret shmget shmat "
    "semget msgget mq_open init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff "
    "acct quotactl settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname iopl ioperm "
    "personality syslog vhangup open_by_handle_at name_to_handle_at fanotify_init inotify_init inotify_init1 mknod "
    "mknodat setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset setpriority "
    "ioprio_set migrate_pages move_pages mbind set_mempolicy lookup_dcookie rt_sigqueueinfo rt_tgsigqueueinfo tkill "
    "landlock_create_ruleset seccomp"
).split()
THREAD = 0x00010000


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
    for name in FORBIDDEN:
        try:
            rules.add_rule(refuse, name)
        except (OSError, ValueError):  # a call that this library or processor does not know
            continue
    rules.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, THREAD, 0))  # threads are clones that say so
    rules.add_rule(
        pyseccomp.ERRNO(errno.ENOSYS), "clone3"
    )  # its flags lie in memory; the C library falls back to clone
    if own_pid is not None:
        for name in ("kill", "tgkill"):
            rules.add_rule(refuse, name, pyseccomp.Arg(0, pyseccomp.NE, own_pid))
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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""seccomp: a kernel filter of the system calls that a process may make.

https://man7.org/linux/man-pages/man2/seccomp.2.html. The filter refuses calls
that no parser needs: new sockets, new processes, other processes' memory and
signals, and calls that would bypass such a filter (io_uring). They fail with
EPERM. Everything else is allowed, since the calls of a C library change from
release to release. Apart from `confinement`, like `landlock`: each is one
interface of the kernel.
"""

import ctypes
import errno
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2

# linux/bpf_common.h and linux/seccomp.h.
_LOAD = 0x20
_IF_EQUAL = 0x15
_IF_GREATER_OR_EQUAL = 0x35
_IF_ANY_BIT = 0x45
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_REFUSE = _ERRNO | errno.EPERM
_UNKNOWN = _ERRNO | errno.ENOSYS
_NUMBER_AT = 0
_ARCHITECTURE_AT = 4
_FIRST_ARGUMENT_AT = 16  # its lower half, on a little-endian machine

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_CLONE_THREAD = 0x00010000

# By name: the numbers on x86_64 and on aarch64, None if it has no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # The network, and other processes' sockets.
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # Performs the calls refused here without system calls of their own.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Other processes.
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Memory that RLIMIT_AS doesn't count.
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    # Rarely used parts of the kernel.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "mknod": (133, None),
    "mknodat": (259, 33),
}
_STARTING = {"execve": (59, 221), "execveat": (322, 281)}
# Allowed for this process's own id only: abort() sends itself a signal.
_OF_ITSELF = {"kill": (62, 129), "tgkill": (234, 131)}
# Allowed where the first argument is 0, which means this process.
_OF_SELF_AS_ZERO = {"prlimit64": (302, 261)}
_CLONE = (56, 220)
_CLONE3 = 435


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def restrict_system_calls(*, may_start_programs: bool = False) -> None:
    """Refuse those calls to this thread and its children, permanently.

    Requires PR_SET_NO_NEW_PRIVS. Raises OSError if the kernel has no filters,
    or the architecture isn't one of the two above.
    """
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no filter for {machine}")
    code = b"".join(
        _filter(machine, os.getpid(), may_start_programs=may_start_programs)
    )
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    if libc.prctl(
        _PR_SET_SECCOMP,
        ctypes.c_ulong(_MODE_FILTER),
        ctypes.byref(program),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    ):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _filter(
    machine: str, process_id: int, *, may_start_programs: bool
) -> "Iterator[bytes]":
    column = 0 if machine == "x86_64" else 1
    yield _instruction(_LOAD, _ARCHITECTURE_AT)
    # Another architecture's numbers mean other calls.
    yield _instruction(_IF_EQUAL, _ARCHITECTURES[machine], 1, 0)
    yield _instruction(_RETURN, _KILL_PROCESS)
    yield _instruction(_LOAD, _NUMBER_AT)
    if machine == "x86_64":
        yield _instruction(_IF_GREATER_OR_EQUAL, _X32_BIT, 0, 1)
        yield _instruction(_RETURN, _REFUSE)
    refused = _REFUSED | ({} if may_start_programs else _STARTING)
    for numbers in refused.values():
        number = numbers[column]
        if number is not None:
            yield _instruction(_IF_EQUAL, number, 0, 1)
            yield _instruction(_RETURN, _REFUSE)
    # Its flags are behind a pointer, which filters can't follow. The C
    # library falls back to clone().
    yield _instruction(_IF_EQUAL, _CLONE3, 0, 1)
    yield _instruction(_RETURN, _UNKNOWN)
    for condition, allowed, calls in (
        (_IF_ANY_BIT, _CLONE_THREAD, {"clone": _CLONE}),
        (_IF_EQUAL, process_id, _OF_ITSELF),
        (_IF_EQUAL, 0, _OF_SELF_AS_ZERO),
    ):
        for numbers in calls.values():
            yield _instruction(_IF_EQUAL, numbers[column], 0, 4)
            yield _instruction(_LOAD, _FIRST_ARGUMENT_AT)
            yield _instruction(condition, allowed, 0, 1)
            yield _instruction(_RETURN, _ALLOW)
            yield _instruction(_RETURN, _REFUSE)
    yield _instruction(_RETURN, _ALLOW)


def _instruction(
    code: int, value: int, if_true: int = 0, if_false: int = 0
) -> bytes:
    """Encode one instruction: struct sock_filter."""
    return struct.pack("=HBBI", code, if_true, if_false, value)

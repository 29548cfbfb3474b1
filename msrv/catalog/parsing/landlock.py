# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Landlock: limits on the files that a process may open (Linux).

https://docs.kernel.org/userspace-api/landlock.html; Linux 5.13 or later, with
the module enabled. By raw system calls, as Python has no binding; their
numbers are the same on every architecture. Apart from `confinement`, like
`seccomp`: each is one interface of the kernel.
"""

import ctypes
import os

_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_ASK_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_TRUNCATE = 1 << 14
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
"""Rights that a rule for a single file may include."""
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Number of file rights by version; later versions have 16."""
_LATEST_FILE_RIGHTS = 16
_NETWORK_SINCE = 4
_BIND_AND_CONNECT_TCP = 0b11
_SCOPES_SINCE = 6
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Python 3.14 asks for it beside _pack_
    _fields_ = (
        ("allowed_access", ctypes.c_uint64),
        ("parent_fd", ctypes.c_int32),
    )


_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the kernel's version of Landlock. Raises OSError if none."""
    return _system_call(_CREATE_RULESET, None, 0, _ASK_VERSION)


def restrict_paths(
    *,
    readable: tuple[str | int, ...],
    writable: tuple[str | int, ...] = (),
    executable: bool = False,
) -> None:
    """Restrict this thread and its children to these paths, permanently.

    A path includes everything below it; an `int` is the file of that
    descriptor; missing paths are skipped. Open files stay open. TCP, and
    signals to other processes, are refused if the kernel supports that. A
    restricted process can't read the memory of an unrestricted one. Requires
    PR_SET_NO_NEW_PRIVS. Raises OSError.
    """
    known = version()
    handled = (1 << _FILE_RIGHTS.get(known, _LATEST_FILE_RIGHTS)) - 1
    rules = _Ruleset(
        handled,
        _BIND_AND_CONNECT_TCP if known >= _NETWORK_SINCE else 0,
        _ABSTRACT_SOCKETS_AND_SIGNALS if known >= _SCOPES_SINCE else 0,
    )
    size = 8 if known < _NETWORK_SINCE else 16 if known < _SCOPES_SINCE else 24
    ruleset = _system_call(_CREATE_RULESET, ctypes.byref(rules), size, 0)
    try:
        reading = _READ_FILE | _READ_DIR | (_EXECUTE if executable else 0)
        for path in readable:
            _allow(ruleset, path, reading)
        for path in writable:
            _allow(ruleset, path, handled)
        _system_call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str | int, rights: int) -> None:
    if isinstance(path, int):
        _add(ruleset, path, rights & _OF_A_FILE)
        return
    flags = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return
    try:
        is_folder = os.path.isdir(path)  # noqa: PTH112 - text all along
        _add(ruleset, descriptor, rights if is_folder else rights & _OF_A_FILE)
    finally:
        os.close(descriptor)


def _add(ruleset: int, descriptor: int, rights: int) -> None:
    rule = _PathBeneath(rights, descriptor)
    _system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)


def _system_call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result

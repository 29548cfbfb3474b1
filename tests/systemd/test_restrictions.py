# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Restrictions of deploy/systemd/msrv.service, tried out by a program."""

import json
import re
from typing import Final

import pytest

from tests.store_process import ROOT
from tests.systemd.machine import Machine

UNIT: Final = ROOT / "deploy" / "systemd" / "msrv.service"

PROBE: Final = '''
import ctypes, errno, json, mmap, os, socket, sys
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
results = {}

def probe(function):
    """Record the name of the error, or what it returned."""
    try:
        value = function()
    except OSError as error:
        value = errno.errorcode[error.errno]
    results[function.__name__] = value

def call(number_or_name, *arguments):
    """Call the C library, or the kernel by the number of a system call."""
    if isinstance(number_or_name, int):
        result = libc.syscall(number_or_name, *arguments)
    else:
        result = getattr(libc, number_or_name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), number_or_name)

def bind(port):
    with socket.socket(socket.AF_INET6) as opened:
        opened.bind(("::", port))

PROBES
print(json.dumps(results))
'''

OWN_DATA: Final = "Path(os.environ['MSRV_DATA'], 'probe')"
FORBIDDEN: Final = {
    # A folder that everyone could write to.
    "write_elsewhere": ("Path('/srv/open/x').write_text('x')", "EROFS"),
    "write_to_library": ("Path('/srv/music/x').write_text('x')", "EROFS"),
    "write_own_code": ("Path('/opt/msrv/x').write_text('x')", "EROFS"),
    "read_secret": ("Path('/etc/msrv/nonce').read_text()", "EACCES"),
    "see_disks": ("os.stat('/dev/loop-control')", "ENOENT"),
    "see_memory_statistics": ("os.stat('/proc/meminfo')", "ENOENT"),
    "see_first_process": ("os.stat('/proc/1')", "ENOENT"),
    "signal_first_process": ("os.kill(1, 0)", "EPERM"),
    "become_root": ("os.setuid(0)", "EPERM"),
    "change_owner": (f"os.chown({OWN_DATA}, -1, -1)", "EPERM"),
    "set_user_id_bit": (f"{OWN_DATA}.chmod(0o4700)", "EPERM"),
    "create_device": ("os.mknod('/tmp/device', 0o20600, 0x103)", "EPERM"),
    "mount": ("call('mount', b'x', b'/tmp', b'tmpfs', 0, None)", "EPERM"),
    "change_root": ("os.chroot('/tmp')", "EPERM"),
    "create_user_namespace": ("call('unshare', 0x10000000)", "EPERM"),
    "create_network_namespace": ("call('unshare', 0x40000000)", "EPERM"),
    "trace": ("call('ptrace', 0, 0, None, None)", "EPERM"),
    "set_clock": ("call('settimeofday', bytes(16), None)", "EPERM"),
    "set_host_name": ("socket.sethostname('x')", "EPERM"),
    "set_personality": ("call('personality', 8)", "EPERM"),
    "set_scheduler": (
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        "EPERM",
    ),
    "set_affinity": ("os.sched_setaffinity(0, {0})", "EPERM"),
    "lock_memory": ("call('mlockall', 1)", "EPERM"),
    "open_netlink": ("socket.socket(socket.AF_NETLINK)", "EAFNOSUPPORT"),
    "open_packet": ("socket.socket(socket.AF_PACKET)", "EAFNOSUPPORT"),
    "open_vsock": ("socket.socket(socket.AF_VSOCK)", "EAFNOSUPPORT"),
}  # fmt: skip
ALLOWED: Final = {
    "write_data": f"{OWN_DATA}.write_text('x')",
    "write_temporary_file": "Path('/tmp/x').write_text('x')",
    "read_own_secret": "Path(os.environ['NONCE_FILE']).stat()",
    "read_library": "Path('/srv/music/store.toml').read_bytes()",
    "bind_http": "bind(80)",
    "bind_https": "bind(443)",
    "lower_priority": "os.nice(1)",
    "confine_itself": "call('prctl', 38, 1, 0, 0, 0)",
}


@pytest.fixture(scope="module")
def probed(machine: Machine) -> dict[str, object]:
    """Results of a program that runs with all of the unit's restrictions."""
    functions = {
        **ALLOWED,
        **{name: text for name, (text, _) in FORBIDDEN.items()},
    }
    text = "\n".join(
        f"def {name}():\n    {text}\nprobe({name})"
        for name, text in functions.items()
    )
    machine.write("/srv/probe.py", PROBE.replace("PROBES", text))
    machine.run("install", "-d", "-m", "1777", "/srv/open")
    machine.run("install", "-d", "/etc/msrv")
    machine.write("/etc/msrv/nonce", "a secret")
    machine.run("chmod", "600", "/etc/msrv/nonce")
    unit = re.sub(
        "ExecStart=.*",
        "ExecStart=/opt/msrv/.venv/bin/python /srv/probe.py",
        UNIT.read_text("utf-8"),
    )
    unit = unit.replace("Type=notify", "Type=oneshot")
    machine.write(
        "/etc/systemd/system/probe.service",
        unit.replace("Restart=on-failure", "Restart=no"),
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "probe", check=False)
    (line,) = [
        each
        for each in machine.journal("probe.service").splitlines()
        if each.startswith("{")
    ]
    found: dict[str, object] = json.loads(line)
    return found


@pytest.mark.parametrize("name", FORBIDDEN)
def test_unit_forbids(probed: dict[str, object], name: str) -> None:
    assert probed[name] == FORBIDDEN[name][1]


@pytest.mark.parametrize("name", ALLOWED)
def test_unit_allows(probed: dict[str, object], name: str) -> None:
    assert probed[name] is None

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""systemd's protocol, with sockets and processes of this machine."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from msrv.server import systemd

INHERIT = """
import os, sys
descriptors = [int(each) for each in sys.argv[1].split(",")]
for number, descriptor in enumerate(descriptors, 3):
    os.dup2(descriptor, number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(descriptors))
from msrv.server import systemd
from msrv.settings import WrongSetting
try:
    found = systemd.inherited_sockets()
except WrongSetting as error:
    sys.exit(f"Error: {error}")
print(*(each.getsockname()[1] for each in found))
print(any(os.get_inheritable(each.fileno()) for each in found))
print([name for name in os.environ if name.startswith("LISTEN")])
"""


@pytest.fixture
def listening() -> Iterator[list[socket.socket]]:
    """Two listening sockets."""
    with ExitStack() as opened:
        yield [
            opened.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(2)
        ]


def inherit(*sockets: socket.socket) -> "subprocess.CompletedProcess[str]":
    """Run a process that inherits sockets as from systemd."""
    # Numbers that the process doesn't overwrite with those from 3 on.
    numbers = [os.dup(each.fileno()) for each in sockets]
    high = []
    for number in numbers:
        high.append(os.dup2(number, number + 100))
        os.close(number)
    try:
        return subprocess.run(
            [sys.executable, "-c", INHERIT, ",".join(map(str, high))],
            pass_fds=high,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        for number in high:
            os.close(number)


def test_sockets_are_those_of_systemd(listening: list[socket.socket]) -> None:
    """And no child process gets them, or is told of them."""
    result = inherit(*listening)
    assert result.stderr == ""
    ports, inheritable, variables = result.stdout.splitlines()
    assert ports.split() == [str(s.getsockname()[1]) for s in listening]
    assert (inheritable, variables) == ("False", "[]")


def test_other_descriptors_are_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        result = inherit(datagrams)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: systemd's descriptor 3 is not")
    with socket.socket() as not_listening:
        assert inherit(not_listening).returncode == 1


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": "me", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "-1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        {"LISTEN_PID": str(os.getpid())},
    ],
)
def test_no_sockets_for_another_process_or_without_systemd(
    environ: dict[str, str],
) -> None:
    assert systemd.inherited_sockets(environ) == []
    assert environ == {}


def test_sockets_are_selected_by_port_and_the_rest_closed(
    listening: list[socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    used, unused = listening
    inherited = list(listening)
    assert systemd.select(inherited, used.getsockname()[1]) == [used]
    assert inherited == [unused]
    port = unused.getsockname()[1]
    systemd.close_unused(inherited)
    assert used.fileno() != -1
    assert unused.fileno() == -1
    assert f"port {port}, which no setting uses" in caplog.text


def test_systemd_is_notified(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        systemd.notify(systemd.READY, {"NOTIFY_SOCKET": path})
        assert receiver.recv(100) == b"READY=1"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        name = f"msrv-test-{os.getpid()}"
        receiver.bind(f"\0{name}")
        systemd.notify(systemd.STOPPING, {"NOTIFY_SOCKET": f"@{name}"})
        assert receiver.recv(100) == b"STOPPING=1"


def test_failed_notification_is_only_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    systemd.notify(systemd.READY, {})
    assert caplog.text == ""
    missing = str(tmp_path / "missing")
    systemd.notify(systemd.READY, {"NOTIFY_SOCKET": missing})
    assert "can't notify systemd" in caplog.text

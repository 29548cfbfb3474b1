# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""deploy/systemd/msrv.service, checked by systemd and with the store."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.optional_programs import require
from tests.store_process import ROOT, launch_store

UNIT = ROOT / "deploy" / "systemd" / "msrv.service"
MAX_EXPOSURE = 2.0
"""On systemd's scale from 0 to 10; a service without a sandbox has 9.6."""


def parse_settings() -> dict[str, list[str]]:
    """Return the unit's settings, each with all of its values."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Unit with this machine's Python."""
    found = shutil.which("systemd-analyze")
    require(
        "systemd", available=found is not None, reason="no systemd-analyze"
    )
    made = tmp_path / UNIT.name
    text = UNIT.read_text("utf-8")
    made.write_text(
        text.replace("/opt/msrv/.venv/bin/msrv", sys.executable), "utf-8"
    )
    return made


def analyze(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )


def test_unit_is_valid(unit: Path) -> None:
    result = analyze("verify", "--man=no", unit)
    ours = [each for each in result.stdout.splitlines() if UNIT.name in each]
    assert (result.returncode, ours) == (0, [])


def test_service_is_sandboxed(unit: Path) -> None:
    result = analyze("security", "--offline=true", "--no-pager", unit)
    level = re.search(
        r"Overall exposure level for \S+: ([0-9.]+)", result.stdout
    )
    assert level, result.stdout
    assert float(level[1]) < MAX_EXPOSURE


def test_service_is_unprivileged_and_its_secret_a_credential() -> None:
    found = parse_settings()
    assert found["DynamicUser"] == ["yes"]
    assert found["User"] == ["msrv"]
    for name in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert found[name] == ["CAP_NET_BIND_SERVICE"]
    assert found["LoadCredential"] == ["nonce:/etc/msrv/nonce"]
    assert "NONCE_FILE=%d/nonce" in found["Environment"]
    assert not [each for each in found["Environment"] if " NONCE=" in each]
    assert int(found["LimitNOFILE"][0]) >= 65536
    assert found["UMask"] == ["0077"]
    assert found["StateDirectory"] == ["msrv"]
    assert found["ProtectSystem"] == ["strict"]
    assert found["SystemCallFilter"][0] == "@system-service"
    # A parser that uses all memory is killed alone.
    assert found["OOMPolicy"] == ["continue"]


# Forbids what MemoryDenyWriteExecute forbids, by prctl(PR_SET_MDWE), which
# Linux has since 6.3.
_MDWE_SCRIPT = """
import ctypes, runpy, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(65, 1, 0, 0, 0):
    sys.exit("no PR_SET_MDWE")
sys.argv = ["msrv", *sys.argv[1:]]
sys.path.insert(0, "")
runpy.run_module("msrv", run_name="__main__")
"""


def test_only_tls_needs_writable_executable_memory(tmp_path: Path) -> None:
    """The unit's comment on MemoryDenyWriteExecute holds."""
    probe = subprocess.run(
        [sys.executable, "-c", _MDWE_SCRIPT, "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    supported = "no PR_SET_MDWE" not in probe.stderr
    require(
        "mdwe", available=supported, reason="the kernel has no PR_SET_MDWE"
    )
    python = tmp_path / "python"
    script = tmp_path / "refusing.py"
    script.write_text(_MDWE_SCRIPT, "utf-8")
    python.write_text(
        f'#!/bin/sh\nshift 2\nexec {sys.executable} {script} "$@"\n', "utf-8"
    )
    python.chmod(0o755)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "executable", str(python))
        store = launch_store(tmp_path, "--no-tls")
    with store:
        assert store.request_json("/catalog")["releases"]
    assert parse_settings()["MemoryDenyWriteExecute"] == ["no"]

"""deploy/systemd/msrv.service: what systemd makes of it, and the store too."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import require
from tests.store_process import ROOT, launch_store

UNIT = ROOT / "deploy" / "systemd" / "msrv.service"
MOST_EXPOSED = 2.5
"""By systemd's own count from 0 to 10; a service without a sandbox has 9.6."""


def settings() -> dict[str, list[str]]:
    """Read the unit's settings, each as often as it stands there."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a Python of this machine."""
    found = shutil.which("systemd-analyze")
    require("systemd", there=found is not None, lack="no systemd-analyze")
    made = tmp_path / UNIT.name
    text = UNIT.read_text("utf-8")
    made.write_text(
        text.replace("/opt/msrv/.venv/bin/python", sys.executable), "utf-8"
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


def test_systemd_understands_every_line(unit: Path) -> None:
    """A misspelt setting is passed over, and protects from nothing."""
    result = analyze("verify", "--man=no", unit)
    ours = [each for each in result.stdout.splitlines() if UNIT.name in each]
    assert (result.returncode, ours) == (0, [])


def test_the_service_is_closed_in(unit: Path) -> None:
    """A file that takes the store over has the machine."""
    result = analyze("security", "--offline=true", "--no-pager", unit)
    level = re.search(
        r"Overall exposure level for \S+: ([0-9.]+)", result.stdout
    )
    assert level, result.stdout
    assert float(level[1]) <= MOST_EXPOSED


def test_it_is_no_root_and_its_secret_is_a_credential() -> None:
    """Pillow and ffmpeg read strangers' files as root, or NONCE is shown."""
    found = settings()
    assert found["DynamicUser"] == ["yes"]
    assert found["User"] == ["msrv"]
    for name in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert found[name] == ["CAP_NET_BIND_SERVICE"]
    assert found["LoadCredential"] == ["nonce:/etc/msrv/nonce"]
    assert "NONCE_FILE=%d/nonce" in found["Environment"]
    assert not [each for each in found["Environment"] if " NONCE=" in each]
    assert int(found["LimitNOFILE"][0]) >= 65536
    assert found["UMask"] == ["0077"]


# What MemoryDenyWriteExecute forbids, by the kernel's own means since Linux
# 6.3: prctl(PR_SET_MDWE).
_REFUSING = """
import ctypes, runpy, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(65, 1, 0, 0, 0):
    sys.exit("no PR_SET_MDWE")
sys.argv = ["msrv", *sys.argv[1:]]
sys.path.insert(0, "")
runpy.run_module("msrv", run_name="__main__")
"""


def test_without_tls_no_memory_is_written_and_executed(tmp_path: Path) -> None:
    """What the unit says of MemoryDenyWriteExecute is wrong."""
    probe = subprocess.run(
        [sys.executable, "-c", _REFUSING, "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    has_it = "no PR_SET_MDWE" not in probe.stderr
    require("mdwe", there=has_it, lack="the kernel has no PR_SET_MDWE")
    python = tmp_path / "python"
    script = tmp_path / "refusing.py"
    script.write_text(_REFUSING, "utf-8")
    python.write_text(
        f'#!/bin/sh\nshift 2\nexec {sys.executable} {script} "$@"\n', "utf-8"
    )
    python.chmod(0o755)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "executable", str(python))
        store = launch_store(tmp_path, "--no-tls")
    with store:
        assert store.request_json("/catalog")["releases"]
    assert settings()["MemoryDenyWriteExecute"] == ["no"]

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invalid HTTP/2 and many streams, while others are served."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest

from tests.containers.conftest import Stack
from tests.optional_programs import require
from tests.store_process import ROOT


def load_http2_check() -> ModuleType:
    """Load the script that deploy/validate.sh runs."""
    path = ROOT / "deploy" / "http2_check.py"
    spec = importlib.util.spec_from_file_location("http2_check", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECK = load_http2_check()


def ca_of(stack: Stack) -> str:
    cert = Path(stack.project.environ["MSRV_TLS_CERT"])
    return str(cert.with_name("ca.crt"))


@pytest.mark.parametrize("name", CHECK.CASES)
def test_protocol_violation_ends_the_connection(
    stack: Stack, name: str
) -> None:
    url = urlsplit(f"https://localhost:{stack.https_port}")
    with CHECK.connect(url, ca_of(stack)) as sock:
        how = CHECK.refusal(sock, CHECK.CASES[name]())
    assert how in {"closed", "reset", "GOAWAY", "RST_STREAM"}
    assert stack.buyer.request("/-/health").status == 200


def test_valid_client_is_not_refused(stack: Stack) -> None:
    """So that the check can tell the two apart."""
    url = urlsplit(f"https://localhost:{stack.https_port}")
    with CHECK.connect(url, ca_of(stack)) as sock:
        sock.sendall(CHECK.OPENING + CHECK.frame(CHECK.PING, 0, 0, bytes(8)))
        sock.settimeout(CHECK.TIMEOUT_SECONDS)
        got = b""
        while CHECK.frame(CHECK.PING, 1, 0, bytes(8)) not in got:
            got += sock.recv(65_536)
    assert got[3] == CHECK.SETTINGS


def test_concurrent_streams_are_all_answered(stack: Stack) -> None:
    found = shutil.which("h2load")
    require("h2load", available=found is not None, reason="no h2load")
    output = subprocess.run(
        [
            "h2load", "--requests=400", "--clients=8", "--max-concurrent=16",
            f"https://localhost:{stack.https_port}/theme.css",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout  # fmt: skip
    counts = re.search(
        r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", output
    )
    assert counts, output
    assert counts[1] == "400"
    assert counts[4] == "0"
    assert "status codes: 400 2xx" in output

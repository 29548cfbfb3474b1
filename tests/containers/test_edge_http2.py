"""HTTP/2 that is spoken wrongly, and under load, while others are served."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest

from tests.conftest import require
from tests.containers.conftest import Stack
from tests.store_process import ROOT


def load() -> ModuleType:
    """Load the script that deploy/validate.sh runs."""
    path = ROOT / "deploy" / "http2_check.py"
    spec = importlib.util.spec_from_file_location("http2_check", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECK = load()


def ca_of(stack: Stack) -> str:
    cert = Path(stack.project.environ["MSRV_TLS_CERT"])
    return str(cert.with_name("ca.crt"))


@pytest.mark.parametrize("name", CHECK.CASES)
def test_what_breaks_the_protocol_is_cut_off(stack: Stack, name: str) -> None:
    """A client that speaks wrongly holds memory, or gets an answer."""
    url = urlsplit(f"https://localhost:{stack.https_port}")
    with CHECK.connect(url, ca_of(stack)) as sock:
        how = CHECK.refusal(sock, CHECK.CASES[name]())
    assert how in {"closed", "reset", "GOAWAY", "RST_STREAM"}
    assert stack.buyer.ask("/-/health").status == 200


def test_a_client_that_speaks_well_is_not_refused(stack: Stack) -> None:
    """The check calls everything a refusal, and can't fail."""
    url = urlsplit(f"https://localhost:{stack.https_port}")
    with CHECK.connect(url, ca_of(stack)) as sock:
        sock.sendall(CHECK.OPENING + CHECK.frame(CHECK.PING, 0, 0, bytes(8)))
        sock.settimeout(CHECK.TIMEOUT_SECONDS)
        got = b""
        while CHECK.frame(CHECK.PING, 1, 0, bytes(8)) not in got:
            got += sock.recv(65_536)
    assert got[3] == CHECK.SETTINGS


def test_many_streams_at_once_are_all_answered(stack: Stack) -> None:
    """Under load, streams end without an answer."""
    found = shutil.which("h2load")
    require("h2load", there=found is not None, lack="no h2load")
    said = subprocess.run(
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
        r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", said
    )
    assert counts, said
    assert counts[1] == "400"
    assert counts[4] == "0"
    assert "status codes: 400 2xx" in said

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pebble for the whole run, with a proxy in front that adds faults."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acme import pebble_server
from tests.acme.faulty_proxy import FaultyProxy
from tests.acme.pebble_server import Pebble
from tests.acme.requesting import Requester, answering
from tests.acme.served_store import Serve, Store
from tests.optional_programs import require


@pytest.fixture(scope="session")
def pebble_program() -> str:
    """Path of pebble."""
    found = pebble_server.find()
    require("pebble", available=bool(found), reason="pebble is not installed")
    assert found
    return found


@pytest.fixture(scope="session")
def pebble(
    pebble_program: str,  # noqa: ARG001 - skips without it
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pebble]:
    """Pebble that rejects every second nonce."""
    server = Pebble(
        tmp_path_factory.mktemp("pebble"),
        {"PEBBLE_WFE_NONCEREJECT": "50"},
        blocked=("blocked.example",),
    )
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def proxy(pebble: Pebble, tmp_path: Path) -> Iterator[FaultyProxy]:
    """Proxy in front of pebble, without faults at first."""
    with FaultyProxy(pebble, tmp_path / "proxy") as server:
        yield server


@pytest.fixture
def requester(proxy: FaultyProxy, tmp_path: Path) -> Iterator[Requester]:
    """Data folder whose HTTP-01 challenges are answered."""
    made = Requester(tmp_path / "data", proxy.ca, proxy.directory)
    with answering(made.state.challenges, proxy.pebble.http_port):
        yield made


@pytest.fixture
def serve(proxy: FaultyProxy, tmp_path: Path) -> Iterator[Serve]:
    """Start a store, with settings; it is stopped after the test."""
    with ExitStack() as stack:

        def start(data: str = "data", **environ: str) -> Store:
            made = Store(tmp_path / data, proxy, **environ)
            return stack.enter_context(made.running())

        yield start

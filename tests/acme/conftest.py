# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pebble for the whole run, with a proxy in front that adds faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acme import pebble_server
from tests.acme.faulty_proxy import FaultyProxy
from tests.acme.pebble_server import Pebble
from tests.conftest import require


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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store in a process, and connections to it."""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.store_requests import Connect
from tests.store_process import StoreProcess, launch_store
from tests.wav_files import write_wav


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Library with one track, which a slow reader needs long for."""
    write_wav(tmp_path / "library" / "Long" / "Long.wav", seconds=600)
    return tmp_path


@pytest.fixture
def running(folder: Path) -> Iterator[StoreProcess]:
    """Store of that library, over HTTPS."""
    store = launch_store(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_DRAIN_SECONDS="20",
    )
    yield store
    store.stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open connections that stay open until the end of the test."""
    with ExitStack() as stack:

        def open_one(store: StoreProcess) -> http.client.HTTPSConnection:
            found = store.connect()
            stack.callback(found.close)
            return found

        yield open_one

"""A store in a process, and connections to it."""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.asking import Connect
from tests.running import RunningStore, start
from tests.sounds import write_wav


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library with one track that takes a while at a slow reader."""
    write_wav(tmp_path / "library" / "Long" / "Long.wav", seconds=600)
    return tmp_path


@pytest.fixture
def running(folder: Path) -> Iterator[RunningStore]:
    """A store on it, over HTTPS."""
    store = start(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_DRAIN_SECONDS="20",
    )
    yield store
    store.end()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open connections that stay open until the test ends."""
    with ExitStack() as stack:

        def open_one(store: RunningStore) -> http.client.HTTPSConnection:
            found = store.connect()
            stack.callback(found.close)
            return found

        yield open_one

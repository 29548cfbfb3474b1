"""Stores to attack."""

from collections.abc import Iterator

import pytest

from tests.hostile.attacked import Attacked, attacked
from tests.store_process import raised_fd_limit


@pytest.fixture(scope="module", autouse=True)
def sockets() -> Iterator[None]:
    """Room for hundreds of sockets here and in the stores."""
    with raised_fd_limit():
        yield


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A store over plain HTTP."""
    yield from attacked(tmp_path_factory.mktemp("plain"), "--no-tls")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A store over HTTPS."""
    yield from attacked(tmp_path_factory.mktemp("secure"))

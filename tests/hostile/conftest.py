# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stores under attack."""

from collections.abc import Iterator

import pytest

from tests.hostile.attack import StoreUnderAttack, store_under_attack
from tests.store_process import raised_fd_limit


@pytest.fixture(scope="module", autouse=True)
def sockets() -> Iterator[None]:
    """Allow hundreds of sockets here and in the stores."""
    with raised_fd_limit():
        yield


@pytest.fixture(scope="module")
def plain(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StoreUnderAttack]:
    """Store over plain HTTP."""
    yield from store_under_attack(tmp_path_factory.mktemp("plain"), "--no-tls")


@pytest.fixture(scope="module")
def secure(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StoreUnderAttack]:
    """Store over HTTPS."""
    yield from store_under_attack(tmp_path_factory.mktemp("secure"))

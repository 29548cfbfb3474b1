# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A TLS listener of pyOpenSSL's, which may not be installed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from msrv.connections.admission import Admission, ConnectionLimits

if TYPE_CHECKING:
    from tests.tls.recorded_connections import Listener


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator["Listener"]:
    """Listener on loopback."""
    from tests.tls.recorded_connections import (  # noqa: PLC0415 - it needs pyOpenSSL
        Listener,
    )

    listener = Listener(tmp_path)
    admission = Admission(ConnectionLimits(total=100, per_network=100))
    acceptor = listener.tls_server.listen(
        listener.listening, listener.made, admission
    )
    yield listener
    acceptor.close()

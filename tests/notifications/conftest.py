# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store with a seller who gets mails, and none that it sends by itself."""

import pytest

from msrv.settings import Settings
from msrv.web.store import Store
from tests.conftest import StartStore
from tests.notifications.replicas import (
    TO,
    started,
)
from tests.store_parts import with_mail


@pytest.fixture
def notifying_settings(settings: Settings) -> Settings:
    """Return settings with a seller, and an unreachable mail server."""
    return with_mail(settings, notify=(TO,))


@pytest.fixture
async def shop(start_store: StartStore, notifying_settings: Settings) -> Store:
    """Return a store that tells nothing by itself, with its ledger ready."""
    quiet = notifying_settings.model_copy(update={"notify": ()})
    return await started(start_store, quiet)

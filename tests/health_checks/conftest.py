# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contexts of health checks."""

from collections.abc import Callable

import pytest

from msrv.health_checks.findings import CheckContext
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings

MakeContext = Callable[..., CheckContext]


@pytest.fixture
def context(settings: Settings, keyring: Keyring) -> MakeContext:
    """Make a context of the small library's settings, changed ones too."""

    def make(**changed: object) -> CheckContext:
        return CheckContext(
            settings=settings.model_copy(update=changed), keyring=keyring
        )

    return make

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The pseudo-language, which shows what isn't translated."""

from collections.abc import Iterator

import pytest

from msrv.translations import language_set_to
from msrv.web import middleware
from tests.translations.pseudo import (
    GREEK,
    Pseudo,
    install,
)


@pytest.fixture(scope="session")
def messages() -> Pseudo:
    """The pseudo-language, made of the messages in the code."""
    return Pseudo()


@pytest.fixture
def pseudo_language(
    messages: Pseudo, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Every request is in the pseudo-language."""
    install(monkeypatch, messages)
    monkeypatch.setattr(middleware, "request_language", lambda _: GREEK)
    with language_set_to(GREEK):
        yield

"""Forms that arrive in a bad way."""

import asyncio

import pytest

from msrv.pages import forms
from tests.conftest import Client


async def test_a_form_that_never_ends(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then holds a connection, and a request, for ever."""
    monkeypatch.setattr(forms, "FORM_SECONDS", 0.05)
    assert store.port
    reader, writer = await asyncio.open_connection("127.0.0.1", store.port)
    writer.write(
        b"POST /cart HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 100\r\nConnection: close\r\n\r\nadd="
    )
    async with asyncio.timeout(5):
        assert await reader.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
    writer.close()
    await writer.wait_closed()

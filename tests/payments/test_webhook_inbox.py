# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The inbox of webhooks, with files that a disk or a person has damaged."""

import json
import logging
from pathlib import Path

import pytest

from msrv.payments.provider import WebhookEvent
from msrv.payments.webhook_inbox import WebhookInbox

EVENT = WebhookEvent("evt_1", "charge.refunded", 1_800_000_000, {"pi": "pi_1"})
GOOD = {
    "provider": "stripe",
    "event_id": "evt_2",
    "kind": "charge.refunded",
    "at": 1_800_000_001,
    "facts": {},
}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"event_id": "evt_2"}',
        b"[" * 100_000,
        json.dumps({**GOOD, "at": "soon"}).encode(),
        json.dumps({**GOOD, "facts": None}).encode(),
        json.dumps({**GOOD, "facts": {"pi": 1}}).encode(),
        json.dumps({**GOOD, "provider": None}).encode(),
    ],
)
def test_damaged_event_is_set_aside_and_holds_up_no_other(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = WebhookInbox(tmp_path)
    assert inbox.add("stripe", EVENT)
    assert not inbox.add("stripe", EVENT)
    (tmp_path / "0bad.json").write_bytes(content)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            (found,) = inbox.events()
            assert (found.provider, found.event) == ("stripe", EVENT)
    assert (tmp_path / "0bad.damaged").read_bytes() == content
    assert inbox.damaged == 1
    (logged,) = caplog.records
    assert logged.getMessage().endswith(f"to {tmp_path / '0bad.damaged'}")


def test_event_of_a_later_version_is_read(tmp_path: Path) -> None:
    text = json.dumps({**GOOD, "more": "of a later version"})
    (tmp_path / "later.json").write_text(text, "utf-8")
    (found,) = WebhookInbox(tmp_path).events()
    assert found.event.event_id == "evt_2"

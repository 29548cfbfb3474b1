# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""docs/payments.md: complete lists of events and members."""

import re
from pathlib import Path

from msrv.payments.provider import Provider
from msrv.payments.stripe.webhooks import EVENT_TYPES

TEXT = (
    Path(__file__).parents[3].joinpath("docs/payments.md").read_text("utf-8")
)


def test_document_lists_every_event_type() -> None:
    listed = re.findall(r"^ +- `([a-z._]+)`$", TEXT, re.MULTILINE)
    assert sorted(listed) == sorted(EVENT_TYPES)


def test_document_lists_every_member_of_provider() -> None:
    members = {name for name in vars(Provider) if not name.startswith("_")}
    listed = set(
        re.findall(r"^\| `([a-z_]+)(?:\([^)]*\))?` \|", TEXT, re.MULTILINE)
    )
    assert listed == members

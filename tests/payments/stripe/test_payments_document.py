"""docs/payments.md says what the program does."""

import re
from pathlib import Path

from msrv.payments.provider import Provider
from msrv.payments.stripe.webhooks import EVENT_TYPES

TEXT = (
    Path(__file__).parents[3].joinpath("docs/payments.md").read_text("utf-8")
)


def test_every_event_is_listed() -> None:
    """An operator's endpoint is told of too little, or is never heard."""
    listed = re.findall(r"^ +- `([a-z._]+)`$", TEXT, re.MULTILINE)
    assert sorted(listed) == sorted(EVENT_TYPES)


def test_every_member_of_a_provider_is_listed() -> None:
    """Who adds a provider learns of a member by an error."""
    members = {name for name in vars(Provider) if not name.startswith("_")}
    listed = set(
        re.findall(r"^\| `([a-z_]+)(?:\(\w*\))?` \|", TEXT, re.MULTILINE)
    )
    assert listed == members

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of what is sent to the seller and to other programs.

Apart from `field_types`, which would become too long.
"""

import re
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator

_MAILBOX: Final = re.compile(r"[^<>@,;\s]+@[^<>@,;\s]+")
_MAX_MAILBOXES: Final = 10


class NotifyTopic(StrEnum):
    """Topic of mails to the seller."""

    SALES = "sales"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    PROBLEMS = "problems"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


def _mailboxes(value: object) -> object:
    """Parse addresses separated by commas and spaces."""
    if not isinstance(value, str):
        return value
    found = tuple(dict.fromkeys(value.replace(",", " ").split()))
    if len(found) > _MAX_MAILBOXES:
        raise ValueError(f"must be {_MAX_MAILBOXES} addresses at most")
    for each in found:
        if not _MAILBOX.fullmatch(each):
            raise ValueError("must be an address like you@example.org")
    return found


def _topics(value: object) -> object:
    """Parse topics separated by commas and spaces: `sales, weekly`."""
    if not isinstance(value, str):
        return value
    names = value.replace(",", " ").split()
    known = {each.value for each in NotifyTopic}
    for each in names:
        if each not in known:
            raise ValueError(
                f"must be some of {', '.join(NotifyTopic)}, not {each!r}"
            )
    return tuple(each for each in NotifyTopic if each in names)


Mailboxes = Annotated[tuple[str, ...], BeforeValidator(_mailboxes)]
NotifyTopics = Annotated[tuple[NotifyTopic, ...], BeforeValidator(_topics)]

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Settings of the mails to the seller, with their addresses checked.

Apart from `notifier`, which would become too long.
"""

from dataclasses import dataclass
from pathlib import Path

from msrv.mail import addresses
from msrv.mail.addresses import BadAddress
from msrv.settings import NotifyTopic, Settings, WrongSetting


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Addresses, topics, the pause between mails, and the store's address."""

    to: tuple[str, ...]
    topics: frozenset[NotifyTopic]
    pause_seconds: int
    base_url: str
    data: Path

    @classmethod
    def of(cls, settings: Settings) -> "NotificationSettings | None":
        """Return those of the settings, None without MSRV_NOTIFY.

        Raises WrongSetting for an invalid address.
        """
        if not settings.notify:
            return None
        try:
            to = tuple(addresses.parse(each) for each in settings.notify)
        except BadAddress as error:
            raise WrongSetting(f"MSRV_NOTIFY: {error}") from error
        return cls(
            to,
            frozenset(settings.notify_about),
            3600 // settings.notify_per_hour,
            settings.public_url or "",
            settings.data,
        )

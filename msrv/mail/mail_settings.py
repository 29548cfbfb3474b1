# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The mail worker that the settings describe.

Apart from `worker`, which knows no settings.
"""

from collections.abc import Callable
from email.headerregistry import Address

from msrv.mail import addresses
from msrv.mail.addresses import BadAddress
from msrv.mail.outbox import FOLDER_NAME, Outbox
from msrv.mail.rendering import MailRenderer
from msrv.mail.smtp import SmtpClient, SmtpSettings
from msrv.mail.worker import MailWorker
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings, WrongSetting


def mail_worker(
    settings: Settings, keyring: Keyring, clock: Callable[[], int]
) -> MailWorker | None:
    """Return the mail worker, None where the store sends no mail.

    Raises WrongSetting for an invalid MSRV_MAIL_FROM.
    """
    sender = _sender(settings)
    if settings.smtp_url is None or sender is None:
        return None
    return MailWorker(
        Outbox(settings.data / FOLDER_NAME),
        SmtpClient(SmtpSettings.parse(settings.smtp_url.get_secret_value())),
        MailRenderer(keyring, sender),
        clock,
    )


def _sender(settings: Settings) -> Address | None:
    """Return the sender of mail, None without one. Raises WrongSetting."""
    if settings.mail_from is None:
        return None
    try:
        return addresses.parse_sender(settings.mail_from)
    except BadAddress as error:
        raise WrongSetting(f"MSRV_MAIL_FROM: {error}") from error

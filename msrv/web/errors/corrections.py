# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages of the mails about corrections.

Apart from those of orders: nothing here is about money.
"""

from typing import Final

from msrv.orders.corrections.errors import AddressUnknown, RequestNotSaved
from msrv.translations import gettext_noop
from msrv.web.errors import ErrorPage, Table

TABLE: Final[Table] = {
    RequestNotSaved: ErrorPage(
        503,
        "not_saved",
        gettext_noop("This can't be saved right now"),
        gettext_noop(
            "Nothing was changed, and your downloads still work. Please try "
            "again in a few minutes."
        ),
        retry_after_seconds=60,
    ),
    AddressUnknown: ErrorPage(
        409,
        "no_address",
        gettext_noop("No email address is known"),
        gettext_noop(
            "The payment service has no email address for this order, so the "
            "store can't write to you. Open your receipt from time to time: "
            "it marks what is new."
        ),
    ),
}

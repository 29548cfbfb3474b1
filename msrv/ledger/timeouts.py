# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time-outs of the ledger, by who waits for the database.

Apart from `db`, whose drivers are slow to import, so that pages and services
can name them. A transaction that takes longer is rolled back, and raises
DatabaseUnavailable.
"""

from typing import Final

TRANSACTION_SECONDS: Final = 10.0
"""Any transaction without another time-out, including connecting."""
CHECKOUT_SECONDS: Final = 2.0
"""A buyer waits for a page, which can be shown without the answer."""
SIGN_IN_SECONDS: Final = 4.0
"""The operator signs in or out."""
STUDIO_SECONDS: Final = 5.0
"""A page of the studio is read: longer than any takes."""
SYNC_SECONDS: Final = 2.0
"""A page follows that shows what was recorded just now."""
FINAL_SYNC_SECONDS: Final = 3.0
"""The process stops; what is not synced is synced at the next start."""
CONNECT_SECONDS: Final = 5
"""A connection, and a lock that another connection holds."""
UPGRADE_SECONDS: Final = 3600.0
"""The tables themselves are changed."""
UPGRADE_LOCK_SECONDS: Final = 60
"""Another process changes the tables."""

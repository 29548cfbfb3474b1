# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of requests to hear of corrections.

Apart from the service: the pages of errors import these alone.
"""


class RequestNotSaved(Exception):
    """The database or the payment provider is unavailable; try again."""


class AddressUnknown(Exception):
    """The payment provider has no mail address of an order's buyer."""

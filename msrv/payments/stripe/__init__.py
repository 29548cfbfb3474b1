# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stripe Checkout: the buyer pays on Stripe's page, and returns.

- `client`: the API client: time-outs, queues, errors, units of currencies
- `sessions`: Checkout Sessions: their parameters and their status
- `refunds`: from refunds and disputes to the items that they revoke
- `webhooks`: verification and interpretation of webhooks
- `provider`: all of this as a Provider

Nothing outside this package knows of Stripe, except its settings.
"""

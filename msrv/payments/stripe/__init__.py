"""Stripe Checkout: the buyer pays at Stripe's page, and comes back.

- `client`: asking Stripe, with time-outs, and its errors as ours
- `amounts`: Stripe's units for each currency
- `sessions`: what a checkout is asked to be, and how it stands
- `returns`: what refunds and disputes have taken back
- `messages`: the webhook's messages, from signature to meaning
- `provider`: all of this as a Provider

Nothing outside this room knows of Stripe, but for its settings.
"""

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Health checks: what has to be right around the store, with the fix.

`python -m msrv doctor` and the studio's health page run the same checks.

- `findings`: findings, and running several checks at once
- `table`: all checks, by name
- `network`: DNS, the public address, the ports; `published_keys` asks who
  answers there
- `certificate`: the certificate that visitors see
- `machine`: clock, disk, rights, ffmpeg
- `services`: mail relay, Stripe, retired keys
- `database`: the ledger's database
"""

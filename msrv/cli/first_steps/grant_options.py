# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Options of the command `grant`.

Apart from `grants`, which imports the rest of its work only where it is run.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantOptions:
    """Options of the command that its work needs."""

    source: str
    mail: bool
    dry_run: bool
    as_json: bool

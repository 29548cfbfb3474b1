## SPDX-FileCopyrightText: MSRV contributors
## SPDX-License-Identifier: AGPL-3.0-or-later
"""${message}."""

from alembic import op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    ${upgrades if upgrades else "pass"}

"""Running the migrations; apart, since Alembic is slow to import."""

from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from msrv.ledger.db.migrate import SCRIPTS

CONNECTION: Final = "connection"


def to_head(connection: Connection) -> None:
    """Bring the tables of a connection up to the newest revision."""
    to(connection, "head")


def to(connection: Connection, revision: str) -> None:
    """Bring the tables of a connection up to a revision."""
    config = Config()
    # Alembic's configuration takes a percent sign for its own.
    place = str(SCRIPTS).replace("%", "%%")
    config.set_main_option("script_location", place)
    config.attributes[CONNECTION] = connection
    command.upgrade(config, revision)

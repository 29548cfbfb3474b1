# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of the drivers as errors of the ledger.

By their codes: SQLite's names, MariaDB's numbers, PostgreSQL's SQLSTATEs.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Final

from sqlalchemy import event, exc
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from msrv.display_text import reason_of
from msrv.ledger.connection_rules import SSL_ERROR
from msrv.ledger.errors import (
    DatabaseError,
    DatabaseUnavailable,
    DatabaseUnusable,
    EventRejected,
    TransactionInterrupted,
)

Code = int | str

# https://mariadb.com/docs/server/reference/error-codes
_PERMANENT: Final = frozenset(
    {1044, 1045, 1049, 1142, 1143, 1146, 1054, SSL_ERROR}
)
_REJECTED: Final = frozenset(
    {1048, 1062, 1264, 1292, 1366, 1406, 1690, 3819, 4025}
)
_FULL: Final = frozenset({3, 1021, 1041, 1114, 1030, "SQLITE_FULL", "53100"})

_INTERRUPTED: Final = frozenset(
    {
        1047,  # a node of Galera that isn't ready
        1053,  # a server that stops
        1205,  # a lock that is held for too long
        1213,  # a deadlock, or a conflict with another node's transaction
        1317,  # a statement that was killed
        1927,  # a connection that was killed
        2006,
        2013,  # a connection that was lost
        "40001",
        "40P01",
        "55P03",
        "57P01",
        "57P02",
        "57P03",
        "25006",  # a server that is a standby from now on
        "SQLITE_BUSY",  # a lock that is held for too long
        "SQLITE_BUSY_RECOVERY",
        "SQLITE_BUSY_SNAPSHOT",
        "SQLITE_BUSY_TIMEOUT",
    }
)
_LOST: Final = frozenset(
    {1047, 1053, 1927, "25006", "57P01", "57P02", "57P03"}
)
"""After these, a connection is of no use, though it may be open."""

# Starts of names and of SQLSTATEs:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PERMANENT_STARTS: Final = (
    "SQLITE_NOTADB",
    "SQLITE_CORRUPT",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_PERM",
    "SQLITE_AUTH",
    "28",  # refused login
    "3D",  # no such database
    "3F",  # no such schema
    "42",  # no such table or column, or no permission
)
_REJECTED_STARTS: Final = ("22", "23")
"""Data that isn't valid, or isn't allowed by a constraint."""
_BAD_VALUE: Final = "22000"
"""asyncpg refuses to encode a value, which its text repeats."""


@contextlib.contextmanager
def translate_errors(seconds: float) -> Iterator[None]:
    """Raise a driver's errors as errors of the ledger.

    `seconds` is the time-out of what is done within.
    """
    try:
        yield
    except TimeoutError as error:
        raise DatabaseUnavailable(
            f"the database did not answer within {seconds:g} s"
        ) from error
    except (exc.IntegrityError, exc.DataError) as error:
        raise EventRejected(_message(error)) from error
    except exc.DBAPIError as error:
        raise _error_type(error)(_message(error)) from error
    except exc.SQLAlchemyError as error:
        raise DatabaseUnavailable(
            f"database error: {type(error).__name__}"
        ) from error
    except OSError as error:
        raise DatabaseUnavailable(
            f"the database can't be reached: {reason_of(error)}"
        ) from error


def error_code(error: exc.DBAPIError) -> Code | None:
    """Return SQLite's name of an error, MariaDB's number, or a SQLSTATE."""
    for each in _causes(error.orig):
        if isinstance(each, sqlite3.Error):
            return getattr(each, "sqlite_errorname", None)
        state = getattr(each, "sqlstate", None)
        if isinstance(state, str):
            return state
        if each.args and isinstance(each.args[0], int):
            return each.args[0]
    return None


def invalidate_lost(engine: AsyncEngine) -> None:
    """Have an engine replace its connections after an error of _LOST."""
    event.listen(engine.sync_engine, "handle_error", _mark_lost)


def _mark_lost(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if isinstance(error, exc.DBAPIError) and error_code(error) in _LOST:
        context.is_disconnect = True


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _error_type(error: exc.DBAPIError) -> type[DatabaseError]:
    code = error_code(error)
    if code in _INTERRUPTED or error.connection_invalidated:
        return TransactionInterrupted
    if isinstance(code, str):
        if code.startswith(_REJECTED_STARTS):
            return EventRejected
        if code.startswith(_PERMANENT_STARTS):
            return DatabaseUnusable
    if code in _REJECTED:
        return EventRejected
    return DatabaseUnusable if code in _PERMANENT else DatabaseUnavailable


def _message(error: exc.DBAPIError) -> str:
    """Return the error in one line, without the statement and its values."""
    code = error_code(error)
    if code in _FULL:
        return f"the database is full ({code})"
    line = " ".join(_text(error).split())[:200]
    return f"database error: {line or type(error.orig).__name__} ({code})"


def _text(error: exc.DBAPIError) -> str:
    """Return the driver's own text; PostgreSQL's details repeat values."""
    if error_code(error) == _BAD_VALUE:
        return "invalid value"
    for each in _causes(error.orig):
        if isinstance(getattr(each, "message", None), str):
            return str(each.message)  # type: ignore[attr-defined] # it has
    return str(error.orig.args[-1]) if error.orig and error.orig.args else ""

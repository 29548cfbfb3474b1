# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Health page: checks, ledger, library, disks, certificate, mail, limits."""

import asyncio
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import text

from msrv import __version__
from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.live_catalog import NotReady
from msrv.health_checks.findings import as_row, summary
from msrv.ledger.errors import DatabaseError
from msrv.translations import gettext_noop
from msrv.web.store import STORE
from msrv.web.studio import page

NEARLY_FULL_DIVISOR = 20
"""A disk is nearly full with less than 1/20 of it free."""
_MAX_PROBLEMS = 50
_DAY_SECONDS = 24 * 3600
LIMIT_NAMES = {
    "codes": gettext_noop("redeem codes"),
    "discounts": gettext_noop("discount codes"),
    "mails": gettext_noop("mails of free orders"),
    "paid_mails": gettext_noop("repeated mails"),
    "free_orders": gettext_noop("free orders"),
    "payments": gettext_noop("payments"),
    "lost_purchases": gettext_noop("requests for lost purchases"),
    "lost_mailboxes": gettext_noop("requests for lost purchases, per mailbox"),
    "withdrawals": gettext_noop("withdrawals"),
    "look_ups": gettext_noop("payment look-ups"),
    "untagged_look_ups": gettext_noop("payment look-ups by old addresses"),
    "invoices": gettext_noop("invoices"),
    "gifts": gettext_noop("free copies and codes"),
    "tokens": gettext_noop("wrong tokens"),
    "sign_ins": gettext_noop("sign-ins by passkey"),
}
"""Name of each limit of the shop, translated where it is shown."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Disk of a folder. `free_bytes` are those free for the store's user.

    `name` is for programs, and `label` for pages, translated there.
    """

    name: str
    label: str
    free_bytes: int
    size_bytes: int

    @property
    def is_nearly_full(self) -> bool:
        """True if less than one twentieth is free."""
        return self.free_bytes * NEARLY_FULL_DIVISOR < self.size_bytes


async def show(request: web.Request) -> web.Response:
    """Show the health of the store, even while the database is unavailable."""
    store = request.app[STORE]
    status = store.ledger.status()
    answer_ms, why = await _query_time(request)
    try:
        reading: LoadedLibrary | None = store.catalog.reading
    except NotReady:
        reading = None
    settings = store.settings
    found_disks = await asyncio.to_thread(
        disks, settings.data, settings.library_folder
    )
    problems = reading.problems if reading else ()
    notes = reading.notes if reading else ()
    releases = reading.catalog.releases if reading else ()
    counts = {
        "releases": len(releases),
        "items": sum(len(each.items) for each in releases),
        "size_bytes": sum(each.size_bytes for each in releases),
    }
    limited = store.limits.refused()
    checks = await store.health_checks.get()
    return page.render(
        request,
        "health.html",
        {
            "version": __version__,
            "ledger": {
                **asdict(status),
                "answers": why is None,
                "answer_ms": answer_ms,
                "message": why,
            },
            "library": {
                "ready": reading is not None,
                **counts,
                "problems": [str(each) for each in problems[:_MAX_PROBLEMS]],
                "notes": notes[:_MAX_PROBLEMS],
            },
            "disks": [_disk_data(each) for each in found_disks],
            **_formats(request),
            **_mail(request),
            **_certificate(request),
            "limited": limited,
            "checks": [as_row(each) for each in checks],
        },
        version=__version__,
        ledger=status,
        answer_ms=answer_ms,
        why=why,
        reading=reading,
        counts=counts,
        problems=problems[:_MAX_PROBLEMS],
        more_problems=max(len(problems) - _MAX_PROBLEMS, 0),
        notes=notes[:_MAX_PROBLEMS],
        more_notes=max(len(notes) - _MAX_PROBLEMS, 0),
        disks=found_disks,
        formats=store.encodings.progress.status,
        mail=store.mail,
        checks=checks,
        counts_of_checks=summary(checks),
        certificate=store.certificate and store.certificate.status,
        days_left=_days_left(request),
        limit_names=LIMIT_NAMES,
        limited={name: count for name, count in limited.items() if count},
    )


def _formats(request: web.Request) -> dict[str, Any]:
    """Return the progress of encoding; empty where no formats are wanted."""
    status = request.app[STORE].encodings.progress.status
    if not status.wanted:
        return {}
    return {
        "formats": {
            "wanted": status.wanted,
            "ready": status.ready,
            "waiting": status.waiting,
            "failed": status.failed,
            "size_bytes": status.size_bytes,
            "trouble": status.problem or None,
        }
    }


def _mail(request: web.Request) -> dict[str, Any]:
    """Return the state of the mail; empty where the store sends none."""
    worker = request.app[STORE].mail
    if worker is None:
        return {}
    return {
        "mail": {
            "waiting": worker.pending,
            "sent": worker.sent,
            "given_up": worker.failed,
            "dropped": worker.dropped,
            "trouble": worker.problem,
            "last_given_up": [asdict(each) for each in worker.recent_failures],
        }
    }


def _certificate(request: web.Request) -> dict[str, Any]:
    """Return the state of the certificate; empty without MSRV_DOMAIN."""
    worker = request.app[STORE].certificate
    if worker is None:
        return {}
    status = worker.status
    expires_at = status.expires_at
    return {
        "certificate": {
            "names": status.names,
            "authority": status.directory,
            "expires_at": expires_at and int(expires_at.timestamp()),
            "days_left": _days_left(request),
            "next_at": status.next_at and int(status.next_at.timestamp()),
            "trouble": status.problem,
        }
    }


def _days_left(request: web.Request) -> int | None:
    """Return the certificate's whole days left, None without one."""
    store = request.app[STORE]
    if store.certificate is None or store.certificate.status.is_missing:
        return None
    expires_at = store.certificate.status.expires_at
    assert expires_at is not None  # noqa: S101 - it isn't missing
    return int(expires_at.timestamp() - store.clock()) // _DAY_SECONDS


async def _query_time(request: web.Request) -> tuple[float | None, str | None]:
    """Return a small query's milliseconds, or why it failed."""
    started = time.perf_counter()
    try:
        async with page.read_transaction(request) as connection:
            await connection.execute(text("SELECT 1"))
    except DatabaseError as error:
        return None, str(error)
    return round((time.perf_counter() - started) * 1000, 1), None


def _disk_data(disk: Disk) -> dict[str, Any]:
    data = asdict(disk)
    del data["label"]
    return data


def disks(data: Path, library: Path) -> list[Disk]:
    """Return the disks of the two folders. Blocks."""
    found = []
    for name, label, folder in (
        ("data", gettext_noop("Data folder"), data),
        ("library", gettext_noop("Library"), library),
    ):
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            continue  # reported elsewhere
        found.append(Disk(name, label, usage.free, usage.total))
    return found

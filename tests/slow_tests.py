# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tests that `make test-fast` leaves out: folders, modules and fixtures."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent

SLOW_FOLDERS = {
    "backup",
    "backups",
    "containers",
    "hostile",
    "journeys",
    "kubernetes",
    "packaging",
    "process",
    "resilience",
    "stripe",
    "systemd",
}
"""Folders of tests that start, attack or kill processes, or need a server."""

SLOW_MODULES = {
    "catalog/imports/test_zip_source.py",
    "catalog/test_live_uploads.py",
    "catalog/test_previews_cache.py",
    "cli/first_steps/test_grants.py",
    "cli/test_doctor.py",
    "catalog/parsing/test_crash_marks.py",
    "deployer/gate/test_proxy_machine.py",
    "deployer/rollout/test_rollout_failures.py",
    "downloads/test_direct_sender_failing.py",
    "downloads/test_write_buffer.py",
    "health_checks/test_services.py",
    "ledger/db/test_commands.py",
    "ledger/test_lazy_imports.py",
    "ledger/test_ledger.py",
    "ledger/test_refunds.py",
    "mail/test_worker.py",
    "mail/test_worker_files.py",
    "mail/test_worker_processes.py",
    "orders/corrections/test_corrections.py",
    "test_project_files.py",
    "web/openapi/test_responses.py",
    "web/shop/test_downloads.py",
    "web/shop/test_renamed_items.py",
    "web/shop/test_sales.py",
    "web/studio/test_health.py",
    "web/studio/test_pages.py",
    "web/studio/test_refunds.py",
}
"""Modules most of whose time is waiting: for limits, time-outs and reloads."""

SLOW_FIXTURES = {
    "ceph",
    "chromium",
    "ffmpeg",
    "mariadbd",
    "newcomer",
    "pebble_program",
    "postgres",
    "sold_shop",
}


def is_slow_path(path: Path) -> bool:
    """Return whether all tests in a folder or a module are slow."""
    if not path.is_relative_to(ROOT):
        return False
    inside = path.relative_to(ROOT)
    return (
        not SLOW_FOLDERS.isdisjoint(inside.parts)
        or inside.as_posix() in SLOW_MODULES
    )


def is_slow(item: pytest.Item) -> bool:
    """Return whether a test needs a browser, a container, a server, a kill."""
    parameters = getattr(item, "callspec", None)
    return (
        is_slow_path(item.path)
        or not SLOW_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
        or (
            parameters is not None
            and any(
                each in ("mariadb", "postgresql")
                for each in parameters.params.values()
            )
        )
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Descriptors: the limit is raised, and divided with a reserve."""

import logging
import resource
import subprocess
import sys

import pytest

from msrv.connections.descriptor_limit import (
    MAX_DESCRIPTORS,
    RESERVE,
    plan_capacity,
)
from tests.store_process import ROOT

_PROGRAM = """
import resource
from msrv.connections.descriptor_limit import raise_limit
print(raise_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_limits_are_unchanged_where_descriptors_suffice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = plan_capacity(
        20_000, max_downloads=1000, max_connections=2048, per_client=64
    )
    assert room.max_downloads == 1000
    assert room.connections.total == 2048
    assert room.connections.per_network == 64
    assert not caplog.records


@pytest.mark.parametrize("limit", [64, 256, 512, 1024, 4096])
@pytest.mark.parametrize("downloads", [1, 10, 1000, 100_000])
def test_reserve_remains_for_any_limits(
    limit: int, downloads: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    room = plan_capacity(
        limit, max_downloads=downloads, max_connections=2048, per_client=64
    )
    assert 1 <= room.max_downloads <= downloads
    assert room.connections.total >= 16
    if limit > 2 * RESERVE:
        taken = room.connections.total + 2 * room.max_downloads
        assert taken <= limit - RESERVE
        assert room.max_downloads < room.connections.total
    if (room.max_downloads, room.connections.total) != (downloads, 2048):
        assert "MSRV_MAX_DOWNLOADS" in caplog.text
        assert str(2048 + 2 * downloads + RESERVE) in caplog.text


def test_soft_limit_is_raised_to_the_hard_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (
        MAX_DESCRIPTORS
        if hard == resource.RLIM_INFINITY
        else min(hard, MAX_DESCRIPTORS)
    )
    said = subprocess.run(
        [
            "sh",
            "-c",
            'ulimit -S -n 256; exec "$@"',
            "sh",
            sys.executable,
            "-c",
            _PROGRAM,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert said.split() == [str(wanted)] * 2

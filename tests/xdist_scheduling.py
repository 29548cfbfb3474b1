# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Scheduling of tests that run in parallel (pytest-xdist).

`make test ARGS="-n 2"` runs two tests at a time, those of one file one after
the other. All tests of the container engine are scheduled as one file, and so
are all browser tests. The engine adds and removes networks, and Chromium
drops its connections when an interface changes: where the machine allows it,
a browser runs in a network namespace of its own, otherwise both kinds are one
file. What takes longest is begun first, so that no worker is left alone with
it; browsers wait for the slow files, since containers, which are given a time
to start in, share the processor with them badly. A test marked `alone`, since
it measures time, runs while no other does.
"""

import fcntl
import functools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import network_namespaces

_RUN_LOCK: Final = Path(__file__)
_QUEUE_LOCK: Final = Path(__file__).parent
"""Paths to lock: both exist, and neither is written."""


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Scheduler that assigns a file of tests at a time to an idle worker."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        # The order is that of the tests, which `longest_first` returns.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return tests in the order in which files of them are to be assigned.

    First come those of containers, then files with slow tests, then browsers,
    and last the fast ones, those with the fewest tests at the end.
    """
    scopes = [_scope(each.nodeid) for each in items]
    counts = Counter(scopes)
    slow = {
        scope
        for scope, item in zip(scopes, items, strict=True)
        if item.get_closest_marker("slow")
    }

    def rank(at: int) -> tuple[int, int, str]:
        scope = scopes[at]
        if scope == "engine":
            turn = 0
        elif scope == "browser":
            turn = 2
        else:
            turn = 1 if scope in slow else 3
        return turn, -counts[scope], scope

    return [items[at] for at in sorted(range(len(items)), key=rank)]


def _scope(nodeid: str) -> str:
    """Return what is assigned to one worker as a whole."""
    if drives_browser(nodeid) and network_namespaces.are_available():
        return "browser"
    if uses_containers(nodeid) or drives_browser(nodeid):
        return "engine"
    return str(_path(nodeid))


def uses_containers(nodeid: str) -> bool:
    """Return whether a test is one of the container engine's."""
    return "containers" in _path(nodeid).parts


def drives_browser(nodeid: str) -> bool:
    """Return whether a test is one of the browser's."""
    return "journeys" in _path(nodeid).parts


def _path(nodeid: str) -> PurePosixPath:
    return PurePosixPath(nodeid.partition("::")[0])


@contextmanager
def run_lock(*, alone: bool) -> Iterator[None]:
    """Hold the lock of a running test: shared, or exclusive if `alone`."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    queue, run = (
        os.open(path, os.O_RDONLY) for path in (_QUEUE_LOCK, _RUN_LOCK)
    )
    try:
        # A test that waits for the exclusive lock blocks the queue, or new
        # holders of the shared lock would starve it.
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(run, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield
    finally:
        os.close(run)
        os.close(queue)


@contextmanager
def isolated_network(*, wanted: bool) -> Iterator[None]:
    """Run this thread, and its children, in a network with loopback only."""
    if not (
        wanted
        and "PYTEST_XDIST_WORKER" in os.environ
        and network_namespaces.are_available()
    ):
        yield
        return
    before = network_namespaces.current_network()
    try:
        network_namespaces.enter_network(_isolated_namespace())
        yield
    finally:
        network_namespaces.enter_network(before)
        os.close(before)


@functools.cache
def _isolated_namespace() -> int:
    """Create the namespace, once: tests share what runs in it."""
    network_namespaces.enter_new_network()
    return network_namespaces.current_network()

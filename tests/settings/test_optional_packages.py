# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Features whose packages are not installed."""

import functools
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import files, packages_distributions
from pathlib import Path

import pytest

from msrv import settings
from msrv.ledger.connection_rules import DEFAULT_RULES
from msrv.ledger.db.database import Database
from msrv.ledger.ledger import Ledger
from msrv.payments.registry import Providers
from msrv.settings.optional_packages import (
    EXTRAS,
    PackageMissing,
    require_packages,
)

ROOT = Path(__file__).parents[2]
OPTIONAL: dict[str, list[str]] = tomllib.loads(
    (ROOT / "pyproject.toml").read_text("utf-8")
)["project"]["optional-dependencies"]
STRIPE = {"MSRV_STRIPE_KEY": "rk_test_0123"}
SERVERS = {
    "mysql": ("mysql://u:p@db.example/msrv", "MariaDB"),
    "postgresql": ("postgres://u:p@db.example/msrv", "PostgreSQL"),
}


def _distribution(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _features() -> dict[str, set[str]]:
    """Distributions of each extra that is a feature of the store."""
    return {
        name: {_distribution(each) for each in requirements}
        for name, requirements in OPTIONAL.items()
        if name != "dev"
    }


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    """Distributions of each package, which are found by reading them all."""
    return packages_distributions()


def _installed_by(module: str) -> set[str]:
    """Distributions that install files of a module."""
    folder = module.replace(".", "/") + "/"
    candidates = set(_distributions()[module.partition(".")[0]])
    if "." not in module:
        return {_distribution(each) for each in candidates}
    # Several distributions share the package that it is in.
    return {
        _distribution(each)
        for each in candidates
        if any(str(path).startswith(folder) for path in files(each) or ())
    }


def _without(monkeypatch: pytest.MonkeyPatch, extra: str) -> None:
    """Make the modules of an extra look as if they weren't installed."""
    for module in EXTRAS[extra]:
        monkeypatch.setitem(sys.modules, module, None)


def test_each_extra_installs_the_modules_that_are_required() -> None:
    assert {
        extra: set().union(*map(_installed_by, modules))
        for extra, modules in EXTRAS.items()
    } == _features()


def test_lock_of_the_image_has_every_feature() -> None:
    locked = {
        _distribution(line)
        for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
        if "==" in line
    }
    assert set().union(*_features().values()) <= locked


@pytest.mark.parametrize("extra", EXTRAS)
def test_missing_package_is_reported_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    require_packages(extra, "the feature")
    _without(monkeypatch, extra)
    with pytest.raises(PackageMissing) as caught:
        require_packages(extra, "the feature")
    assert caught.value.extra == extra
    assert str(caught.value) == (
        f"the feature needs an extra package: pip install 'msrv[{extra}]'"
    )


def test_store_with_a_stripe_key_does_not_start_without_stripe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _without(monkeypatch, "stripe")
    library = {"MSRV_LIBRARY": str(tmp_path)}
    Providers.from_settings(settings.load(library))
    with pytest.raises(PackageMissing, match=r"^Stripe needs .*msrv\[stripe"):
        Providers.from_settings(settings.load(library | STRIPE))


def test_package_within_a_missing_one_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(EXTRAS, "otel", ("no_such_package.sdk",))
    with pytest.raises(PackageMissing):
        require_packages("otel", "the feature")


@pytest.mark.parametrize("extra", SERVERS)
@pytest.mark.parametrize(
    "start",
    [
        Ledger,
        lambda data, url: Database.open(url, data, DEFAULT_RULES),
    ],
    ids=["ledger", "database"],
)
def test_store_with_a_server_does_not_start_without_its_driver(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    start: Callable[[Path, str], object],
    extra: str,
) -> None:
    _without(monkeypatch, extra)
    url, name = SERVERS[extra]
    with pytest.raises(
        PackageMissing, match=rf"^{name} needs .*msrv\[{extra}"
    ):
        start(tmp_path, url)


async def test_sqlite_needs_no_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for extra in SERVERS:
        _without(monkeypatch, extra)
    for url in (None, f"sqlite:///{tmp_path}/other.sqlite3"):
        Ledger(tmp_path, url)
        database = Database.open(url, tmp_path, DEFAULT_RULES)
        async with database.read_transaction():
            pass
        await database.close()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`make release`, without the image, which tests/containers builds."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from msrv import __version__
from tests.packaging.release_tree import (
    COMMIT_TIME,
    checksums,
    commit,
    create_release_environment,
    create_repository,
    git,
    list_files,
    locked_versions,
    run_release,
)
from tests.store_process import ROOT

SURROUNDINGS = {
    "one": (0o022, {"TZ": "Pacific/Auckland", "LC_ALL": "C"}),
    "another place": (
        0o077,
        {
            "TZ": "America/Los_Angeles",
            "LC_ALL": "tr_TR.UTF-8",
            "PYTHONHASHSEED": "7",
            "SOURCE_DATE_EPOCH": "1",
        },
    ),
}
"""Folders, with the umask and environment that a release is built in."""


@pytest.fixture(scope="module")
def release_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Interpreter with the packages that make a release."""
    return create_release_environment(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def releases(
    release_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Two releases of one commit, built in different surroundings."""
    repositories = {
        name: create_repository(tmp_path_factory.mktemp("tree") / name)
        for name in SURROUNDINGS
    }
    found = []
    for name, repository in repositories.items():
        umask, environ = SURROUNDINGS[name]
        result = run_release(
            release_python,
            repository,
            "--no-image",
            umask=umask,
            environ=environ,
        )
        assert result.returncode == 0, result.stderr
        found.append(repository / "dist" / __version__)
        sums = (found[-1] / "SHA256SUMS").read_text("utf-8")
        assert result.stdout == sums
    return found


def test_release_built_twice_is_the_same_bytes(releases: list[Path]) -> None:
    one, other = (checksums(each) for each in releases)
    assert one.keys() == {
        "SHA256SUMS",
        f"msrv-{__version__}-py3-none-any.whl",
        f"msrv-{__version__}-wheel.cdx.json",
        f"msrv-{__version__}.tar.gz",
    }
    assert one == other
    for folder in releases:
        assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {
            0o644
        }
        # Nothing else is left.
        assert list(folder.parent.iterdir()) == [folder]


def test_bill_of_the_wheel_lists_what_is_locked(releases: list[Path]) -> None:
    (path,) = releases[0].glob("*.cdx.json")
    text = path.read_text("utf-8")
    bill: dict[str, Any] = json.loads(text)
    assert bill["specVersion"] == "1.6"
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("msrv", __version__)
    assert {
        re.sub(r"[-_.]+", "-", each["name"]).lower() + "==" + each["version"]
        for each in bill["components"]
    } == locked_versions(releases[0])
    mutagen = next(
        each for each in bill["components"] if each["name"] == "mutagen"
    )
    assert mutagen["purl"].startswith("pkg:pypi/mutagen@")
    assert mutagen["licenses"]
    assert str(releases[0].parents[1]) not in text
    time = datetime.fromtimestamp(COMMIT_TIME, UTC)
    assert bill["metadata"]["timestamp"] == time.isoformat()


def test_uncommitted_changes_are_refused(
    release_python: Path, tmp_path: Path
) -> None:
    repository = _small_repository(tmp_path)
    (repository / "new").touch()
    _assert_refused(
        release_python, repository, "there are changes that are not committed"
    )


def test_version_without_a_date_in_the_changelog_is_refused(
    release_python: Path, tmp_path: Path
) -> None:
    repository = _small_repository(tmp_path)
    (repository / "CHANGELOG.md").write_text("## [Unreleased]\n", "utf-8")
    commit(repository)
    _assert_refused(
        release_python,
        repository,
        f"CHANGELOG.md has no heading '## [{__version__}] - DATE'",
    )


def test_existing_release_is_not_replaced(
    release_python: Path, tmp_path: Path
) -> None:
    repository = _small_repository(tmp_path)
    existing = repository / "dist" / __version__
    existing.mkdir(parents=True)
    _assert_refused(
        release_python, repository, f"{existing} exists: remove it first"
    )
    assert list(existing.parent.iterdir()) == [existing]


def test_folder_that_is_no_repository_is_refused(
    release_python: Path, tmp_path: Path
) -> None:
    repository = _small_repository(tmp_path)
    (repository / ".git").rename(tmp_path / "elsewhere")
    result = run_release(release_python, repository, "--no-image")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("release: git failed")
    assert "Traceback" not in result.stderr


def _small_repository(folder: Path) -> Path:
    """Return a repository with what a release reads first."""
    for name in (
        *sorted(list_files("scripts")),
        ".gitignore",
        "msrv/__init__.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    heading = f"## [{__version__}] - 2026-11-29\n"
    (folder / "CHANGELOG.md").write_text(heading, "utf-8")
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def _assert_refused(python: Path, repository: Path, reason: str) -> None:
    result = run_release(python, repository, "--no-image")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f"release: {reason}\n"
    for path in repository.glob("dist/**/*"):
        assert path.is_dir(), path

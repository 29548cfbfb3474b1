# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Repositories of this tree, and releases built from them."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from msrv import __version__
from tests.packaging.conftest import STEP_SECONDS, pip
from tests.store_process import ROOT

COMMIT_TIME = 1_795_897_600


def list_files(folder: str = ".") -> set[str]:
    """Return this tree's files, without those that git ignores."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a checkout")
    listed = subprocess.run(
        [
            *("git", "ls-files", "-z", "--cached", "--others"),
            *("--exclude-standard", "--", folder),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.split("\0")
    return {name for name in listed if name and (ROOT / name).exists()}


def create_repository(folder: Path) -> Path:
    """Copy this tree to a repository with one commit, always the same."""
    for name in list_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    changes = folder / "CHANGELOG.md"
    text = changes.read_text("utf-8")
    if f"## [{__version__}] - " not in text:
        heading = f"## [{__version__}] - 2026-11-29"
        text = text.replace("## [Unreleased]", heading, 1)
        changes.write_text(text, "utf-8")
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    """Commit everything at COMMIT_TIME."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=The tree")


def git(folder: Path, *arguments: str) -> None:
    """Run git without anybody's configuration."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    for role in ("AUTHOR", "COMMITTER"):
        environ |= {
            f"GIT_{role}_NAME": "A developer",
            f"GIT_{role}_EMAIL": "developer@example.org",
            f"GIT_{role}_DATE": f"{COMMIT_TIME} +0000",
        }
    subprocess.run(
        ["git", *arguments], cwd=folder, env=environ, check=True, timeout=60
    )


def create_release_environment(folder: Path) -> Path:
    """Install what makes a release; return the interpreter's path."""
    subprocess.run(
        [sys.executable, "-m", "venv", folder],
        check=True,
        timeout=STEP_SECONDS,
    )
    python = folder / "bin" / "python"
    lock = ROOT / "scripts" / "requirements.txt"
    options = ("-q", "--no-compile", "--require-hashes", "-r", lock)
    pip("--python", python, "install", *options)
    return python


def run_release(
    python: Path,
    repository: Path,
    *arguments: str,
    umask: int = 0o022,
    environ: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run the script of a repository as `make release` does."""
    return subprocess.run(
        [python, "scripts/make_release.py", *arguments],
        cwd=repository,
        env={**os.environ, **(environ or {})},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * STEP_SECONDS,
    )


def checksums(folder: Path) -> dict[str, str]:
    """Return the digest of each file of a release, by its name.

    Fails if SHA256SUMS states others.
    """
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }
    stated = (folder / "SHA256SUMS").read_text("utf-8")
    assert stated == "".join(
        f"{found[name]}  {name}\n"
        for name in sorted(found)
        if name != "SHA256SUMS"
    )
    return found


def locked_versions(release: Path) -> set[str]:
    """Return what a release's requirements.txt pins, as `name==version`."""
    repository = release.parents[1]
    text = (repository / "requirements.txt").read_text("utf-8")
    return {
        re.sub(r"[-_.]+", "-", name).lower() + "==" + version
        for name, version in re.findall(
            r"^([^\s=]+)==(\S+)", text, re.MULTILINE
        )
    }

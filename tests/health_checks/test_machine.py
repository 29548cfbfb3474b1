# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of clock, disk, rights and ffmpeg."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from msrv.health_checks import machine
from msrv.health_checks.findings import Finding, Outcome
from msrv.health_checks.machine import (
    check_clock,
    check_disk,
    check_ffmpeg,
    check_rights,
)
from msrv.health_checks.services import check_database
from msrv.settings import Settings
from tests.catalog.unprivileged import open_folder, without_rights
from tests.health_checks.conftest import MakeContext

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL


def texts(findings: object, outcome: Outcome) -> str:
    assert isinstance(findings, list)
    found: list[Finding] = findings
    return "\n".join(each.text for each in found if each.outcome is outcome)


async def test_clock_before_the_release_is_a_failure(
    context: MakeContext,
) -> None:
    (found,) = await check_clock(replace(context(), clock=lambda: 86_400.0))
    assert found.outcome is FAIL
    (found,) = await check_clock(context())
    assert found.outcome in {PASS, WARN}


async def test_disk_of_a_data_folder(
    context: MakeContext, settings: Settings
) -> None:
    (found,) = await check_disk(context())
    assert (found.outcome, found.text) == (
        PASS,
        f"{settings.data} is created at the first start",
    )
    assert not settings.data.exists()
    settings.data.mkdir()
    found, *_ = await check_disk(context())
    assert " GiB free" in found.text
    assert list(settings.data.iterdir()) == []


async def test_data_folder_that_cannot_be_used(
    context: MakeContext, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    (found,) = await check_disk(context(data=file / "data"))
    assert found.outcome is FAIL
    found = (await check_disk(context(data=file)))[-1]
    assert found.outcome is FAIL
    assert "can't be written to" in found.text


async def test_data_folder_in_a_folder_of_another_user_is_a_failure(
    context: MakeContext,
) -> None:
    await check_database(context())  # imports what it needs
    with open_folder() as folder:
        data = folder / "store" / "data"
        data.mkdir(parents=True)
        (folder / "store").chmod(0o000)
        at = context(data=data)
        with without_rights():
            found = [*await check_disk(at), *await check_database(at)]
        (folder / "store").chmod(0o700)
    for each in found:
        assert (each.outcome, each.text) == (
            FAIL,
            f"{data} can't be used: Permission denied",
        )
    assert len(found) == 2


async def test_rights_of_the_data_folder(
    context: MakeContext, settings: Settings
) -> None:
    settings.data.mkdir(mode=0o700)
    found = await check_rights(context())
    assert f"{settings.data} is private" in texts(found, PASS)
    settings.data.chmod(0o755)
    found = await check_rights(context())
    assert "can be opened by other users" in texts(found, WARN)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a folder of root's")
async def test_data_folder_of_a_container_is_its_own(
    context: MakeContext,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    settings.data.mkdir()
    settings.data.chmod(0o1777)
    mark = tmp_path / ".dockerenv"
    monkeypatch.setattr(machine, "_CONTAINER_FILES", (mark,))
    found = await check_rights(context())
    assert "can be opened by other users" in texts(found, WARN)
    mark.touch()
    found = await check_rights(context())
    assert "open to this container alone" in texts(found, PASS)


async def test_rights_of_secrets(
    context: MakeContext,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.data.mkdir()
    assert "secrets are private" in texts(await check_rights(context()), PASS)
    kept, file = settings.data / "nonce", tmp_path / "smtp"
    for path in (kept, file):
        path.write_text("the secret itself")
        path.chmod(0o640)
    monkeypatch.setenv("MSRV_SMTP_URL_FILE", str(file))
    found = await check_rights(context())
    assert f"the generated NONCE: other users can read or write {kept}" in (
        texts(found, WARN)
    )
    assert f"MSRV_SMTP_URL_FILE: other users can read or write {file}" in (
        texts(found, WARN)
    )
    assert "the secret itself" not in str(found)


async def test_library_that_is_gone(
    context: MakeContext, tmp_path: Path
) -> None:
    found = await check_rights(context(library=tmp_path / "gone"))
    assert "the library can't be read" in texts(found, FAIL)


async def test_file_of_the_library_that_cannot_be_read(
    context: MakeContext, library: Path
) -> None:
    (library / "Zine" / "gone\n.pdf").symlink_to("/does/not/exist")
    found = await check_rights(context())
    assert "can't be read in the library" in texts(found, WARN)
    assert "\n.pdf" not in texts(found, WARN)


async def test_ffmpeg_with_its_version(
    context: MakeContext, ffmpeg: str
) -> None:
    assert ffmpeg
    (found,) = await check_ffmpeg(context())
    assert found.outcome is PASS
    assert found.text.startswith("ffmpeg version ")


async def test_missing_and_broken_ffmpeg(
    context: MakeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = await check_ffmpeg(context())
    assert found.outcome is WARN
    assert "not installed" in found.text
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    (found,) = await check_ffmpeg(context())
    assert found.outcome is WARN
    assert "doesn't run" in found.text

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Settings from a file: what is read, and what the readers agree on."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.server import env_file
from msrv.server.env_file import InvalidEnvFile, UnwritableValue


def apply(folder: Path, text: str, **environ: str) -> dict[str, str]:
    path = folder / "shop.env"
    path.write_text(text, encoding="utf-8")
    env_file.apply(path, environ)
    return environ


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("MSRV_PORT=1", "1"),
        ("  export MSRV_PORT=1  ", "1"),
        ("MSRV_PORT=", ""),
        ("MSRV_PORT='a # $b \\'", "a # $b \\"),
        ('MSRV_PORT="a\\"b\\\\c\\$d"', 'a"b\\c$d'),
        ('MSRV_PORT=""', ""),
        ("MSRV_PORT=a b=c", "a b=c"),
        ("MSRV_PORT=1\nMSRV_PORT=2", "2"),
    ],
)
def test_values(tmp_path: Path, line: str, value: str) -> None:
    text = f"\ufeff# a comment\r\n\n{line}\n"
    assert apply(tmp_path, text) == {"MSRV_PORT": value}


def test_environment_has_precedence(tmp_path: Path) -> None:
    text = "MSRV_PORT=1\nNONCE_FILE=/n\nMSRV_SMTP_URL=x\n"
    given_before = {"MSRV_PORT": "2", "NONCE": "n", "MSRV_SMTP_URL_FILE": "f"}
    assert apply(tmp_path, text, **given_before) == given_before


def test_other_programs_variables_are_left_out(tmp_path: Path) -> None:
    text = "PATH=/evil\nLD_PRELOAD=x.so\nPYTHONPATH=.\nNONCE_PREVIOUS=p\n"
    assert apply(tmp_path, text) == {"NONCE_PREVIOUS": "p"}


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "MSRV_PORT='1",
        'MSRV_PORT="1',
        "1=2",
        "MSRV_PORT='a'b'",
        "=",
    ],
)
def test_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidEnvFile, match=r"shop\.env:2: must be a line"):
        apply(tmp_path, f"MSRV_TLS=off\n{line}\n")


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidEnvFile, match="no\\.env: No such file"):
        env_file.apply(tmp_path / "no.env", {})
    (tmp_path / "latin.env").write_bytes(b"MSRV_X=\xff")
    with pytest.raises(InvalidEnvFile, match="not UTF-8"):
        env_file.apply(tmp_path / "latin.env", {})


def test_file_of_the_working_folder_is_optional(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    env_file.load_default(tmp_path, environ)
    assert environ == {}
    (tmp_path / "msrv.env").write_text("MSRV_PORT=1\n")
    env_file.load_default(tmp_path, environ)
    assert environ == {"MSRV_PORT": "1"}


def test_file_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "msrv.env").write_text("MSRV_PORT=1\n")
    owner = (tmp_path / "msrv.env").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        os.chown(tmp_path / "msrv.env", 12345, -1)
    with pytest.raises(InvalidEnvFile, match="belongs to another user"):
        env_file.load_default(tmp_path, {})


@given(st.text())
def test_written_values_are_read_back(value: str) -> None:
    try:
        line = env_file.format_line("MSRV_LIBRARY", value)
    except UnwritableValue:
        return
    assert dict(env_file._parse(Path("x"), line)) == {"MSRV_LIBRARY": value}


@pytest.mark.parametrize(
    "value", ["/a b", "/it's", "a$b", '"', "\\", "`id`", "#x", "a;b", "é 🎸"]
)
def test_written_values_mean_the_same_to_a_shell(value: str) -> None:
    line = env_file.format_line("MSRV_LIBRARY", value)
    script = f'{line}\nprintf %s "$MSRV_LIBRARY"'
    printed = subprocess.run(
        ["sh", "-c", script], capture_output=True, check=True, text=True
    )
    assert printed.stdout == value


@pytest.mark.parametrize("value", ["a\nb", "it's $5", "'\"", "\x00", "'\\"])
def test_values_that_readers_disagree_on_are_refused(value: str) -> None:
    with pytest.raises(UnwritableValue):
        env_file.format_line("MSRV_LIBRARY", value)

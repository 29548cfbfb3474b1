# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Settings from the environment, from files, and from options."""

import os
import subprocess
from pathlib import Path

import pytest

from msrv import settings
from msrv.settings import WrongSetting


def test_invalid_secret_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "nonce"
    file.write_bytes(b"hunter2\xff")
    with pytest.raises(WrongSetting) as caught:
        settings.load({"NONCE_FILE": str(file)})
    assert "hunter2" not in str(caught.value)
    loaded = settings.load({"NONCE": "hunter2"})
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in str(loaded.model_dump())


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:p%40ss@db/msrv",
        "mysql+aiomysql://u:p@db:3307/msrv",
        "mariadb://db/msrv?unix_socket=/run/mysqld/mysqld.sock",
        "postgresql://u:p%40ss@db/msrv",
        "postgres://u:p@db:5433/msrv?sslmode=require",
        "postgresql://u@/msrv?host=/run/postgresql",
        "sqlite:////var/lib/msrv/ledger",
    ],
)
def test_database_url_is_a_secret(tmp_path: Path, url: str) -> None:
    file = tmp_path / "url"
    file.write_text(url + "\n", encoding="utf-8")
    loaded = settings.load({"MSRV_DATABASE_FILE": str(file)})
    assert loaded.database_url == url
    assert url not in repr(loaded)
    assert settings.load({}).database_url is None


def test_secret_is_loaded_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "nonce"
    file.write_text("the secret\n", encoding="utf-8")
    loaded = settings.load({"NONCE_FILE": str(file)})
    assert loaded.nonce
    assert loaded.nonce.get_secret_value() == "the secret"


def test_empty_secret_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "nonce"
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(WrongSetting) as caught:
        settings.load({"NONCE_FILE": str(file)})
    assert str(caught.value) == (f"NONCE_FILE: can't read {file}: it is empty")


def test_tilde_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    loaded = settings.load({"MSRV_LIBRARY": "~", "MSRV_DATA": "~/data"})
    assert loaded.library_folder == tmp_path
    assert loaded.data == tmp_path / "data"


def test_home_folder_that_is_not_known_is_an_error() -> None:
    with pytest.raises(WrongSetting) as caught:
        settings.load({"MSRV_DATA": "~no-such-user/data"})
    assert str(caught.value) == (
        "MSRV_DATA: must be a full path: the home folder ~no-such-user isn't "
        "known"
    )


def test_options_override_the_environment() -> None:
    loaded = settings.load({"MSRV_PORT": "1", "MSRV_TLS": "off"}, port=2)
    assert loaded.listening_port == 2
    assert settings.load({"MSRV_TLS": "off"}).listening_port == 8000
    assert settings.load({}).listening_port == 8443


def test_only_the_given_environment_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MSRV_PORT", "1")
    assert settings.load({}).port is None


def test_unknown_variable_is_reported_with_a_suggestion() -> None:
    lines = settings.unknown_variables(
        {"MSRV_LINK_HOUR": "2", "PATH": "", "NONCE": ""}
    )
    assert lines == [
        (
            "MSRV_LINK_HOUR is not a setting of this version; "
            "did you mean MSRV_LINK_HOURS?"
        )
    ]


def test_drop_secrets_removes_only_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in settings.SECRETS:
        monkeypatch.setenv(name, f"the secret {name}")
    monkeypatch.setenv("MSRV_LIBRARY", ".")
    settings.drop_secrets()
    assert not set(settings.SECRETS) & set(os.environ)
    assert os.environ["MSRV_LIBRARY"] == "."
    # Nor does a program that reads the C library's copy find them.
    said = subprocess.run(["env"], capture_output=True, check=True).stdout
    assert b"the secret" not in said

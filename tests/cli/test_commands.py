# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands: their output, their errors, and their exit status."""

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click import ClickException

from msrv import __version__
from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.library.file_index import FileIndex
from msrv.cli import main
from msrv.cli.errors import user_errors
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import verify_link
from msrv.proofs.nonce_strength import weakness
from tests.catalog.unprivileged import open_folder, without_rights
from tests.cli.conftest import Cli

README = Path(__file__).parents[2] / "README.md"


def test_readme_lists_exactly_the_commands() -> None:
    said = README.read_text("utf-8")
    shown = {name for name, each in main.entries.items() if not each.hidden}
    for name in shown:
        assert f"| `msrv {name}" in said, name
    rows = re.findall(r"\n\| `msrv ([a-z-]+)", said)
    assert set(rows) == shown


def test_check_prints_a_table(cli: Cli) -> None:
    result = cli("check")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["item_id", "kind", "title", "price", "size"]
    row = next(line for line in lines if line.startswith("night-bus "))
    assert row.split()[1:5] == ["release", "Night", "Bus", "€7.00"]
    row = next(line for line in lines if line.startswith("lyrics "))
    assert row.split()[3] == "free"
    assert lines[-1] == "3 releases, 5 items, 0 problems"


def test_check_counts_pages(cli: Cli, library: Path) -> None:
    (library / "pages").mkdir()
    (library / "pages" / "About.md").write_text("We sing.", encoding="utf-8")
    lines = cli("check").stdout.splitlines()
    assert lines[-1] == "3 releases, 5 items, 1 page, 0 problems"


def test_check_counts_encodings(cli: Cli, library: Path) -> None:
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write('formats = ["wav", "mp3-v0"]\n')
    assert cli("check").stdout.splitlines()[-1] == "0 of 3 encodings ready"
    printed = json.loads(cli("check", "--json").stdout)
    assert printed["formats"] == {"wanted": 3, "ready": 0}


def test_check_prints_json(cli: Cli, library: Path) -> None:
    printed = json.loads(cli("check", "--json").stdout)
    assert printed["problems"] == []
    assert printed["notes"] == []
    rows = printed["items"]
    by_id = {row["item_id"]: row for row in rows}
    source = library / "Night Bus" / "01 Departure.wav"
    departure = by_id["departure"]
    assert departure["size_bytes"] == source.stat().st_size
    assert re.fullmatch("[0-9a-f]{64}", departure["sha256"])
    assert departure["file"] == "Night Bus/01 Departure.wav"
    assert departure["release"] == "night-bus"
    assert (departure["price_minor"], departure["currency"]) == (100, "EUR")
    assert (departure["kind"], departure["title"]) == ("track", "Departure")
    assert by_id["night-bus"]["kind"] == "release"


def test_check_prints_problems_and_fails(cli: Cli, library: Path) -> None:
    toml = library / "Zine" / "release.toml"
    toml.write_text('title = "Zine"\nprice = "cheap"\n', encoding="utf-8")
    result = cli("check")
    assert result.exit_code == 1
    assert "Zine/release.toml:2" in result.stderr
    assert "cheap" in result.stderr
    assert "night-bus" in result.stdout


def test_check_prints_problems_as_json_and_fails(
    cli: Cli, library: Path
) -> None:
    toml = library / "Zine" / "release.toml"
    toml.write_text('title = "Zine"\nprice = "cheap"\n', encoding="utf-8")
    result = cli("check", "--json")
    assert result.exit_code == 1
    assert result.stderr == ""
    problems = json.loads(result.stdout)["problems"]
    (problem,) = (each for each in problems if each["line"] is not None)
    assert problem["file"] == "Zine/release.toml"
    assert problem["line"] == 2
    assert "cheap" in problem["problem"]


def test_catalog_is_a_hidden_name_of_check(cli: Cli, library: Path) -> None:
    assert cli("catalog").stdout == cli("check").stdout
    rows = json.loads(cli("catalog", "--json").stdout)
    assert rows == json.loads(cli("check", "--json").stdout)["items"]
    assert " catalog " not in cli("--help").stdout
    (library / "Zine" / "release.toml").write_text("=", encoding="utf-8")
    assert cli("catalog").exit_code == 1


def test_check_reports_a_missing_configuration(
    cli: Cli, library: Path, tmp_path: Path
) -> None:
    store = library / "store.toml"
    store.write_text('currency = "GBP"\n', encoding="utf-8")
    kept = LastGoodConfig.open(
        tmp_path / "data", grace_seconds=60, timer=lambda: 0.0
    )
    kept.update("store.toml", store.read_text(encoding="utf-8"))
    kept.save()
    store.unlink()
    for _ in range(2):
        result = cli("check", MSRV_SETTLE_SECONDS="10")
        assert result.exit_code == 1
        assert (
            "problem: store.toml: is missing; its last good version is used\n"
        ) in result.stderr
        assert "£7.00" in result.stdout
    # Where nothing is waited for, what is there is what counts.
    assert cli("check").exit_code == 0


def test_check_notes_files_that_are_still_being_copied(
    cli: Cli, tmp_path: Path
) -> None:
    result = cli("check", MSRV_SETTLE_SECONDS="3600")
    assert "departure" in result.stdout
    (note,) = (
        line
        for line in result.stderr.splitlines()
        if "changed a moment ago" in line
    )
    assert note == (
        "note: store.toml, Night Bus, Umbrella and 1 more changed a moment "
        "ago: a running store updates each once nothing there has changed "
        "for 3600 s"
    )
    with FileIndex.open(tmp_path / "data") as index:
        assert not index.has_path("Night Bus/01 Departure.wav")
    cli("check")
    with FileIndex.open(tmp_path / "data") as index:
        assert index.has_path("Night Bus/01 Departure.wav")


def test_link_prints_only_the_url(shop_cli: Cli, keyring: Keyring) -> None:
    result = shop_cli(
        "link", "departure", "--base-url", "https://shop.example"
    )
    assert result.exit_code == 0
    match = re.fullmatch(
        r"https://shop\.example/download/([^/]+)/([^/]+)/departure\n",
        result.stdout,
    )
    assert match
    now = int(datetime.now(UTC).timestamp())
    access = verify_link(keyring, match[1], match[2], "departure", now)
    assert access.expires_at - now == pytest.approx(24 * 3600, abs=5)


@pytest.mark.parametrize(
    "command",
    [
        ("link", "departure"),
        (
            *("codes", "mint", "--item", "night-bus"),
            *("--campaign", "a", "--count", "1"),
        ),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1", "::"])
def test_address_of_this_machine_is_given_to_nobody_else(
    cli: Cli, command: tuple[str, ...], host: str
) -> None:
    result = cli(*command, MSRV_HOST=host)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith(
        "Error: MSRV_PUBLIC_URL is not set, and https://"
    )
    for environ, options, address in (
        ({"MSRV_HOST": "192.0.2.7"}, (), "https://192.0.2.7:8443/"),
        ({}, ("--base-url", "https://localhost"), "https://localhost/"),
    ):
        result = cli(*command, *options, **environ)
        assert result.exit_code == 0, result.stderr
        assert address in result.stdout


@pytest.mark.parametrize(
    ("options", "expires_at"),
    [
        (["--until", "2030-01-01T00:00Z"], 1893456000),
        (["--until", "2030-01-01T01:00+01:00"], 1893456000),
        (["--until", "2030-01-01"], 1893456000),
        (["--until", "2000-01-01T00:00Z"], 946684800),
    ],
)
def test_link_expires_at_the_given_time(
    shop_cli: Cli, keyring: Keyring, options: list[str], expires_at: int
) -> None:
    parts = shop_cli("link", "departure", *options).stdout.strip().split("/")
    access = verify_link(keyring, parts[-3], parts[-2], parts[-1], 0)
    assert access.expires_at == expires_at


@pytest.mark.parametrize(
    ("arguments", "environ", "line"),
    [
        (["link", "nothing"], {}, "there is no item 'nothing'"),
        (["link", "zine", "--until", "soon"], {}, "--until must be a time"),
        (
            ["link", "zine", "--until", "2030-01-01", "--hours", "1"],
            {},
            "--hours and --until can't be used together",
        ),
        (["link", "zine", "--base-url", "nowhere"], {}, "MSRV_PUBLIC_URL:"),
        (["serve"], {"MSRV_PORT": "x"}, "MSRV_PORT: "),
        (["serve"], {"MSRV_LIBRARY": "/nowhere"}, "MSRV_LIBRARY: /nowhere"),
        (["serve"], {"NONCE": ""}, "NONCE is empty"),
        (
            ["serve", "--tls"],
            {"MSRV_TLS_CERT": "/no.crt", "MSRV_TLS_KEY": "/no.key"},
            "can't read /no.crt",
        ),
        (["catalog"], {"MSRV_LIBRARY": "/nowhere"}, "MSRV_LIBRARY: "),
    ],
    ids=lambda value: " ".join(value)[:40] if value else "-",
)
def test_errors_are_one_line(
    shop_cli: Cli, arguments: list[str], environ: dict[str, str], line: str
) -> None:
    result = shop_cli(*arguments, **environ)
    assert result.exit_code in {1, 2}
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert f"Error: {line}" in result.stderr.splitlines()[-1]


def test_nonce_is_strong_and_unique(cli: Cli) -> None:
    made = [cli("nonce").stdout.strip() for _ in range(2)]
    assert made[0] != made[1]
    assert all(weakness(each) is None for each in made)


def test_version_and_help_are_printed(shop_cli: Cli) -> None:
    assert __version__ in shop_cli("--version").stdout
    text = shop_cli("--help").stdout
    for command in (
        "serve",
        "check",
        "link",
        "verify",
        "nonce",
        "certs",
        "healthcheck",
    ):
        assert re.search(rf"^  {command} ", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["check", "grant", "import", "init", "new"])
def test_help_of_first_steps_shows_an_example(cli: Cli, name: str) -> None:
    text = cli(name, "--help").stdout
    assert re.search(rf"\n *Examples?:\n +msrv {name}\b", text)


@pytest.mark.parametrize("name", ["NONCE", "NONCE_PREVIOUS"])
def test_weak_nonce_is_rejected(shop_cli: Cli, name: str) -> None:
    result = shop_cli("link", "zine", **{name: "nightbus2026"})
    assert result.exit_code == 1
    assert f"{name} is weak" in result.output
    assert "msrv nonce" in result.output
    assert "nightbus2026" not in result.output


def test_allowed_weak_nonce_is_logged(
    shop_cli: Cli, caplog: pytest.LogCaptureFixture
) -> None:
    shop_cli("link", "zine", NONCE="changeme", MSRV_ALLOW_WEAK_NONCE="1")
    assert "NONCE is weak" in caplog.text
    assert "changeme" not in caplog.text


def test_certs_creates_a_certificate_that_containers_can_read(
    cli: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "certs"
    result = cli("certs", MSRV_CERTS=str(folder))
    assert result.exit_code == 0
    assert f"key          {folder / 'localhost.key'}\n" in result.stdout
    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in (folder, *folder.iterdir())
    }
    assert modes == {
        "certs": 0o700,
        "ca.crt": 0o644,
        "ca.key": 0o600,
        "localhost.crt": 0o644,
        "localhost.key": 0o644,
    }
    first = (folder / "localhost.crt").read_bytes()
    cli("certs", MSRV_CERTS=str(folder))
    assert (folder / "localhost.crt").read_bytes() == first


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("ledger", "status"),
        ("ledger", "upgrade"),
        ("studio", "--sign-out"),
        ("operators", "list"),
        ("tokens", "list"),
        ("revoke", "A" * 24),
        ("legal", "export", "A" * 24),
        ("oss",),
    ],
)
def test_data_folder_of_another_user_is_one_line(
    cli: Cli, library: Path, arguments: tuple[str, ...]
) -> None:
    cli(*arguments)  # imports what it needs, as a user who can read it
    with open_folder() as folder:
        shutil.copytree(library, folder / "library")
        data = folder / "store" / "data"
        data.mkdir(parents=True)
        (folder / "store").chmod(0o000)
        with without_rights():
            result = cli(
                *arguments,
                MSRV_DATA=str(data),
                MSRV_LIBRARY=str(folder / "library"),
            )
        (folder / "store").chmod(0o700)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    (line,) = [e for e in result.stderr.splitlines() if "Error:" in e]
    assert str(data) in line
    assert line.endswith("Permission denied; run this as the store's user")


def test_file_that_cannot_be_used_is_named_without_a_hint_of_the_user() -> (
    None
):
    with pytest.raises(ClickException) as caught, user_errors():
        raise OSError(28, "No space left on device", "/srv/a\nb")
    assert str(caught.value) == "/srv/a\\nb: No space left on device"
    with pytest.raises(OSError, match="of no file"), user_errors():
        raise OSError(5, "of no file")


def test_library_that_is_away_stops_only_what_reads_it(
    cli: Cli, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    cli.environ["MSRV_LIBRARY"] = str(gone)
    for arguments in (
        ("ledger", "upgrade"),
        ("ledger", "status"),
        ("revoke", "A" * 24),
        ("operators", "list"),
        ("studio", "--sign-out"),
        ("backup", "--output", str(tmp_path / "backup.tar.gz")),
        ("keys",),
    ):
        result = cli(*arguments)
        assert result.exit_code == 0, (arguments, result.output)
    restored = cli(
        *("restore", str(tmp_path / "backup.tar.gz")),
        MSRV_DATA=str(tmp_path / "restored"),
    )
    assert restored.exit_code == 0, restored.output
    for arguments in (
        ("serve",),
        ("check",),
        ("new", "An artist", "A title"),
        ("import", str(tmp_path)),
        ("link", "night-bus"),
        ("publish", "s3://bucket/store"),
    ):
        result = cli(*arguments)
        assert result.exit_code == 1, arguments
        assert f"MSRV_LIBRARY: {gone} is not a folder" in result.stderr
    checked = cli("doctor", MSRV_TLS="off")
    assert f"the library can't be read: {gone}" in checked.stdout

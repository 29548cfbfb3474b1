# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`init`: from five answers to a store that works."""

import json
import re
import stat
import tomllib
from pathlib import Path

import pytest

from msrv import settings
from msrv.cli.first_steps.environment_texts import StoreAddress, compose_text
from msrv.proofs.nonce_strength import weakness
from msrv.server import env_file
from tests.cli.first_steps.conftest import Newcomer


def environment(folder: Path) -> dict[str, str]:
    """Return the settings that `init` wrote."""
    found: dict[str, str] = {}
    env_file.apply(folder / "msrv.env", found)
    return found


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return the contents of all files in a folder, None for folders."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        if each.is_file()
        else None
        for each in sorted(folder.rglob("*"))
    }


def test_five_answers_make_a_store(newcomer: Newcomer) -> None:
    answers = 'The "Wet" Coats 🎸\nmy music\ngbp\nnone\nsimulated\n'
    result = newcomer("init", stdin=answers)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("[") == 5
    assert "msrv serve" in result.stdout.splitlines()[-1]
    library = newcomer.folder / "my music"
    store = tomllib.loads((library / "store.toml").read_text("utf-8"))
    assert store["name"] == 'The "Wet" Coats 🎸'
    assert store["currency"] == "GBP"
    assert environment(newcomer.folder) == {
        "MSRV_LIBRARY": str(library),
        "MSRV_DATA": str(newcomer.folder / "data"),
        "MSRV_CERTS": str(newcomer.folder / "certs"),
        "MSRV_DEMO_PAYMENTS": "1",
    }
    nonce = newcomer.folder / "data" / "nonce"
    assert weakness(nonce.read_text("utf-8").strip()) is None
    for path, mode in [
        (nonce, 0o600),
        (newcomer.folder / "msrv.env", 0o600),
        (library, 0o755),
        (library / "store.toml", 0o644),
    ]:
        assert stat.S_IMODE(path.stat().st_mode) == mode, path


def test_result_has_no_problem(newcomer: Newcomer) -> None:
    assert newcomer("init", "--yes").returncode == 0
    result = newcomer("check", "--json")
    assert result.returncode == 0
    printed = json.loads(result.stdout)
    assert printed["problems"] == []
    (item,) = printed["items"]
    assert item["title"] == "Hello"
    assert item["price_minor"] == 0


def test_init_writes_no_release_beside_others(newcomer: Newcomer) -> None:
    music = newcomer.folder / "music"
    (music / "Zine").mkdir(parents=True)
    (music / "Zine" / "zine.pdf").write_bytes(b"%PDF")
    assert newcomer("init", "--yes", "--library", "music").returncode == 0
    assert sorted(each.name for each in music.iterdir()) == [
        "Zine",
        "store.toml",
    ]


def test_wrong_answers_are_asked_again(newcomer: Newcomer) -> None:
    answers = "\n\neuros\nEUR\n127.0.0.1\nshop.example\nmoney\nfree\n"
    result = newcomer("init", stdin=answers)
    assert result.returncode == 0, result.stderr
    assert "'EUROS' is not an ISO 4217 currency code" in result.stderr
    assert "'127.0.0.1' is not a domain name" in result.stderr
    assert "must be one of free, stripe, simulated" in result.stderr
    assert environment(newcomer.folder)["MSRV_DOMAIN"] == "shop.example"


@pytest.mark.parametrize(
    ("flag", "value", "error"),
    [
        ("--name", " ", "--name: must not be empty"),
        ("--library", "", "--library: must not be empty"),
        ("--library", ".", "must not contain the folder of the settings"),
        ("--library", "..", "must not contain the folder of the settings"),
        ("--library", "/", "must not contain the folder of the settings"),
        ("--library", "data/x", "must not be in the data folder"),
        ("--library", "/dev/null", "/dev/null is not a folder"),
        ("--currency", "XXX", "--currency: 'XXX' is not an ISO 4217"),
        ("--domain", "localhost", "'localhost' is not a domain name"),
        ("--domain", "a b.example", "contains ' '"),
        ("--domain", "http://a/b", "--domain: must be a bare address"),
        ("--payments", "gold", "'gold' is not one of"),
        ("--library", "it's $5", "must not contain a ' together with"),
    ],
)
def test_wrong_flag_changes_nothing(
    newcomer: Newcomer, flag: str, value: str, error: str
) -> None:
    result = newcomer("init", "--yes", flag, value)
    assert result.returncode != 0
    assert error in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert tree(newcomer.folder) == {}


def test_without_answers_nothing_is_changed(newcomer: Newcomer) -> None:
    result = newcomer("init", stdin="Name\n")
    assert result.returncode == 1
    assert "there is nobody to answer" in result.stderr
    assert tree(newcomer.folder) == {}


def test_existing_files_are_named_and_kept(newcomer: Newcomer) -> None:
    (newcomer.folder / "msrv.env").write_text("MSRV_PORT=1\n")
    (newcomer.folder / "library").mkdir()
    (newcomer.folder / "library" / "store.toml").write_text('name = "A"\n')
    before = tree(newcomer.folder)
    result = newcomer("init", "--yes")
    assert result.returncode == 1
    assert "library/store.toml, " in result.stderr
    assert "msrv.env exist already; nothing was changed" in result.stderr
    assert tree(newcomer.folder) == before


@pytest.mark.parametrize("missing", ["msrv.env", "data/nonce"])
def test_interrupted_run_is_completed(
    newcomer: Newcomer, missing: str
) -> None:
    """Killed between two files: the same answers write the others."""
    assert newcomer("init", "--yes").returncode == 0
    before = tree(newcomer.folder)
    (newcomer.folder / missing).unlink()
    result = newcomer("init", "--yes", "--json")
    assert result.returncode == 0, result.stderr
    written = json.loads(result.stdout)["written"]
    assert written == [str(newcomer.folder / missing)]
    assert tree(newcomer.folder).keys() == before.keys()


def test_nonce_of_the_environment_is_used(newcomer: Newcomer) -> None:
    assert newcomer("init", "--yes", NONCE="any").returncode == 0
    assert not (newcomer.folder / "data" / "nonce").exists()


def test_json_and_another_folder(newcomer: Newcomer) -> None:
    into = newcomer.folder / "my shop"
    result = newcomer("init", "--yes", "--into", "my shop", "--json")
    printed = json.loads(result.stdout)
    assert printed["next"] == f"cd '{into}' && python -m msrv serve"
    assert printed["library"] == str(newcomer.folder / "library")
    assert (into / "msrv.env").exists()
    assert str(into / "data" / "nonce") in printed["written"]


def test_addresses_become_valid_settings(newcomer: Newcomer) -> None:
    for number, (answer, url) in enumerate(
        [
            ("https://Bücher.example", "https://xn--bcher-kva.example"),
            ("http://shop.example:8080/", "http://shop.example:8080"),
        ]
    ):
        into = f"{number}"
        result = newcomer(
            *("init", "--yes", "--into", into, "--library", f"music{into}"),
            *("--domain", answer),
        )
        assert result.returncode == 0, result.stderr
        found = settings.load(environment(newcomer.folder / into))
        assert found.public_url == url
        assert found.tls == "off"


def test_domain_is_all_that_https_needs(newcomer: Newcomer) -> None:
    result = newcomer("init", "--yes", "--domain", "Bücher.example")
    assert result.returncode == 0, result.stderr
    assert "https://xn--bcher-kva.example" in result.stdout
    written = environment(newcomer.folder)
    assert written["MSRV_DOMAIN"] == "xn--bcher-kva.example"
    found = settings.load(written)
    assert found.public_url == "https://xn--bcher-kva.example"
    assert found.listening_port == 443


def test_stripe_keys_are_lines_to_complete(newcomer: Newcomer) -> None:
    assert newcomer("init", "--yes", "--payments", "stripe").returncode == 0
    text = (newcomer.folder / "msrv.env").read_text("utf-8")
    assert "# MSRV_STRIPE_KEY=" in text
    settings.load(environment(newcomer.folder))


def test_compose_file_needs_no_other_file(newcomer: Newcomer) -> None:
    result = newcomer("init", "--yes", "--compose", "--library", 'a$b "c"')
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].endswith(
        "docker compose up --detach --wait"
    )
    text = (newcomer.folder / "compose.yaml").read_text("utf-8")
    source = re.search(r"^ +source: (.*)$", text, re.MULTILINE)
    assert source
    assert json.loads(source[1]) == './a$$b "c"'
    assert (newcomer.folder / 'a$b "c"').is_dir()
    assert not (newcomer.folder / "msrv.env").exists()
    assert not (newcomer.folder / "data").exists()
    assert "127.0.0.1:8000:8000" in text


def test_compose_file_of_a_domain_has_its_ports() -> None:
    text = compose_text(
        StoreAddress(domain="shop.example"),
        Path("/music"),
        Path("/shop"),
        "stripe",
    )
    assert 'source: "/music"' in text
    assert 'ports: ["80:80", "443:443"]' in text
    assert 'MSRV_DOMAIN: "shop.example"' in text
    assert "MSRV_TLS" not in text  # the image's entry point decides
    assert "MSRV_DEMO_PAYMENTS" not in text


def test_settings_file_of_another_folder(newcomer: Newcomer) -> None:
    assert newcomer("init", "--yes", "--into", "shop").returncode == 0
    result = newcomer("--env-file", "shop/msrv.env", "check")
    assert "Hello" in result.stdout
    result = newcomer("--env-file", "nowhere.env", "check")
    assert result.returncode == 1
    assert "can't read nowhere.env" in result.stderr

"""What docs/deployment.md has an operator type, typed."""

import json
import os
import re
import shutil
import ssl
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from msrv.tls import development_certificate
from tests.containers.buyer import Transfer
from tests.containers.conftest import Stack, all_ready
from tests.containers.engine import (
    NONCE,
    container,
    docker,
    inspected,
    succeeds,
    until,
)
from tests.containers.library import MIB
from tests.containers.test_database import sell_on_both, what_the_studio_shows
from tests.store_process import ROOT

MANUAL: Final = (ROOT / "docs" / "deployment.md").read_text("utf-8")
COMPOSE: Final = "docker compose -f docker-compose.prod.yml"
FOLLOWS_SECONDS: Final = 180


def commands(holding: str) -> str:
    """Give the one block of commands in the manual that holds a text."""
    blocks = re.findall(r"(?:^    .*\n)+", MANUAL, re.MULTILINE)
    (found,) = [each for each in blocks if holding in each]
    return str(found)


def fenced(language: str, holding: str) -> str:
    """Give the one listing in the manual that holds a text."""
    blocks = re.findall(f"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    (found,) = [each for each in blocks if holding in each]
    return str(found)


def follow(stack: Stack, typed: str, folder: Path) -> None:
    """Type commands in a folder, for this stack in place of `msrv`."""
    project = stack.project
    compose = f"docker compose -p {project.name} -f {project.file}"
    result = subprocess.run(
        ["bash", "-euc", typed.replace(COMPOSE, compose)],
        cwd=folder,
        env={**os.environ, **project.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=FOLLOWS_SECONDS,
    )
    assert result.returncode == 0, result.stdout


def served(stack: Stack) -> str:
    """Give the certificate that visitors see."""
    return ssl.get_server_certificate(("127.0.0.1", stack.https_port))


def test_a_certificate_is_renewed_and_no_download_cut(
    stack: Stack, tmp_path: Path
) -> None:
    """Every two months visitors are warned of the store, or cut off."""
    mounted = Path(stack.project.environ["MSRV_TLS_CERT"]).parent
    for name in ("ca.crt", "ca.key"):
        shutil.copy(mounted / name, tmp_path)
    renewed = development_certificate.load_or_create(
        tmp_path, datetime.now(UTC)
    )
    renewed.cert.rename(tmp_path / "fullchain.pem")
    renewed.key.rename(tmp_path / "privkey.pem")
    path = stack.buyer.buy("pack")["pack"]
    wanted = stack.buyer.ask(path).body
    before = served(stack)
    with closing(Transfer(stack.buyer, path)) as transfer:
        got = transfer.read(MIB)
        typed = commands("nginx -s reload").replace("certs/", f"{mounted}/")
        live = "/etc/letsencrypt/live/shop.example"
        follow(stack, typed.replace(live, str(tmp_path)), tmp_path)
        until(lambda: served(stack) != before, "the new one is shown")
        while data := transfer.read(MIB):
            got += data
    assert got == wanted
    chain = (tmp_path / "fullchain.pem").read_text("ascii")
    assert served(stack).strip() in chain
    assert stack.buyer.ask("/").status == 200


@pytest.mark.usefixtures("mended")
def test_what_was_backed_up_comes_back(stack: Stack, tmp_path: Path) -> None:
    """On the day that the disk dies, the books turn out to be empty."""
    kept = sell_on_both(stack)
    until(lambda: kept <= what_the_studio_shows(stack), "all are there")
    follow(stack, commands("mariadb-dump"), tmp_path)
    later = sell_on_both(stack)
    until(lambda: later <= what_the_studio_shows(stack), "these as well")
    follow(stack, commands("stop nginx app"), tmp_path)
    until(lambda: all_ready(stack.project), "all can sell", 60)
    until(lambda: kept <= what_the_studio_shows(stack), "they are back")
    assert not later & what_the_studio_shows(stack)
    link = stack.buyer.buy("short")["short"]
    assert stack.buyer.ask(link).body == b"short"


@pytest.mark.usefixtures("mended")
def test_passwords_of_the_database_are_changed(
    stack: Stack, tmp_path: Path
) -> None:
    """Who has left knows the passwords for ever, or a change ends sales."""
    folder = Path(stack.project.environ["MSRV_SECRETS"])
    before = {each.name: each.read_text("ascii") for each in folder.iterdir()}
    typed = commands("rm secrets/db_store").replace(" secrets/", f" {folder}/")
    typed = typed.replace("deploy/", f"{ROOT / 'deploy'}/")
    follow(stack, typed, tmp_path)
    changed = {
        each.name
        for each in folder.iterdir()
        if each.read_text("ascii") != before[each.name]
    }
    assert changed == {"db_store", "db_migrator"}
    sold = sell_on_both(stack)
    until(lambda: sold <= what_the_studio_shows(stack), "all are there")
    # The second half of an update, after what needs a registry.
    follow(stack, commands("--no-deps --wait nginx"), tmp_path)


def test_a_secrets_manager_is_asked_at_the_start(
    image: str, run_id: str, tmp_path: Path
) -> None:
    """The recipe for keeping the secret out of images loses it."""
    derived = f"{run_id}-derived"
    manager = (
        "#!/bin/sh\n"
        '[ "$*" = "read msrv/nonce" ] && [ -n "$TOKEN" ] || exit 7\n'
        f"echo '{NONCE}'\n"
    )
    recipe = fenced("dockerfile", "with-secret")
    for name, text in (
        ("with-secret", fenced("sh", "your-manager")),
        ("your-manager", manager),
        (
            "Dockerfile",
            recipe.replace("msrv:latest", image)
            + "COPY --chmod=0755 your-manager /usr/local/bin/\n",
        ),
    ):
        (tmp_path / name).write_text(text, "utf-8")
    docker("build", "--tag", derived, str(tmp_path))
    try:
        shown = docker("history", "--no-trunc", derived)
        assert NONCE not in shown + json.dumps(inspected(derived))
        with container(derived, "--env=TOKEN=x") as name:
            until(
                lambda: succeeds(
                    "exec", name, "msrv", "healthcheck", "--ready"
                ),
                "it can sell",
            )
            assert "NONCE" not in docker("logs", name)
            assert NONCE not in json.dumps(inspected(name))
            asked = docker("exec", name, "with-secret", "studio")
            assert re.search(r"/studio/enter/\S{40}", asked)
            assert "nonce" not in docker("exec", name, "ls", "/data")
        # A manager that refuses is no reason to begin with another secret.
        assert not succeeds("run", "--rm", derived)
    finally:
        docker("image", "rm", "--force", derived)

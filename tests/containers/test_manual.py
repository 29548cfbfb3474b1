# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands of docs/deployment.md, run as an operator runs them."""

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
    docker,
    inspect_object,
    run_container,
    succeeds,
    wait_until,
)
from tests.containers.library import MIB
from tests.containers.test_database import (
    sell_on_each_replica,
    studio_order_ids,
)
from tests.store_process import ROOT

MANUAL: Final = (ROOT / "docs" / "deployment.md").read_text("utf-8")
COMPOSE: Final = "docker compose -f docker-compose.prod.yml"
FOLLOWS_SECONDS: Final = 180


def find_commands(holding: str) -> str:
    """Return the only block of commands in the manual that contains a text."""
    blocks = re.findall(r"(?:^    .*\n)+", MANUAL, re.MULTILINE)
    (found,) = [each for each in blocks if holding in each]
    return str(found)


def find_listing(language: str, holding: str) -> str:
    """Return the only listing in the manual that contains a text."""
    blocks = re.findall(f"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    (found,) = [each for each in blocks if holding in each]
    return str(found)


def run_commands(stack: Stack, typed: str, folder: Path) -> None:
    """Run commands in a folder, for this stack in place of `msrv`."""
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


def served_certificate(stack: Stack) -> str:
    """Return the certificate that visitors get."""
    return ssl.get_server_certificate(("127.0.0.1", stack.https_port))


def test_certificate_renewal_interrupts_no_download(
    stack: Stack, tmp_path: Path
) -> None:
    mounted = Path(stack.project.environ["MSRV_TLS_CERT"]).parent
    for name in ("ca.crt", "ca.key"):
        shutil.copy(mounted / name, tmp_path)
    renewed = development_certificate.load_or_create(
        tmp_path, datetime.now(UTC)
    )
    renewed.cert.rename(tmp_path / "fullchain.pem")
    renewed.key.rename(tmp_path / "privkey.pem")
    path = stack.buyer.buy("pack")["pack"]
    wanted = stack.buyer.request(path).body
    before = served_certificate(stack)
    with closing(Transfer(stack.buyer, path)) as transfer:
        got = transfer.read(MIB)
        typed = find_commands("nginx -s reload").replace(
            "certs/", f"{mounted}/"
        )
        live = "/etc/letsencrypt/live/shop.example"
        run_commands(stack, typed.replace(live, str(tmp_path)), tmp_path)
        wait_until(
            lambda: served_certificate(stack) != before,
            "the new one is served",
        )
        while data := transfer.read(MIB):
            got += data
    assert got == wanted
    chain = (tmp_path / "fullchain.pem").read_text("ascii")
    assert served_certificate(stack).strip() in chain
    assert stack.buyer.request("/").status == 200


@pytest.mark.usefixtures("restored_stack")
def test_backup_can_be_restored(stack: Stack, tmp_path: Path) -> None:
    earlier = sell_on_each_replica(stack)
    wait_until(
        lambda: earlier <= studio_order_ids(stack),
        "the studio lists all orders",
    )
    run_commands(stack, find_commands("msrv backup"), tmp_path)
    later = sell_on_each_replica(stack)
    wait_until(
        lambda: later <= studio_order_ids(stack), "the later ones as well"
    )
    run_commands(stack, find_commands("down --volumes"), tmp_path)
    run_commands(stack, find_commands("app restore"), tmp_path)
    wait_until(lambda: all_ready(stack.project), "all replicas can sell", 60)
    wait_until(
        lambda: earlier <= studio_order_ids(stack), "the orders are restored"
    )
    assert not later & studio_order_ids(stack)
    link = stack.buyer.buy("short")["short"]
    assert stack.buyer.request(link).body == b"short"


@pytest.mark.usefixtures("restored_stack")
def test_database_passwords_can_be_changed(
    stack: Stack, tmp_path: Path
) -> None:
    folder = Path(stack.project.environ["MSRV_SECRETS"])
    before = {each.name: each.read_text("ascii") for each in folder.iterdir()}
    typed = find_commands("rm secrets/db_store").replace(
        " secrets/", f" {folder}/"
    )
    typed = typed.replace("deploy/", f"{ROOT / 'deploy'}/")
    run_commands(stack, typed, tmp_path)
    changed = {
        each.name
        for each in folder.iterdir()
        if each.read_text("ascii") != before[each.name]
    }
    assert changed == {"db_store", "db_migrator"}
    sold = sell_on_each_replica(stack)
    wait_until(
        lambda: sold <= studio_order_ids(stack), "the studio lists all orders"
    )
    # The second half of an update; the first needs a registry.
    run_commands(stack, find_commands("--no-deps --wait nginx"), tmp_path)


def test_secret_is_read_from_a_secrets_manager_at_start(
    image: str, run_id: str, tmp_path: Path
) -> None:
    derived = f"{run_id}-derived"
    manager = (
        "#!/bin/sh\n"
        '[ "$*" = "read msrv/nonce" ] && [ -n "$TOKEN" ] || exit 7\n'
        f"echo '{NONCE}'\n"
    )
    recipe = find_listing("dockerfile", "with-secret")
    for name, text in (
        ("with-secret", find_listing("sh", "your-manager")),
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
        assert NONCE not in shown + json.dumps(inspect_object(derived))
        with run_container(derived, "--env=TOKEN=x") as name:
            wait_until(
                lambda: succeeds(
                    "exec", name, "msrv", "healthcheck", "--ready"
                ),
                "the store can sell",
            )
            assert "NONCE" not in docker("logs", name)
            assert NONCE not in json.dumps(inspect_object(name))
            output = docker("exec", name, "with-secret", "studio")
            assert re.search(r"/studio/enter/\S{40}", output)
            assert "nonce" not in docker("exec", name, "ls", "/data")
        # If the manager refuses, the store doesn't start with another secret.
        assert not succeeds("run", "--rm", derived)
    finally:
        docker("image", "rm", "--force", derived)

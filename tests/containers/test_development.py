# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Development stack, as `docker compose up` starts it."""

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.buyer import Buyer
from tests.containers.engine import Project, docker, wait_until
from tests.store_process import ROOT, free_port

ORDINARY_USER = 4321


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fresh clone, owned by an ordinary user if root runs the tests."""
    folder = tmp_path_factory.mktemp("development") / "msrv"
    named = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    for name in filter(None, named):
        source, path = ROOT / os.fsdecode(name), folder / os.fsdecode(name)
        if source.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, path)
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, ORDINARY_USER, ORDINARY_USER)
    return folder


@pytest.fixture(scope="module")
def development(
    image: str, run_id: str, checkout: Path
) -> Iterator[tuple[Project, Buyer]]:
    """Development stack on that clone, and a buyer."""
    port = free_port()
    project = Project(
        checkout / "docker-compose.yml",
        f"{run_id}-dev",
        {"MSRV_DEV_PORT": str(port), "MSRV_DEV_IMAGE": image},
    )
    try:
        project.up("--no-build")
        ca = checkout / "certs" / "ca.crt"
        buyer = Buyer(port, ssl.create_default_context(cafile=ca))
        wait_until(buyer.is_ready, "the store can sell")
        yield project, buyer
    finally:
        project.down()


STATUSES = """
for each in /proc/[0-9]*; do
    if grep -qa "serv[e]" "$each/cmdline" && ! grep -q "init$" "$each/comm"
    then cat "$each/status"; fi
done
"""
"""Script that prints the store's /proc/*/status, but not that of init."""


def test_created_files_belong_to_the_owner_of_the_checkout(
    development: tuple[Project, Buyer], checkout: Path
) -> None:
    project, _ = development
    owner = checkout.stat().st_uid
    made = {path.name: path.stat() for path in (checkout / "certs").iterdir()}
    assert {"ca.crt", "ca.key", "localhost.crt", "localhost.key"} < set(made)
    assert {each.st_uid for each in made.values()} == {owner}
    assert {each.st_gid for each in made.values()} == {checkout.stat().st_gid}
    # The store's processes have no privilege of root left.
    output = docker("exec", project.containers("app")[0], "sh", "-c", STATUSES)
    found = [line.split() for line in output.splitlines()]
    owners = [ids for name, *ids in found if name == "Uid:"]
    powers = [each for name, *each in found if name == "CapEff:"]
    assert owners
    assert owners == [[str(owner)] * 4] * len(owners)
    assert powers == [["0" * 16]] * len(owners) or owner == 0
    # The source is mounted read-only, and unchanged.
    assert not list((checkout / "msrv").rglob("__pycache__"))


@pytest.mark.parametrize(
    ("file", "before", "after", "path"),
    [
        ("web/shop/operations.py", "forgiveness", "pardon", "/-/edge"),
        ("web/templates/front.html", "{% block main %}",
         "{% block main %}<i>edited</i>", "/"),
        ("web/static/store.css", ":root", ":root/**/", "/static/store.css"),
    ],
)  # fmt: skip
def test_edit_takes_effect_without_a_restart(
    development: tuple[Project, Buyer],
    checkout: Path,
    file: str,
    before: str,
    after: str,
    path: str,
) -> None:
    project, buyer = development
    started = docker("inspect", "-f", "{{.State.StartedAt}}",
                     project.containers("app")[0])  # fmt: skip
    edited = checkout / "msrv" / file
    text = edited.read_text("utf-8")
    assert before in text
    first = buyer.request(path).body

    def shows() -> bool:
        try:
            return buyer.request(path).body != first
        except OSError:
            return False  # the old process has exited, the new one starts

    edited.write_text(text.replace(before, after), "utf-8")
    # The delay depends on the load of the machine.
    wait_until(shows, "the edit is served")
    assert (
        docker("inspect", "-f", "{{.State.StartedAt}}",
               project.containers("app")[0]) == started
    )  # fmt: skip


def test_development_port_is_open_to_this_machine_only(
    development: tuple[Project, Buyer],
) -> None:
    project, _ = development
    assert project("port", "app", "8443").startswith("127.0.0.1:")

"""`docker compose up`: what a developer sees."""

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.buyer import Buyer
from tests.containers.engine import Project, docker, until
from tests.store_process import ROOT, free_port

SOMEBODY = 4321


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone that belongs to somebody, not root where root tests."""
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
            os.chown(path, SOMEBODY, SOMEBODY)
    return folder


@pytest.fixture(scope="module")
def development(
    image: str, run_id: str, checkout: Path
) -> Iterator[tuple[Project, Buyer]]:
    """The development stack on that clone, and a visitor."""
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
        until(buyer.is_ready, "it can sell")
        yield project, buyer
    finally:
        project.down()


STATUSES = """
for each in /proc/[0-9]*; do
    if grep -qa "serv[e]" "$each/cmdline" && ! grep -q "init$" "$each/comm"
    then cat "$each/status"; fi
done
"""
"""What the kernel says of the store's processes, past the container's init."""


def test_files_on_the_host_belong_to_whoever_has_the_checkout(
    development: tuple[Project, Buyer], checkout: Path
) -> None:
    """A developer needs root to remove a certificate."""
    project, _ = development
    owner = checkout.stat().st_uid
    made = {path.name: path.stat() for path in (checkout / "certs").iterdir()}
    assert {"ca.crt", "ca.key", "localhost.crt", "localhost.key"} < set(made)
    assert {each.st_uid for each in made.values()} == {owner}
    assert {each.st_gid for each in made.values()} == {checkout.stat().st_gid}
    # And the store's processes have nothing left of root.
    said = docker("exec", project.containers("app")[0], "sh", "-c", STATUSES)
    found = [line.split() for line in said.splitlines()]
    owners = [ids for name, *ids in found if name == "Uid:"]
    powers = [each for name, *each in found if name == "CapEff:"]
    assert owners
    assert owners == [[str(owner)] * 4] * len(owners)
    assert powers == [["0" * 16]] * len(owners) or owner == 0
    # Nothing was left in the source, which is read-only.
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
def test_an_edit_shows_at_once(
    development: tuple[Project, Buyer],
    checkout: Path,
    file: str,
    before: str,
    after: str,
    path: str,
) -> None:
    """Every change costs a build, or a restart."""
    project, buyer = development
    started = docker("inspect", "-f", "{{.State.StartedAt}}",
                     project.containers("app")[0])  # fmt: skip
    edited = checkout / "msrv" / file
    text = edited.read_text("utf-8")
    assert before in text
    first = buyer.ask(path).body

    def shows() -> bool:
        try:
            return buyer.ask(path).body != first
        except OSError:
            return False  # between two processes

    edited.write_text(text.replace(before, after), "utf-8")
    # How soon depends on what else the machine does.
    until(shows, "the edit")
    assert (
        docker("inspect", "-f", "{{.State.StartedAt}}",
               project.containers("app")[0]) == started
    )  # fmt: skip


def test_it_is_for_this_machine_alone(
    development: tuple[Project, Buyer],
) -> None:
    """The neighbours shop with pretend money."""
    project, _ = development
    assert project("port", "app", "8443").startswith("127.0.0.1:")

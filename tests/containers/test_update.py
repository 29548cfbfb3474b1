# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Update of a running stack to newer base images: deploy/update.sh."""

import os
import re
import shutil
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.containers import library
from tests.containers.buyer import Buyer
from tests.containers.conftest import all_ready, create_production
from tests.containers.deployer.engine_programs import Registry
from tests.containers.engine import (
    Project,
    docker,
    inspect_object,
    wait_until,
)
from tests.containers.test_pinning import IMAGES, parse_images, tag_of
from tests.store_process import ROOT

pytestmark = pytest.mark.containers

UPDATE_SECONDS: Final = 900
TREE: Final = ("Dockerfile", "docker-compose.prod.yml", "deploy")
COPIED: Final = re.compile(
    r"^COPY (?!--from)(?:--\S+ )?(\w\S*) ", re.MULTILINE
)
MARK: Final = "/usr/share/msrv-test-version"


@dataclass(frozen=True, slots=True)
class Checkout:
    """Copy of this tree with a running stack of its own."""

    folder: Path
    project: Project
    images: dict[str, str]
    """The references in its `deploy/images.env`, by their names."""

    @property
    def buyer(self) -> Buyer:
        """Buyer that trusts the stack's certificate."""
        environ = self.project.environ
        ca = Path(environ["MSRV_TLS_CERT"]).with_name("ca.crt")
        return Buyer(
            int(environ["EDGE_HTTPS_PORT"]),
            ssl.create_default_context(cafile=ca),
        )

    def run(self, script: str) -> "subprocess.CompletedProcess[str]":
        """Run a script of the checkout, as an operator does."""
        return subprocess.run(
            [self.folder / script],
            cwd="/",
            env={
                **os.environ,
                **self.project.environ,
                "COMPOSE_PROJECT_NAME": self.project.name,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=UPDATE_SECONDS,
        )

    def write_images(self) -> None:
        """Write the references into `deploy/images.env`."""
        (self.folder / "deploy" / "images.env").write_text(
            "".join(f"{name}={ref}\n" for name, ref in self.images.items()),
            "utf-8",
        )

    def pinned(self) -> dict[str, str]:
        """Return the references in `.env`."""
        return parse_images((self.folder / ".env").read_text("utf-8"))

    def containers(self) -> list[str]:
        """Return the ids of all containers."""
        return [
            each
            for service in ("app", "nginx", "db")
            for each in self.project.containers(service)
        ]

    def base_version(self, service: str) -> set[str]:
        """Return the version of the base image of a service's containers."""
        return {
            docker("exec", each, "cat", MARK).strip()
            for each in self.project.containers(service)
        }


def push_bases(images: dict[str, str], version: str) -> None:
    """Push images with a version, by the same tags, and keep none here."""
    for name, reference in images.items():
        base = tag_of(parse_images(IMAGES.read_text("utf-8"))[name])
        user = inspect_object(base)["Config"]["User"] or "0"
        subprocess.run(
            ["docker", "build", "--quiet", f"--tag={reference}", "-"],
            input=(
                f"FROM {base}\nUSER 0\nRUN echo {version} >{MARK}\n"
                f"USER {user}\n"
            ),
            text=True,
            check=True,
            capture_output=True,
            timeout=UPDATE_SECONDS,
        )
        docker("push", "--quiet", reference)
        docker("image", "rm", reference)


@pytest.fixture(scope="module")
def checkout(
    registry: Registry,
    engine: None,  # noqa: ARG001
    run_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Checkout]:
    """Stack that was built of the first version of its base images."""
    folder = tmp_path_factory.mktemp("checkout")
    copied = COPIED.findall((ROOT / "Dockerfile").read_text("utf-8"))
    parts = {each.partition("/")[0] for each in copied}
    for name in parts | set(TREE):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder / name)
    project = create_production(
        folder / "docker-compose.prod.yml",
        f"{run_id}-update",
        f"{run_id}-updated:latest",
        folder,
    )
    library.create_library(folder / "library")
    place = f"{registry.host}/{uuid.uuid4().hex[:8]}"
    found = Checkout(
        folder,
        project,
        {
            "PYTHON_IMAGE": f"{place}/python:3.13",
            "NGINX_IMAGE": f"{place}/nginx:1.30",
            "MARIADB_IMAGE": f"{place}/mariadb:11.8",
        },
    )
    found.write_images()
    push_bases(found.images, "first")
    try:
        result = found.run("deploy/pin-images.sh")
        assert result.returncode == 0, result.stdout
        project("build", "--pull", "app")
        project.up()
        assert all_ready(project)
        yield found
    finally:
        project.down()
        docker("image", "rm", "--force", project.environ["MSRV_IMAGE"])
        for pinned in found.pinned().values():
            docker("image", "rm", "--force", pinned, check=False)


def test_failed_update_changes_nothing(checkout: Checkout) -> None:
    before, pinned = checkout.containers(), checkout.pinned()
    reference = checkout.images["MARIADB_IMAGE"]
    checkout.images["MARIADB_IMAGE"] = f"{reference}-none"
    checkout.write_images()
    result = checkout.run("deploy/update.sh")
    checkout.images["MARIADB_IMAGE"] = reference
    checkout.write_images()
    assert result.returncode == 1
    assert "deploy/update.sh: failed: deploy/pin-images.sh" in result.stdout
    assert (checkout.containers(), checkout.pinned()) == (before, pinned)
    assert checkout.buyer.is_ready()


def test_update_moves_every_service_to_its_new_image(
    checkout: Checkout,
) -> None:
    link = checkout.buyer.buy("short")["short"]
    before, pinned = checkout.containers(), checkout.pinned()
    assert {
        each
        for s in ("app", "nginx", "db")
        for each in checkout.base_version(s)
    } == {"first"}
    push_bases(checkout.images, "second")
    result = checkout.run("deploy/update.sh")
    assert result.returncode == 0, result.stdout
    assert result.stdout.endswith("Updated.\n")
    for service in ("app", "nginx", "db"):
        assert checkout.base_version(service) == {"second"}
    assert not set(checkout.containers()) & set(before)
    wait_until(checkout.buyer.is_ready, "the store can sell")
    # What was sold before, what is sold now, and both in the ledger.
    assert checkout.buyer.request(link).body == b"short"
    again = checkout.buyer.buy("short")["short"]
    assert checkout.buyer.request(again).body == b"short"
    wait_until(
        lambda: (
            re.search(
                r"^orders +2$",
                checkout.project("exec", "app", "msrv", "ledger", "status"),
                re.MULTILINE,
            )
            is not None
        ),
        "the ledger has both orders",
    )
    for name, reference in checkout.pinned().items():
        assert tag_of(reference) == checkout.images[name]
        assert reference != pinned[name]
    dates = re.findall(
        r"^# pinned (\S+)$",
        (checkout.folder / ".env").read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(dates) == 1
    pinned_on = datetime.strptime(dates[0], "%Y-%m-%d").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - pinned_on).days) <= 1

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store in one container, as the manual's first section starts it."""

import http.client
import re
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from msrv import __version__
from tests.containers.buyer import TIMEOUT_SECONDS, Buyer
from tests.containers.engine import (
    IMAGE_USER,
    docker,
    inspect_object,
    wait_until,
)
from tests.containers.test_manual import (
    MANUAL,
    find_commands,
    find_listing,
)
from tests.store_process import connect, free_port

pytestmark = pytest.mark.containers

DOMAIN: Final = "shop.example"
NOWHERE: Final = "https://127.0.0.1:9/directory"
"""Authority that no connection reaches: the network stays on this machine."""


@dataclass(frozen=True, slots=True)
class Visitor(Buyer):
    """Buyer who looks the domain up, and reaches this machine's port."""

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection to the published port, for the domain."""
        found = http.client.HTTPSConnection(DOMAIN, timeout=TIMEOUT_SECONDS)
        plain = connect(self.port)
        assert self.tls
        found.sock = self.tls.wrap_socket(plain, server_hostname=DOMAIN)
        return found


def placeholder() -> ssl.SSLContext:
    """Return a context that accepts the certificate of before the first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def sell(port: int) -> None:
    """Buy and download something."""
    buyer = Visitor(port, placeholder())
    wait_until(buyer.is_ready, "the store can sell")
    link = buyer.buy("free")["free"]
    assert buyer.request(link).body == b"for nothing"


def assert_confined(container: str) -> None:
    """Assert that a container has every restriction of the image's."""
    found = inspect_object(container)
    host = found["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    (option,) = host["SecurityOpt"]
    assert option.startswith("no-new-privileges")
    assert host["Init"]
    assert host["Tmpfs"] == {"/tmp": ""}  # noqa: S108
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert found["Config"]["StopTimeout"] == 75
    assert found["Config"]["User"] == f"{IMAGE_USER}:{IMAGE_USER}"
    (bind,) = [each for each in found["Mounts"] if each["Type"] == "bind"]
    assert (bind["Destination"], bind["RW"]) == ("/library", False)


def redirects(port: int) -> bool:
    """Return whether plain HTTP redirects to HTTPS."""
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    plain.request("GET", "/catalog?q=x", headers={"Host": DOMAIN})
    response = plain.getresponse()
    response.read()
    plain.close()
    location = response.getheader("Location")
    return (response.status, location) == (
        308,
        f"https://{DOMAIN}/catalog?q=x",
    )


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Library with something that costs nothing."""
    root = tmp_path / "music"
    (root / "Gift").mkdir(parents=True)
    (root / "Gift" / "gift.bin").write_bytes(b"for nothing")
    (root / "Gift" / "release.toml").write_text(
        'id = "gift"\n[items."gift.bin"]\nid = "free"\nprice = "0"\n', "utf-8"
    )
    return root


def test_manual_names_this_version() -> None:
    assert set(re.findall(r"msrv:(\d[\w.]*)", MANUAL)) == {__version__}
    assert f"#v{__version__}" in MANUAL


def test_first_listing_of_the_manual_is_a_whole_store(
    image: str, run_id: str, music: Path, tmp_path: Path
) -> None:
    """It starts in an empty folder, and sells over HTTPS."""
    text = find_listing("yaml", "MSRV_DOMAIN")
    assert MANUAL.index("```") == MANUAL.index(f"```yaml\n{text}")
    http_port, https_port = free_port(), free_port()
    for name, value in (
        (f"msrv:{__version__}", image),
        ("/srv/music", str(music)),
        ("80:80", f"127.0.0.1:{http_port}:80"),
        ("443:443", f"127.0.0.1:{https_port}:443"),
        (
            f"MSRV_DOMAIN: {DOMAIN}",
            f"MSRV_DOMAIN: {DOMAIN}\n      MSRV_ACME_DIRECTORY: {NOWHERE}",
        ),
    ):
        assert text.count(name) == 1
        text = text.replace(name, value)
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "compose.yaml").write_text(text, "utf-8")

    def run(typed: str) -> str:
        named = typed.replace("compose", f"compose -p {run_id}-alone", 1)
        result = subprocess.run(
            ["bash", "-euc", named],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        assert result.returncode == 0, result.stdout
        return result.stdout

    try:
        try:
            run("docker compose up --detach --wait")
        except AssertionError as error:
            raise AssertionError(run("docker compose logs")) from error
        sell(https_port)
        assert redirects(http_port)
        assert_confined(run("docker compose ps --quiet store").strip())
        nonce = run(find_commands("exec store cat /data/nonce"))
        assert len(nonce.strip()) > 40
        assert "1 item, 0 problems" in run(
            "docker compose exec -T store msrv check"
        )
        assert f"https://{DOMAIN}/studio/enter/" in run(
            "docker compose exec -T store msrv studio"
        )
        # Cron's lines in docs/backup.md; both know the same folder.
        assert "/data/backups/msrv-backup-" in run(
            "docker compose exec -T store msrv backup"
        )
        assert "1 of 1 receipt opens" in run(
            "docker compose exec -T store msrv drill"
        )
        # An update, or a restart of the server, keeps the secret.
        run("docker compose up --detach --wait --force-recreate")
        assert run("docker compose exec store cat /data/nonce") == nonce
        sell(https_port)
    finally:
        run("docker compose down --volumes --timeout 5")


def test_one_command_runs_the_same_store(
    image: str, run_id: str, music: Path
) -> None:
    typed = find_commands("--publish 443:443")
    http_port, https_port = free_port(), free_port()
    name, volume = f"{run_id}-command", f"{run_id}-command-data"
    for documented, value in (
        (f"msrv:{__version__}", image),
        ("/srv/music", str(music)),
        ("80:80", f"127.0.0.1:{http_port}:80"),
        ("443:443", f"127.0.0.1:{https_port}:443"),
        ("--name store", f"--name {name} --env MSRV_ACME_DIRECTORY={NOWHERE}"),
        ("--volume data:", f"--volume {volume}:"),
    ):
        assert typed.count(documented) == 1
        typed = typed.replace(documented, value)
    try:
        subprocess.run(["bash", "-euc", typed], check=True, timeout=120)
        sell(https_port)
        assert redirects(http_port)
        assert_confined(name)
    finally:
        docker("rm", "--force", name)
        docker("volume", "rm", "--force", volume)

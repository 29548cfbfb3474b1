# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store on a machine with systemd, installed as docs/operations.md says."""

import re
import resource
from collections.abc import Iterator
from typing import Final

import pytest

from tests.containers.engine import wait_until
from tests.store_process import ROOT
from tests.systemd.installed_service import (
    Service,
    find_service,
    find_step,
    prepare,
    use_development_certificate,
)
from tests.systemd.machine import Machine

TRACK: Final = "Lost Property - Items May Have Shifted/01 Departure.mp3"


@pytest.fixture(scope="module")
def service(machine: Machine) -> Iterator[Service]:
    """Service that the manual's commands have installed."""
    prepare(machine, "")
    use_development_certificate(machine)
    machine.sh(find_step("Start it"))
    yield find_service(machine)
    machine.run("systemctl", "stop", "msrv")


def test_store_sells_and_previews(service: Service) -> None:
    buyer = service.buyer
    (release,) = [
        each
        for each in buyer.request_json("/catalog")["releases"]
        if each["title"] == "Items May Have Shifted"
    ]
    item = release["items"][0]["item_id"]
    link = buyer.buy(item)[item]
    wanted = (ROOT / "msrv" / "demo" / TRACK).read_bytes()
    assert buyer.request(link).body == wanted
    part = buyer.request(link, {"Range": "bytes=100-199"})
    assert (part.status, part.body) == (206, wanted[100:200])
    preview = buyer.request(f"/previews/{item}")
    assert (preview.status, preview.headers["content-type"]) == (
        200,
        "audio/mpeg",
    )
    assert len(preview.body) > 10_000
    zipped = buyer.buy(release["item_id"])[release["item_id"]]
    assert buyer.request(zipped).body[:2] == b"PK"
    assert "parsers run in a process without secrets, files or network" in (
        service.machine.journal()
    )


def test_store_runs_as_a_user_with_one_capability(service: Service) -> None:
    machine = service.machine
    process = machine.property("MainPID")
    status = dict(
        line.split(":\t", 1)
        for line in machine.run(
            "cat", f"/proc/{process}/status"
        ).stdout.splitlines()
        if ":\t" in line
    )
    assert "0" not in status["Uid"].split()
    assert "0" not in status["Gid"].split()
    bind_service = 1 << 10
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == bind_service
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    # Without CAP_SYS_RESOURCE, systemd can't raise its own hard limit.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limits = machine.run("cat", f"/proc/{process}/limits").stdout
    found = re.search(r"Max open files +(\d+)", limits)
    assert found
    assert int(found[1]) == (
        65536 if hard == resource.RLIM_INFINITY else min(65536, hard)
    )


def test_secret_is_in_no_environment(service: Service) -> None:
    machine = service.machine
    nonce = machine.run("cat", "/etc/msrv/nonce").stdout.strip()
    process = machine.property("MainPID")
    environ = machine.run("cat", f"/proc/{process}/environ").stdout
    assert "NONCE_FILE=/run/credentials/msrv.service/nonce" in environ
    shown = machine.run("systemctl", "show", "msrv").stdout
    assert nonce not in environ + shown + machine.journal()


def test_data_is_private_to_the_service(service: Service) -> None:
    listed = service.machine.sh(
        "stat -c '%a %U' /var/lib/private/msrv/ledger.sqlite3 "
        "/var/lib/private/msrv"
    ).split("\n")
    owner = service.machine.run(
        "stat", "-c", "%U", "/var/lib/private/msrv"
    ).stdout.strip()
    assert listed[:2] == [f"600 {owner}", f"700 {owner}"]
    assert owner != "root"


def test_killed_store_is_started_again(service: Service) -> None:
    machine, buyer = service
    item = buyer.catalog_ids()[-1]
    link = buyer.buy(item)[item]
    wanted = buyer.request(link).body
    before = machine.property("MainPID")
    machine.run("kill", "-KILL", before)
    wait_until(
        lambda: machine.property("MainPID") not in {before, "0"},
        "the store runs again",
    )
    service.wait_until_ready()
    assert buyer.request(link).body == wanted


def test_store_stops_without_an_error(service: Service) -> None:
    machine = service.machine
    machine.run("systemctl", "stop", "msrv")
    assert machine.property("Result") == "success"
    assert machine.property("ExecMainStatus") == "0"
    machine.run("systemctl", "start", "msrv")
    service.wait_until_ready()


def test_start_fails_if_the_store_cannot_start(service: Service) -> None:
    """The command says so at once, and the journal why."""
    machine = service.machine
    text = machine.run("cat", "/etc/msrv/msrv.env").stdout
    machine.write("/etc/msrv/msrv.env", f"{text}MSRV_LINK_HOURS=none\n")
    failed = machine.run("systemctl", "restart", "msrv", check=False)
    machine.write("/etc/msrv/msrv.env", text)
    machine.run("systemctl", "restart", "msrv")
    assert failed.returncode != 0
    assert "Error: MSRV_LINK_HOURS" in machine.journal()
    service.wait_until_ready()


def test_commands_run_as_the_service(service: Service) -> None:
    """Commands of msrv-run see the store's data, and leave it to the store."""
    machine, buyer = service
    buyer.buy(buyer.catalog_ids()[-1])
    # It may take a moment until the sale is in the database.
    wait_until(
        lambda: (
            re.search(
                r"^orders +[1-9]",
                machine.run("msrv-run", "ledger", "status").stdout,
                re.MULTILINE,
            )
            is not None
        ),
        "the ledger has an order",
    )
    link = re.match(
        r"https://localhost(/studio/enter/\S+)",
        machine.run("msrv-run", "studio").stdout,
    )
    assert link
    assert buyer.request(link[1]).status == 200
    owners = machine.sh("find /var/lib/private/msrv -printf '%U\n' | sort -u")
    assert len(owners.split()) == 1
    assert owners.split() != ["0"]


def test_commands_have_secrets_and_settings_of_drop_ins(
    service: Service,
) -> None:
    machine = service.machine
    folder = "/etc/systemd/system/msrv.service.d"
    machine.write("/etc/msrv/database", "mysql://u:secret@127.0.0.1:9/shop")
    machine.run("chmod", "600", "/etc/msrv/database")
    machine.run("mkdir", "-p", folder)
    machine.write(
        f"{folder}/database.conf",
        "# A comment.\n[Unit]\nDescription=changed\n[Service]\n"
        "LoadCredential=database:/etc/msrv/database\n"
        "Environment=MSRV_LINK_HOURS=1 \\\n"
        "    MSRV_DATABASE_FILE=%d/database\n",
    )
    machine.run("systemctl", "daemon-reload")
    shown = machine.run("msrv-run", "ledger", "status", check=False).stdout
    machine.run("rm", "-r", folder)
    machine.run("systemctl", "daemon-reload")
    assert "shop on 127.0.0.1" in shown
    assert "secret" not in shown


def test_failed_command_has_its_own_exit_status(service: Service) -> None:
    result = service.machine.run("msrv-run", "no-such-command", check=False)
    assert result.returncode == 2
    assert "no-such-command" in result.stdout

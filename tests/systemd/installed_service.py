# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Service that is installed by the commands of docs/operations.md."""

import re
import ssl
import textwrap
from typing import Final, NamedTuple

from tests.containers.engine import wait_until
from tests.store_process import ROOT
from tests.systemd.machine import Machine, MachineBuyer

MANUAL: Final = (ROOT / "docs" / "operations.md").read_text("utf-8")
DOMAIN: Final = "shop.example"
SIMULATED: Final = "MSRV_DEMO_PAYMENTS=1\nMSRV_SETTLE_SECONDS=0\n"
_CA: Final = "/var/lib/private/msrv/certs/ca.crt"


def find_commands(holding: str) -> str:
    """Return the only block of commands on services that contains a text."""
    section = MANUAL.partition("### As a service")[2].partition("\n### ")[0]
    blocks = re.findall(r"(?:^ {4,}.*\n)+", section, re.MULTILINE)
    (found,) = [each for each in blocks if holding in each]
    return textwrap.dedent(found)


def find_step(starting: str) -> str:
    """Return the commands of the numbered step that starts with a text."""
    (found,) = re.findall(
        rf"^\d\. {starting}.*\n\n((?: {{7}}.*\n)+)", MANUAL, re.MULTILINE
    )
    return textwrap.dedent(found)


class Service(NamedTuple):
    """Running service, and a buyer of its store."""

    machine: Machine
    buyer: MachineBuyer

    def wait_until_ready(self) -> None:
        """Wait until the store can sell."""
        wait_until(self.buyer.is_ready, "the store can sell")


def prepare(machine: Machine, settings: str) -> None:
    """Create the secret and the settings; `settings` are further lines."""
    machine.sh(find_commands("nonce | install"))
    machine.sh(find_commands("/etc/msrv/msrv.env"))
    text = machine.run("cat", "/etc/msrv/msrv.env").stdout
    machine.write("/etc/msrv/msrv.env", text + SIMULATED + settings)
    machine.sh(find_commands("msrv-run studio").splitlines()[0])


def use_development_certificate(machine: Machine) -> None:
    """Serve https://localhost, instead of a domain."""
    machine.sh(
        f"sed -i -e '/{DOMAIN}/d' -e '$aMSRV_PUBLIC_URL=https://localhost'"
        " /etc/msrv/msrv.env"
    )


def find_service(machine: Machine) -> Service:
    """Return the service with its development certificate, once it sells."""
    wait_until(
        lambda: not machine.run("test", "-s", _CA, check=False).returncode,
        "the certificate exists",
    )
    tls = ssl.create_default_context(cadata=machine.run("cat", _CA).stdout)
    found = Service(machine, MachineBuyer(443, tls, machine=machine))
    found.wait_until_ready()
    return found

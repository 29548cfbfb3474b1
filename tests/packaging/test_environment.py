# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The wheel in an empty environment, without the repository.

Each test runs on every supported Python that is installed.
"""

import hashlib
import re
from pathlib import Path

import pytest

from msrv import __version__
from tests.containers.buyer import Buyer
from tests.containers.engine import wait_until
from tests.packaging.conftest import Environment
from tests.store_process import launch_program

EXTRAS = {
    "acme": ("MSRV_DOMAIN", ["serve"], {"MSRV_DOMAIN": "shop.example"}),
    "backup": (
        "An encrypted backup",
        ["backup", "--recipient=age1", "--output=x"],
        {},
    ),
    "stripe": ("Stripe", ["serve"], {"MSRV_STRIPE_KEY": "rk_test_0123"}),
    "mysql": (
        "MariaDB",
        ["serve"],
        {"MSRV_DATABASE": "mysql://u:p@db.example/msrv"},
    ),
    "postgresql": (
        "PostgreSQL",
        ["serve"],
        {"MSRV_DATABASE": "postgresql://u:p@db.example/msrv"},
    ),
    "deployer": ("the deployer", ["deployer"], {}),
}
"""How the error of each missing extra starts, and what asks for the extra."""


def test_console_script_is_the_module(environment: Environment) -> None:
    script = environment.run(environment.msrv, "--version")
    assert script.stdout == f"msrv, version {__version__}\n"
    module = (environment.python, "-m", "msrv")
    assert environment.run(*module, "--version").stdout == script.stdout
    of_script = environment.run(environment.msrv, "--help").stdout
    of_module = environment.run(*module, "--help").stdout
    assert of_script.startswith("Usage: msrv [OPTIONS]")
    assert of_module == of_script.replace("msrv", "python -m msrv", 1)
    assert "healthcheck" in of_script
    for program in ((environment.msrv,), module):
        result = environment.run(*program, "healthcheck", MSRV_PORT="1")
        assert result.returncode == 1
        assert "127.0.0.1 port 1" in result.stderr
        assert "Traceback" not in result.stderr


def test_demo_is_listed(environment: Environment) -> None:
    result = environment.run(environment.msrv, "catalog")
    assert result.returncode == 0, result.stderr
    assert "Minutes of the Last Meeting" in result.stdout


def test_store_sells_the_demo(
    environment: Environment, tmp_path: Path
) -> None:
    """Over HTTPS; the page, the stylesheet and a cover are there too."""
    store = launch_program([environment.msrv], environment.empty, tmp_path)
    data = str(tmp_path / "data")
    with store:
        assert store.tls
        buyer = Buyer(store.port, store.tls)
        for path, kind in _parts_of_the_front_page(buyer).items():
            response = buyer.request(path)
            assert response.status == 200, path
            assert response.headers["content-type"].startswith(kind), path
        demo = environment.packages / "msrv" / "demo"
        sold = {
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in demo.rglob("*")
            if path.is_file()
        }
        items = _items(buyer)
        for item in items:
            path = buyer.buy(item)[item]
            body = buyer.request(path).body
            assert hashlib.sha256(body).hexdigest() in sold, item
        status = (environment.msrv, "ledger", "status")
        line = re.compile(rf"^orders +{len(items)}$", re.MULTILINE)
        wait_until(
            lambda: (
                line.search(environment.run(*status, MSRV_DATA=data).stdout)
                is not None
            ),
            "the ledger has all orders",
        )
    assert store.stop() == 0
    assert "Traceback" not in store.log.read_text("utf-8")
    assert not list(environment.empty.iterdir())


def _parts_of_the_front_page(buyer: Buyer) -> dict[str, str]:
    """Return paths on the front page with their types, and the page itself."""
    html = buyer.request("/").body.decode()
    found = {"/": "text/html"}
    for part in html.split('"'):
        path = part.split()[0] if part.strip() else ""
        if path.startswith("/static/") and ".css" in path:
            found[path] = "text/css"
        elif path.startswith("/covers/"):
            found[path] = "image/"
    assert {"text/css", "image/"} <= set(found.values()), html
    return found


def _items(buyer: Buyer) -> list[str]:
    return [
        item["item_id"]
        for release in buyer.request_json("/catalog")["releases"]
        for item in release["items"]
    ]


@pytest.mark.parametrize("extra", EXTRAS)
def test_missing_extra_is_reported_at_the_start(
    oldest_environment: Environment, extra: str
) -> None:
    feature, command, environ = EXTRAS[extra]
    result = oldest_environment.run(
        oldest_environment.msrv, *command, **environ
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == (
        f"Error: {feature} needs an extra package: pip install 'msrv[{extra}]'"
    )
    assert "Traceback" not in result.stderr

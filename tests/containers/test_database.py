# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The ledger's database: its network, its users' rights, and its outages."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.containers.conftest import Stack, all_ready
from tests.containers.engine import (
    docker,
    inspect_object,
    succeeds,
    wait_until,
)

PORT: Final = 3306
DENIED: Final = {"1044", "1142", "1227"}
"""Error numbers: no right to a database, a table, or an administrative act."""

CONNECT_SCRIPT: Final = f"""
import socket, sys
for host in sys.argv[1:]:
    try:
        socket.create_connection((host, {PORT}), 2).close()
        print(True)
    except OSError:
        print(False)
"""
"""Script that prints for each host whether MariaDB's port is open."""

EXECUTE_SCRIPT: Final = """
import os, sys
from pathlib import Path
import pymysql
from sqlalchemy.engine import make_url
url = make_url(Path(os.environ["MSRV_DATABASE_FILE"]).read_text().strip())
connection = pymysql.connect(
    host=url.host, user=url.username, password=url.password,
    database=url.database,
)
for statement in sys.argv[1:]:
    try:
        connection.cursor().execute(statement)
        connection.commit()
        print("done")
    except pymysql.err.MySQLError as error:
        print(error.args[0])
"""
"""Script that prints `done` or MariaDB's error number for each statement."""


def database(stack: Stack) -> str:
    (name,) = stack.project.containers("db")
    return name


def query_rows(stack: Stack, statement: str) -> list[str]:
    """Run a statement as root, past the store; return a line per row."""
    client = "MYSQL_PWD=$(cat /run/secrets/db_root) exec mariadb -u root -BNe"
    return docker(
        "exec", database(stack), "sh", "-c", f'{client} "$1" msrv', "-",
        statement,
    ).splitlines()  # fmt: skip


def studio_order_ids(stack: Stack) -> set[str]:
    """Return the ids of all orders in the studio, page by page.

    The set is empty while the ledger is unavailable. Each call signs in anew,
    since a replica may have gone in the meantime.
    """
    app, *_ = stack.project.containers("app")
    output = docker("exec", app, "python", "-m", "msrv", "studio")
    path = re.search(r"/studio/enter/\S+", output)
    assert path, output
    entered = stack.buyer.request(path[0], method="POST")
    assert entered.status == 303, entered
    cookie = entered.headers["set-cookie"].partition(";")[0]
    found: set[str] = set()
    page = "/studio/orders"
    while page:
        response = stack.buyer.request(
            page, {"Accept": "application/json", "Cookie": cookie}
        )
        if response.status == 503:
            return set()
        assert response.status == 200, response.body
        found |= {each["order_id"] for each in response.json["orders"]}
        page = response.json["older"]
    return found


def sell(stack: Stack) -> str:
    """Sell an item through the edge; return the order's id."""
    response = stack.buyer.request(
        "/purchases",
        {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        method="POST",
        body=b"item=short",
    )
    assert response.status == 201, response.body
    order_id = response.json["order_id"]
    assert isinstance(order_id, str)
    return order_id


def sell_on_each_replica(stack: Stack) -> set[str]:
    """Sell until each replica has sold; return the orders' ids."""
    since = len(stack.project.logs("nginx"))
    sold = set()

    def both() -> bool:
        sold.add(sell(stack))
        lines = stack.project.logs("nginx")[since:]
        found = [json.loads(line) for line in lines if line[:1] == "{"]
        sellers = {each["replica"] for each in found if each["route"] == "buy"}
        return len(sellers) == 2

    wait_until(both, "each replica has sold")
    return sold


def readiness(stack: Stack) -> str:
    """Return the status in `/-/ready`, a 200 while the store can sell."""
    state = stack.buyer.request_json("/-/ready")["status"]
    assert isinstance(state, str)
    return state


def test_only_the_store_reaches_the_database(stack: Stack, image: str) -> None:
    found = inspect_object(database(stack))
    assert not found["HostConfig"]["PortBindings"]
    assert not any(found["NetworkSettings"]["Ports"].values())
    ((name, network),) = found["NetworkSettings"]["Networks"].items()
    assert inspect_object(name)["Internal"]
    there = set(inspect_object(name)["Containers"])
    stores = set(stack.project.containers("app"))
    assert there == {*stores, database(stack)}

    (edge,) = stack.project.containers("nginx")
    edge_networks = inspect_object(edge)["NetworkSettings"]["Networks"]
    # The database's own network shows that the check can succeed.
    for each in (*edge_networks, name):
        output = docker(
            "run", "--rm", f"--network={each}", "--entrypoint=python", image,
            "-c", CONNECT_SCRIPT, "db", network["IPAddress"],
        )  # fmt: skip
        assert output.split() == [str(each == name)] * 2, each


@pytest.mark.parametrize("user", ["store", "migrator"])
def test_database_users_have_only_their_rights(
    stack: Stack, user: str
) -> None:
    """The store writes rows, the migrator changes tables, and that is all."""
    command = {
        "store": ("exec", "app"),
        "migrator": ("run", "--rm", "--no-deps", "--entrypoint=", "migrate"),
    }[user]
    changes = [
        "CREATE TABLE tried (id INT PRIMARY KEY)",
        "ALTER TABLE tried ADD COLUMN more INT",
        "CREATE INDEX tried_more ON tried (more)",
        "DROP TABLE tried",
    ]
    writes = [
        "INSERT INTO marks (name, value) VALUES ('tried', 1)",
        "UPDATE marks SET value = 2 WHERE name = 'tried'",
        "SELECT value FROM marks WHERE name = 'tried' FOR UPDATE",
        "DELETE FROM marks WHERE name = 'tried'",
    ]
    never = [
        "CREATE DATABASE tried",
        "CREATE USER tried",
        "GRANT ALL ON *.* TO store",
        "SELECT * FROM mysql.global_priv",
        "SELECT 1 INTO OUTFILE '/tmp/tried'",
        "SHUTDOWN",
    ]
    output = stack.project(
        *command[:1], "-T", *command[1:], "python", "-c", EXECUTE_SCRIPT,
        *writes, *changes, *never,
    ).split()[-14:]  # fmt: skip
    assert output[:4] == ["done"] * 4
    if user == "migrator":
        assert output[4:8] == ["done"] * 4
    else:
        assert set(output[4:8]) <= DENIED
    assert {*output[8:]} <= {*DENIED, "1045"}


def test_replicas_share_one_ledger(stack: Stack) -> None:
    sold = sell_on_each_replica(stack)
    wait_until(
        lambda: sold <= studio_order_ids(stack), "the studio lists all orders"
    )
    number = len(studio_order_ids(stack))
    for name in stack.project.containers("app"):
        output = docker(
            "exec", name, "python", "-m", "msrv", "ledger", "status"
        )
        assert "MariaDB, msrv on db" in output
        assert f"orders    {number:,}\n" in output


def test_users_script_can_run_again(stack: Stack) -> None:
    docker(
        "exec", database(stack), "sh", "-c",
        "MYSQL_PWD=$(cat /run/secrets/db_root) exec mariadb -u root "
        "</docker-entrypoint-initdb.d/20-users.sql",
    )  # fmt: skip
    sold = sell_on_each_replica(stack)
    wait_until(
        lambda: sold <= studio_order_ids(stack), "the studio lists all orders"
    )


@pytest.mark.usefixtures("restored_stack")
def test_store_sells_while_the_database_is_down(stack: Stack) -> None:
    docker("stop", database(stack))
    wait_until(lambda: readiness(stack) == "degraded", "the store is degraded")
    # The engine's health check still passes, so it restarts nothing.
    assert all_ready(stack.project)
    sold = sell_on_each_replica(stack)
    # A replica that starts meanwhile sells as well.
    docker("restart", stack.project.containers("app")[0])
    wait_until(lambda: all_ready(stack.project), "all replicas can sell", 60)
    sold |= sell_on_each_replica(stack)
    docker("start", database(stack))
    wait_until(lambda: healthy(stack), "the database is back", 60)
    wait_until(
        lambda: sold <= studio_order_ids(stack), "the studio lists all orders"
    )
    wait_until(lambda: readiness(stack) == "ready", "the store is ready")


def healthy(stack: Stack) -> bool:
    found = inspect_object(database(stack))["State"]["Health"]["Status"]
    return bool(found == "healthy")


@pytest.mark.usefixtures("restored_stack")
def test_restart_loses_no_order_and_needs_no_database(
    stack: Stack, tmp_path: Path
) -> None:
    before = studio_order_ids(stack)
    sold = sell_on_each_replica(stack)
    stack.project("down")
    assert not succeeds("inspect", f"{stack.project.name}-db-1")

    broken = tmp_path / "broken.yml"
    broken.write_text('services: {db: {command: ["false"]}}\n', "utf-8")
    output = docker(
        "compose", "--project-name", stack.project.name,
        "--file", str(stack.project.file), "--file", str(broken),
        "up", "--detach", "--wait", "--no-build",
        check=False, **stack.project.environ,
    )  # fmt: skip
    assert """"migrate" didn't complete successfully: exit 1""" in output
    wait_until(lambda: all_ready(stack.project), "all replicas can sell", 60)
    sold |= sell_on_each_replica(stack)
    assert readiness(stack) == "degraded"

    stack.project.up("--no-build")
    wait_until(
        lambda: sold <= studio_order_ids(stack), "the studio lists all orders"
    )
    assert before <= studio_order_ids(stack)


def test_passwords_are_in_no_log_command_or_configuration(
    stack: Stack,
) -> None:
    folder = Path(stack.project.environ["MSRV_SECRETS"])
    texts = [path.read_text("ascii").strip() for path in folder.iterdir()]
    passwords = [text.partition("@")[0].rpartition(":")[2] for text in texts]
    # The store's own secret, and the database's three passwords.
    assert len(set(passwords)) == 4
    seen = ""
    for service in ("nginx", "app", "db", "migrate"):
        for name in stack.project.containers(service):
            seen += json.dumps(inspect_object(name)) + docker("logs", name)
            if service != "migrate":
                seen += docker("top", name)
    seen += stack.project("config")
    assert "db_migrator" in seen
    for each in passwords:
        assert each not in seen


def test_migration_container_exits_and_is_limited(stack: Stack) -> None:
    (name,) = stack.project.containers("migrate")
    found = inspect_object(name)
    assert found["State"]["Status"] == "exited"
    assert found["State"]["ExitCode"] == 0
    assert found["Config"]["User"] == "10001:10001"
    host = found["HostConfig"]
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert 0 < host["Memory"] <= 256 << 20
    assert 0 < host["PidsLimit"] <= 64
    assert "NONCE" not in str(found["Config"]["Env"])
    stores = stack.project.containers("app")
    assert all(
        "db_migrator" not in str(inspect_object(s)["Mounts"]) for s in stores
    )

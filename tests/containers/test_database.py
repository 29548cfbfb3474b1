"""The ledger's database: who reaches it, who may what, what it outlives."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.containers.conftest import Stack, all_ready
from tests.containers.engine import docker, inspected, succeeds, until

PORT: Final = 3306
DENIED: Final = {"1044", "1142", "1227"}
"""No right to a database, to a table, to the server's own affairs."""

REACHES: Final = f"""
import socket, sys
for place in sys.argv[1:]:
    try:
        socket.create_connection((place, {PORT}), 2).close()
        print(True)
    except OSError:
        print(False)
"""
"""Prints for each place of its arguments whether MariaDB's port is open."""

TRIES: Final = """
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
"""Prints what became of each statement: `done`, or MariaDB's number."""


def database(stack: Stack) -> str:
    (name,) = stack.project.containers("db")
    return name


def rows(stack: Stack, statement: str) -> list[str]:
    """Ask the database, past the store: a line of the answer each."""
    asks = "MYSQL_PWD=$(cat /run/secrets/db_root) exec mariadb -u root -BNe"
    return docker(
        "exec", database(stack), "sh", "-c", f'{asks} "$1" msrv', "-",
        statement,
    ).splitlines()  # fmt: skip


def what_the_studio_shows(stack: Stack) -> set[str]:
    """Give the id of every order that the studio lists, page by page.

    Nothing while the ledger rests. Signed in anew each time: a replica may
    have gone meanwhile.
    """
    app, *_ = stack.project.containers("app")
    said = docker("exec", app, "python", "-m", "msrv", "studio")
    path = re.search(r"/studio/enter/\S+", said)
    assert path, said
    entered = stack.buyer.ask(path[0], method="POST")
    assert entered.status == 303, entered
    cookie = entered.headers["set-cookie"].partition(";")[0]
    found: set[str] = set()
    page = "/studio/orders"
    while page:
        answer = stack.buyer.ask(
            page, {"Accept": "application/json", "Cookie": cookie}
        )
        if answer.status == 503:
            return set()
        assert answer.status == 200, answer.body
        found |= {each["order_id"] for each in answer.json["orders"]}
        page = answer.json["older"]
    return found


def sell(stack: Stack) -> str:
    """Sell something, through the edge: the order's id."""
    answer = stack.buyer.ask(
        "/purchases",
        {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        method="POST",
        body=b"item=short",
    )
    assert answer.status == 201, answer.body
    order_id = answer.json["order_id"]
    assert isinstance(order_id, str)
    return order_id


def sell_on_both(stack: Stack) -> set[str]:
    """Sell until each replica has: the orders' ids."""
    since = len(stack.project.logs("nginx"))
    sold = set()

    def both() -> bool:
        sold.add(sell(stack))
        lines = stack.project.logs("nginx")[since:]
        found = [json.loads(line) for line in lines if line[:1] == "{"]
        sellers = {each["replica"] for each in found if each["route"] == "buy"}
        return len(sellers) == 2

    until(both, "each replica has sold")
    return sold


def readiness(stack: Stack) -> str:
    """Ask what `/-/ready` says; it is 200 for as long as it can sell."""
    state = stack.buyer.json("/-/ready")["status"]
    assert isinstance(state, str)
    return state


def test_only_the_store_reaches_it(stack: Stack, image: str) -> None:
    """A hole in nginx, or a port of the machine, leads to every sale."""
    found = inspected(database(stack))
    assert not found["HostConfig"]["PortBindings"]
    assert not any(found["NetworkSettings"]["Ports"].values())
    ((name, network),) = found["NetworkSettings"]["Networks"].items()
    assert inspected(name)["Internal"]
    there = set(inspected(name)["Containers"])
    stores = set(stack.project.containers("app"))
    assert there == {*stores, database(stack)}

    (edge,) = stack.project.containers("nginx")
    nginx_s = inspected(edge)["NetworkSettings"]["Networks"]
    # The last one says that the question works.
    for each in (*nginx_s, name):
        said = docker(
            "run", "--rm", f"--network={each}", "--entrypoint=python", image,
            "-c", REACHES, "db", network["IPAddress"],
        )  # fmt: skip
        assert said.split() == [str(each == name)] * 2, each


@pytest.mark.parametrize("user", ["store", "migrator"])
def test_the_store_writes_rows_and_changes_no_table(
    stack: Stack, user: str
) -> None:
    """Whoever breaks into the store drops the books with one statement."""
    runs = {
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
    said = stack.project(
        *runs[:1], "-T", *runs[1:], "python", "-c", TRIES,
        *writes, *changes, *never,
    ).split()[-14:]  # fmt: skip
    assert said[:4] == ["done"] * 4
    if user == "migrator":
        assert said[4:8] == ["done"] * 4
    else:
        assert set(said[4:8]) <= DENIED
    assert {*said[8:]} <= {*DENIED, "1045"}


def test_one_ledger_remembers_what_either_sold(stack: Stack) -> None:
    """Each replica has books of its own, and nobody sees all sales."""
    sold = sell_on_both(stack)
    until(lambda: sold <= what_the_studio_shows(stack), "all are there")
    number = len(what_the_studio_shows(stack))
    for name in stack.project.containers("app"):
        said = docker("exec", name, "python", "-m", "msrv", "ledger", "status")
        assert "MariaDB, msrv on db" in said
        assert f"orders    {number:,}\n" in said


def test_users_can_be_made_again(stack: Stack) -> None:
    """A first boot that was cut short, or a lost password, can't be mended."""
    docker(
        "exec", database(stack), "sh", "-c",
        "MYSQL_PWD=$(cat /run/secrets/db_root) exec mariadb -u root "
        "</docker-entrypoint-initdb.d/20-users.sql",
    )  # fmt: skip
    sold = sell_on_both(stack)
    until(lambda: sold <= what_the_studio_shows(stack), "all are there")


@pytest.mark.usefixtures("mended")
def test_it_sells_while_the_database_is_away(stack: Stack) -> None:
    """No database, no sale; or a sale that nobody ever hears of."""
    docker("stop", database(stack))
    until(lambda: readiness(stack) == "degraded", "it says so")
    # The engine, which asks the same, leaves it where it is.
    assert all_ready(stack.project)
    sold = sell_on_both(stack)
    # One that starts meanwhile sells as well.
    docker("restart", stack.project.containers("app")[0])
    until(lambda: all_ready(stack.project), "all can sell", 60)
    sold |= sell_on_both(stack)
    docker("start", database(stack))
    until(lambda: healthy(stack), "the database is back", 60)
    until(lambda: sold <= what_the_studio_shows(stack), "all are there")
    until(lambda: readiness(stack) == "ready", "it says so")


def healthy(stack: Stack) -> bool:
    found = inspected(database(stack))["State"]["Health"]["Status"]
    return bool(found == "healthy")


@pytest.mark.usefixtures("mended")
def test_down_and_up_lose_nothing_and_need_no_database(
    stack: Stack, tmp_path: Path
) -> None:
    """An update loses sales, or a broken database keeps the store shut."""
    before = what_the_studio_shows(stack)
    sold = sell_on_both(stack)
    stack.project("down")
    assert not succeeds("inspect", f"{stack.project.name}-db-1")

    broken = tmp_path / "broken.yml"
    broken.write_text('services: {db: {command: ["false"]}}\n', "utf-8")
    said = docker(
        "compose", "--project-name", stack.project.name,
        "--file", str(stack.project.file), "--file", str(broken),
        "up", "--detach", "--wait", "--no-build",
        check=False, **stack.project.environ,
    )  # fmt: skip
    assert """"migrate" didn't complete successfully: exit 1""" in said
    until(lambda: all_ready(stack.project), "all can sell", 60)
    sold |= sell_on_both(stack)
    assert readiness(stack) == "degraded"

    stack.project.up("--no-build")
    until(lambda: sold <= what_the_studio_shows(stack), "all are there")
    assert before <= what_the_studio_shows(stack)


def test_no_password_shows(stack: Stack) -> None:
    """Whoever may ask the engine, or read a log, is the database's master."""
    folder = Path(stack.project.environ["MSRV_SECRETS"])
    texts = [path.read_text("ascii").strip() for path in folder.iterdir()]
    passwords = [text.partition("@")[0].rpartition(":")[2] for text in texts]
    # The store's own secret, and three of the database.
    assert len(set(passwords)) == 4
    seen = ""
    for service in ("nginx", "app", "db", "migrate"):
        for name in stack.project.containers(service):
            seen += json.dumps(inspected(name)) + docker("logs", name)
            if service != "migrate":
                seen += docker("top", name)
    seen += stack.project("config")
    assert "db_migrator" in seen
    for each in passwords:
        assert each not in seen


def test_who_migrates_ends_and_has_its_limits(stack: Stack) -> None:
    """What may change tables runs all day, beside what visitors reach."""
    (name,) = stack.project.containers("migrate")
    found = inspected(name)
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
        "db_migrator" not in str(inspected(s)["Mounts"]) for s in stores
    )

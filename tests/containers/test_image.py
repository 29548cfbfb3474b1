# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The image by itself: its contents and its requirements."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from msrv import __version__
from tests.containers.buyer import Buyer
from tests.containers.engine import (
    IMAGE_USER,
    docker,
    inspect_object,
    run_container,
    succeeds,
    wait_until,
)
from tests.store_process import ROOT, free_port

FILE_NONCE = "of-the-file-4Tz8Qpe2Vn6KcH1sJu95"
OTHER_NONCE = "of-the-environment-9Jk2Lmx7Rr4TwP0e"

# 13 MB are of obstore, 5 of OpenTelemetry, and 2 of asyncpg.
MAX_ADDED_BYTES = 132_000_000
LOCKED = (
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=12345",
)


def published(port: int) -> str:
    return f"--publish=127.0.0.1:{port}:8000"


def log_of(name: str) -> str:
    return docker("logs", name)


@pytest.mark.parametrize("options", [(), LOCKED], ids=["plain", "locked"])
def test_image_sells_the_demo_without_settings(
    image: str, options: tuple[str, ...]
) -> None:
    port = free_port()
    buyer = Buyer(port)
    with run_container(image, published(port), *options) as name:
        wait_until(buyer.is_ready, "the store can sell")
        assert buyer.request("/").status == 200
        free = [
            item["item_id"]
            for release in buyer.request_json("/catalog")["releases"]
            for item in release["items"]
            if item["price_minor"] == 0
        ]
        path = buyer.buy(*free)[free[0]]
        assert buyer.request(path).status == 200
        log = log_of(name)
        assert "NONCE is not set: using /data/nonce" in log
        assert "Traceback" not in log
        mode_and_owner = docker(
            "exec", name, "stat", "-c", "%a %u", "/data/nonce"
        )
        user = 12345 if options else IMAGE_USER
        assert mode_and_owner.split() == ["600", str(user)]
        secret = docker("exec", name, "cat", "/data/nonce").strip()
        assert len(secret) > 40
        assert secret not in log + json.dumps(inspect_object(name))


def test_image_writes_to_data_and_tmp_only(image: str) -> None:
    port = free_port()
    with run_container(image, published(port)) as name:
        wait_until(Buyer(port).is_ready, "the store can sell")
        Buyer(port).request("/")
        changed = {
            line.split()[1] for line in docker("diff", name).splitlines()
        }
        assert not {
            path for path in changed if not re.match("/(data|tmp)(/|$)", path)
        }
        for folder in ("/app", "/library", "/usr/local/bin", "/etc", "/certs"):
            assert not succeeds("exec", name, "touch", f"{folder}/x"), folder


def test_mounted_library_is_sold_without_simulated_payments(
    image: str, tmp_path: Path
) -> None:
    """Also if it is empty."""
    for files in ((), ("song.bin",)):
        folder = tmp_path / f"with-{len(files)}" / "Release"
        folder.mkdir(parents=True)
        for name in files:
            (folder / name).write_bytes(b"sound")
        port = free_port()
        mount = f"--volume={folder.parent}:/library:ro"
        with run_container(image, published(port), mount) as name:
            buyer = Buyer(port)
            wait_until(buyer.is_ready, "the store can sell")
            assert len(buyer.catalog_ids()) == len(files)
            assert "free items only" in log_of(name)
            listed = docker("exec", name, "msrv", "catalog", check=False)
            assert ("song" in listed) == bool(files)


def test_health_check_passes_in_the_engine(image: str) -> None:
    with run_container(image) as name:
        wait_until(
            lambda: (
                inspect_object(name)["State"]["Health"]["Status"] == "healthy"
            ),
            "the health check passes",
        )
        output = inspect_object(name)["State"]["Health"]["Log"][-1]["Output"]
        assert output == "the store on 127.0.0.1 port 8000: ok\n"


@pytest.mark.parametrize("early", [True, False])
def test_container_exits_on_sigterm(image: str, *, early: bool) -> None:
    """Also before the server listens."""
    port = free_port()
    with run_container(image, published(port)) as name:
        # Early: while modules are still imported, and no server listens.
        wait_until(
            (lambda: handles_sigterm(name)) if early else Buyer(port).is_ready,
            "it handles SIGTERM",
        )
        started = time.monotonic()
        docker("stop", "--time", "120", name)
        assert time.monotonic() - started < 100
        state = inspect_object(name)["State"]
        assert state["ExitCode"] in ({0, 143} if early else {0})


def handles_sigterm(name: str) -> bool:
    """Return whether a container's first process has a SIGTERM handler."""
    status = docker("exec", name, "cat", "/proc/1/status")
    caught = re.search(r"SigCgt:\s*(\w+)", status)
    return bool(caught and int(caught[1], 16) & 1 << signal.SIGTERM - 1)


def test_commands_run_in_the_image(image: str) -> None:
    made = docker("run", "--rm", image, "nonce").strip()
    assert len(made) > 40
    output = docker("run", "--rm", image, "--version")
    assert output == f"msrv, version {__version__}\n"


def test_image_contains_only_locked_packages_and_no_tools(image: str) -> None:
    script = (
        "for tool in gcc cc g++ make git; do command -v $tool; done; "
        "find / -xdev -name proc -prune -o -name '*.key' -print "
        "-o -name .git -print -o -name .env -print -o -name .cache -print "
        "-o -name 'requirements*.txt' -print -o -name __pycache__ -prune; "
        "find /app /usr/local/lib/python3*/*-packages -name tests -print "
        "-o -name test -print -o -name conftest.py -print"
    )
    found = docker(
        "run", "--rm", "--user=0", "--entrypoint=sh", image, "-c", script
    )
    assert found == ""
    packages = docker(
        "run",
        "--rm",
        "--entrypoint=python",
        image,
        "-c",
        "from importlib import metadata as m\n"
        "print(*sorted({d.name.lower() for d in m.distributions()}))",
    ).split()
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    locked = set(re.findall("^([a-z0-9-]+)==", lock, re.MULTILINE))
    installed = {name.replace("_", "-") for name in packages}
    assert installed - {"pip"} == locked


def test_image_adds_little_to_its_base(image: str) -> None:
    base = re.search(
        "^ARG PYTHON_IMAGE=(.*)$",
        (ROOT / "Dockerfile").read_text(),
        re.MULTILINE,
    )
    assert base
    sizes = [inspect_object(each)["Size"] for each in (image, base[1])]
    assert sizes[0] - sizes[1] < MAX_ADDED_BYTES
    layers = [
        inspect_object(each)["RootFS"]["Layers"] for each in (image, base[1])
    ]
    assert layers[0][: len(layers[1])] == layers[1]


def test_image_has_labels_user_and_port(image: str) -> None:
    found = inspect_object(image)["Config"]
    labels = found["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.title"] == "MSRV"
    assert labels["org.opencontainers.image.description"]
    assert labels["org.opencontainers.image.revision"]
    assert found["User"] == f"{IMAGE_USER}:{IMAGE_USER}"
    assert list(found["ExposedPorts"]) == ["8000/tcp"]


def test_image_contains_no_secret(image: str) -> None:
    history = docker("history", "--no-trunc", "--format={{json .}}", image)
    words = history + json.dumps(inspect_object(image)["Config"])
    assert "NONCE" not in words
    assert "BEGIN" not in words
    assert "secret" not in words.lower()


def test_secrets_are_not_sent_to_the_build(
    engine: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    for name in ("certs/localhost.key", ".env", "data/nonce", ".git/config",
                 "tests/x.py", "msrv/__pycache__/x.pyc", "msrv/.env",
                 "msrv/here.py", "requirements.txt"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", "utf-8")
    ignored = (ROOT / ".dockerignore").read_text("utf-8")
    (tmp_path / ".dockerignore").write_text(ignored, "utf-8")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n", "utf-8")
    out = tmp_path / "out"
    subprocess.run(
        ["docker", "build", f"--output=type=local,dest={out}", str(tmp_path)],
        env=os.environ,
        capture_output=True,
        check=True,
    )
    sent = {
        str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()
    }
    assert sent == {"msrv/here.py", "requirements.txt"}


def test_foreign_host_is_refused_by_the_image(image: str) -> None:
    port = free_port()
    with run_container(image, published(port)):
        wait_until(Buyer(port).is_ready, "the store can sell")
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            assert plain.recv(64).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize(
    ("environ", "used", "warned"),
    [
        ({}, FILE_NONCE, False),
        ({"NONCE": ""}, FILE_NONCE, False),
        ({"NONCE": FILE_NONCE}, FILE_NONCE, False),
        ({"NONCE": OTHER_NONCE}, OTHER_NONCE, True),
    ],
    ids=["file", "empty", "same", "other"],
)
def test_nonce_in_the_environment_overrides_the_file(
    image: str,
    tmp_path: Path,
    environ: dict[str, str],
    used: str,
    *,
    warned: bool,
) -> None:
    (tmp_path / "nonce").write_text(f"{FILE_NONCE}\n", "ascii")
    output = docker(
        "run", "--rm", "--entrypoint=sh",
        f"--volume={tmp_path}/nonce:/run/secrets/nonce:ro",
        "--env=NONCE_FILE=/run/secrets/nonce",
        *(f"--env={key}={value}" for key, value in environ.items()),
        image, "-c",
        # In place of the store's process, print the environment it gets.
        "mkdir /tmp/bin; printf '%s\n' '#!/bin/sh' "
        "'echo \"NONCE=${NONCE-unset} FILE=${NONCE_FILE-unset}\"' "
        "> /tmp/bin/python; chmod +x /tmp/bin/python; "
        "PATH=/tmp/bin:$PATH msrv serve",
    )  # fmt: skip
    if environ.get("NONCE"):
        assert f"NONCE={used} FILE=unset" in output
    else:
        assert "NONCE=unset FILE=/run/secrets/nonce" in output
    assert ("holds another one" in output) is warned
    assert output.count(FILE_NONCE) <= 1

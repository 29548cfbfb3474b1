"""The image by itself: what is in it, and how little it needs."""

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
    container,
    docker,
    inspected,
    succeeds,
    until,
)
from tests.store_process import ROOT, free_port

FILE_NONCE = "of-the-file-4Tz8Qpe2Vn6KcH1sJu95"
OTHER_NONCE = "of-the-environment-9Jk2Lmx7Rr4TwP0e"

MOST_ADDED_BYTES = 80_000_000
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
def test_it_sells_the_demo_with_nothing_said(
    image: str, options: tuple[str, ...]
) -> None:
    """Who tries the store reads the manual first, or opens doors for it."""
    port = free_port()
    buyer = Buyer(port)
    with container(image, published(port), *options) as name:
        until(buyer.is_ready, "it can sell")
        assert buyer.ask("/").status == 200
        free = [
            item["item_id"]
            for release in buyer.json("/catalog")["releases"]
            for item in release["items"]
            if item["price_minor"] == 0
        ]
        path = buyer.buy(*free)[free[0]]
        assert buyer.ask(path).status == 200
        log = log_of(name)
        assert "NONCE is not set: using /data/nonce" in log
        assert "Traceback" not in log
        kept = docker("exec", name, "stat", "-c", "%a %u", "/data/nonce")
        user = 12345 if options else IMAGE_USER
        assert kept.split() == ["600", str(user)]
        secret = docker("exec", name, "cat", "/data/nonce").strip()
        assert len(secret) > 40
        assert secret not in log + json.dumps(inspected(name))


def test_it_writes_to_data_and_tmp_alone(image: str) -> None:
    """What a break-in could change stays changed."""
    port = free_port()
    with container(image, published(port)) as name:
        until(Buyer(port).is_ready, "it can sell")
        Buyer(port).ask("/")
        changed = {
            line.split()[1] for line in docker("diff", name).splitlines()
        }
        assert not {
            path for path in changed if not re.match("/(data|tmp)(/|$)", path)
        }
        for folder in ("/app", "/library", "/usr/local/bin", "/etc", "/certs"):
            assert not succeeds("exec", name, "touch", f"{folder}/x"), folder


def test_what_is_mounted_is_sold_and_never_with_pretend_money(
    image: str, tmp_path: Path
) -> None:
    """A library that failed to mount is replaced by a demo that takes none."""
    for files in ((), ("song.bin",)):
        folder = tmp_path / f"with-{len(files)}" / "Release"
        folder.mkdir(parents=True)
        for name in files:
            (folder / name).write_bytes(b"sound")
        port = free_port()
        mount = f"--volume={folder.parent}:/library:ro"
        with container(image, published(port), mount) as name:
            buyer = Buyer(port)
            until(buyer.is_ready, "it can sell")
            assert len(buyer.shelf()) == len(files)
            assert "free items only" in log_of(name)
            listed = docker("exec", name, "msrv", "catalog", check=False)
            assert ("song" in listed) == bool(files)


def test_the_engine_is_told_how_it_is(image: str) -> None:
    """A store that hangs is kept, and one that works is replaced."""
    with container(image) as name:
        until(
            lambda: inspected(name)["State"]["Health"]["Status"] == "healthy",
            "the health check passes",
        )
        said = inspected(name)["State"]["Health"]["Log"][-1]["Output"]
        assert said == "the store on 127.0.0.1 port 8000: ok\n"


@pytest.mark.parametrize("early", [True, False])
def test_it_ends_when_it_is_told_to(image: str, *, early: bool) -> None:
    """Each stop takes the engine's ten seconds, and cuts downloads off."""
    port = free_port()
    with container(image, published(port)) as name:
        # Early: while all is still imported, and no server listens.
        until(
            (lambda: hears_endings(name)) if early else Buyer(port).is_ready,
            "it can be told",
        )
        began = time.monotonic()
        docker("stop", "--time", "120", name)
        assert time.monotonic() - began < 100
        state = inspected(name)["State"]
        assert state["ExitCode"] in ({0, 143} if early else {0})


def hears_endings(name: str) -> bool:
    """Whether a container's first process has asked for SIGTERM."""
    status = docker("exec", name, "cat", "/proc/1/status")
    caught = re.search(r"SigCgt:\s*(\w+)", status)
    return bool(caught and int(caught[1], 16) & 1 << signal.SIGTERM - 1)


def test_commands_run_in_it(image: str) -> None:
    """An operator needs Python beside the image to make a secret."""
    made = docker("run", "--rm", image, "nonce").strip()
    assert len(made) > 40
    said = docker("run", "--rm", image, "--version")
    assert said == f"msrv, version {__version__}\n"


def test_it_holds_what_it_needs_and_nothing_else(image: str) -> None:
    """A compiler, a test or a key is there for who breaks in."""
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


def test_it_adds_little_to_its_base(image: str) -> None:
    """Every update takes as long as it did with the whole toolbox."""
    base = re.search(
        "^ARG PYTHON_IMAGE=(.*)$",
        (ROOT / "Dockerfile").read_text(),
        re.MULTILINE,
    )
    assert base
    sizes = [inspected(each)["Size"] for each in (image, base[1])]
    assert sizes[0] - sizes[1] < MOST_ADDED_BYTES
    layers = [inspected(each)["RootFS"]["Layers"] for each in (image, base[1])]
    assert layers[0][: len(layers[1])] == layers[1]


def test_it_says_what_it_is(image: str) -> None:
    """Nobody can tell which version a server runs."""
    found = inspected(image)["Config"]
    labels = found["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.title"] == "MSRV"
    assert labels["org.opencontainers.image.description"]
    assert labels["org.opencontainers.image.revision"]
    assert found["User"] == f"{IMAGE_USER}:{IMAGE_USER}"
    assert list(found["ExposedPorts"]) == ["8000/tcp"]


def test_no_secret_is_in_it(image: str) -> None:
    """Whoever pulls the image can forge receipts."""
    history = docker("history", "--no-trunc", "--format={{json .}}", image)
    words = history + json.dumps(inspected(image)["Config"])
    assert "NONCE" not in words
    assert "BEGIN" not in words
    assert "secret" not in words.lower()


def test_a_folder_of_secrets_stays_out_of_the_build(
    engine: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    """A key beside the source is in the image that is pushed."""
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


def test_a_taken_name_is_refused(image: str) -> None:
    """A store in a container believes any Host."""
    port = free_port()
    with container(image, published(port)):
        until(Buyer(port).is_ready, "it can sell")
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
def test_a_nonce_of_the_environment_goes_before_the_stack_s_file(
    image: str,
    tmp_path: Path,
    environ: dict[str, str],
    used: str,
    *,
    warned: bool,
) -> None:
    """An update gives a store another secret, or keeps it from starting."""
    (tmp_path / "nonce").write_text(f"{FILE_NONCE}\n", "ascii")
    said = docker(
        "run", "--rm", "--entrypoint=sh",
        f"--volume={tmp_path}/nonce:/run/secrets/nonce:ro",
        "--env=NONCE_FILE=/run/secrets/nonce",
        *(f"--env={key}={value}" for key, value in environ.items()),
        image, "-c",
        # Where the program of the store would start, tell what it is told.
        "mkdir /tmp/bin; printf '%s\n' '#!/bin/sh' "
        "'echo \"NONCE=${NONCE-unset} FILE=${NONCE_FILE-unset}\"' "
        "> /tmp/bin/python; chmod +x /tmp/bin/python; "
        "PATH=/tmp/bin:$PATH msrv serve",
    )  # fmt: skip
    if environ.get("NONCE"):
        assert f"NONCE={used} FILE=unset" in said
    else:
        assert "NONCE=unset FILE=/run/secrets/nonce" in said
    assert ("holds another one" in said) is warned
    assert said.count(FILE_NONCE) <= 1

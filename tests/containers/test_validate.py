"""deploy/validate.sh: what it tells an operator, and those who call it."""

import os
import subprocess
import uuid

import pytest

from tests.containers.engine import private_network6
from tests.store_process import ROOT, free_port


def validated(*arguments: str, **environ: str) -> tuple[int, list[str]]:
    """Run it: its status, and the lines that it printed."""
    ports = ("EDGE_HTTP_PORT", "EDGE_HTTPS_PORT", "MSRV_DEV_PORT")
    free = {each: str(free_port()) for each in ports}
    result = subprocess.run(
        [ROOT / "deploy" / "validate.sh", *arguments],
        env={**os.environ, **free, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    return result.returncode, result.stdout.splitlines()


@pytest.mark.usefixtures("image")  # its layers: a build takes a second
def test_what_is_sound_passes() -> None:
    """An operator is told that a sound store is broken."""
    part = uuid.uuid4().bytes
    network = f"10.{part[0]}.{part[1]}"
    status, lines = validated(
        EDGE_NETWORK=f"{network}.0/26",
        HOOKS_NETWORK=f"{network}.64/26",
        LEDGER_NETWORK=f"{network}.128/26",
        OUTSIDE_NETWORK6=private_network6(part),
    )
    assert not [line for line in lines if line.startswith("Fail")]
    assert (status, lines[-1]) == (0, "All passed.")
    assert len([line for line in lines if line.startswith("Pass")]) > 20


def test_what_is_not_fails() -> None:
    """A pipeline goes on with a store that can't be built."""
    status, lines = validated("-s", DOCKER_HOST="tcp://127.0.0.1:1")
    assert status == 1
    assert lines[:2] == ["The image", "Fail  it builds"]


def test_it_explains_itself() -> None:
    """Somebody tries an option, and containers start."""
    status, lines = validated("-h")
    assert status == 0
    assert "    deploy/validate.sh [-s] [-h]" in lines
    assert validated("-x")[0] == 2

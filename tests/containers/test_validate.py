# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""deploy/validate.sh: its output and its exit status."""

import os
import subprocess
import uuid

import pytest

from tests.containers.engine import random_ipv6_network
from tests.store_process import ROOT, free_port


def run_validation(*arguments: str, **environ: str) -> tuple[int, list[str]]:
    """Run the script; return its exit status, and the lines of its output."""
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


@pytest.mark.usefixtures(
    "image"
)  # for its layers, so that the build takes a second
def test_validation_of_a_sound_stack_passes() -> None:
    part = uuid.uuid4().bytes
    network = f"10.{part[0]}.{part[1]}"
    status, lines = run_validation(
        EDGE_NETWORK=f"{network}.0/26",
        HOOKS_NETWORK=f"{network}.64/26",
        LEDGER_NETWORK=f"{network}.128/26",
        OUTSIDE_NETWORK6=random_ipv6_network(part),
    )
    assert not [line for line in lines if line.startswith("Fail")]
    assert (status, lines[-1]) == (0, "All passed.")
    assert len([line for line in lines if line.startswith("Pass")]) > 20


def test_validation_without_an_engine_fails() -> None:
    status, lines = run_validation("-s", DOCKER_HOST="tcp://127.0.0.1:1")
    assert status == 1
    assert lines[:2] == ["The image", "Fail  it builds"]


def test_help_starts_nothing() -> None:
    status, lines = run_validation("-h")
    assert status == 0
    assert "    deploy/validate.sh [-s] [-h]" in lines
    assert run_validation("-x")[0] == 2

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Policy of the gate: what an update needs, and nothing else."""

import json

import pytest

from msrv.deployer.config_model import DeployConfig
from msrv.deployer.gate.policy import Forbidden, Policy

DIGEST = "sha256:" + "a" * 64
POLICY = Policy(
    DeployConfig.model_validate(
        {
            "targets": {
                "store": {
                    "name": "store",
                    "repository": "a/b",
                    "project": "msrv",
                    "service": "app",
                },
                "local": {
                    "name": "local",
                    "repository": "c/d",
                    "pull": False,
                    "containers": ["one"],
                },
            }
        }
    )
)


def test_policy_allows_what_an_update_needs() -> None:
    POLICY.check_pull(f"a/b@{DIGEST}")
    POLICY.check_resolve("a/b:latest")
    POLICY.check_image("a/b:latest")
    POLICY.check_image(DIGEST)
    POLICY.check_image("msrv-deployer/store:previous")
    assert POLICY.check_tag("a/b", "latest").name == "store"
    assert POLICY.check_tag("msrv-deployer/local", "before").name == "local"
    POLICY.check_filters(
        json.dumps(
            {
                "label": [
                    "com.docker.compose.project=msrv",
                    "com.docker.compose.service=app",
                ]
            }
        )
    )


@pytest.mark.parametrize(
    "reference",
    [
        "a/b",
        "a/b:latest",
        f"evil/b@{DIGEST}",
        f"a/b/c@{DIGEST}",
        f"c/d@{DIGEST}",
        f"a/b@{DIGEST}\n",
        "",
    ],
)
def test_policy_forbids_pulling_another_image(reference: str) -> None:
    with pytest.raises(Forbidden):
        POLICY.check_pull(reference)


@pytest.mark.parametrize(
    "filters",
    [
        "",
        "{}",
        "null",
        '{"label": []}',
        '{"label": ["com.docker.compose.project=msrv"]}',
        '{"label": ["com.docker.compose.project=other", "x=y"]}',
        '{"label": "no list"}',
    ],
)
def test_policy_forbids_listing_other_containers(filters: str) -> None:
    with pytest.raises(Forbidden):
        POLICY.check_filters(filters)


def test_policy_forbids_other_tags() -> None:
    for repository, tag in (
        ("a/b", "other"),
        ("nginx", "latest"),
        ("msrv-deployer/store", "latest"),
        ("msrv-deployer/other", "before"),
    ):
        with pytest.raises(Forbidden):
            POLICY.check_tag(repository, tag)


def test_other_containers_belong_to_no_target() -> None:
    found = {"Name": "/db", "Id": "x", "Config": {"Labels": {}}}
    with pytest.raises(Forbidden):
        POLICY.target_of(found)
    found["Name"] = "/one"
    assert POLICY.target_of(found).name == "local"

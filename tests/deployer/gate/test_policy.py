"""The gate: what a deployer that was taken over can't do."""

import json

import pytest

from msrv.deployer.config_model import Config
from msrv.deployer.gate.policy import NotAllowed, Rules

DIGEST = "sha256:" + "a" * 64
RULES = Rules(
    Config.model_validate(
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


def test_what_an_update_needs_is_let_through() -> None:
    """No update gets through the gate."""
    RULES.check_pulled(f"a/b@{DIGEST}")
    RULES.check_asked("a/b:latest")
    RULES.check_image("a/b:latest")
    RULES.check_image(DIGEST)
    RULES.check_image("msrv-deployer/store:previous")
    assert RULES.check_tag("a/b", "latest").name == "store"
    assert RULES.check_tag("msrv-deployer/local", "before").name == "local"
    RULES.check_filters(
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
def test_another_image_is_not_pulled(reference: str) -> None:
    """Whoever takes the deployer over can run any image."""
    with pytest.raises(NotAllowed):
        RULES.check_pulled(reference)


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
def test_other_containers_are_not_listed(filters: str) -> None:
    """Whoever takes the deployer over sees all that runs on the machine."""
    with pytest.raises(NotAllowed):
        RULES.check_filters(filters)


def test_other_names_are_not_given() -> None:
    """An image of the machine's gets the name of another."""
    for repository, tag in (
        ("a/b", "other"),
        ("nginx", "latest"),
        ("msrv-deployer/store", "latest"),
        ("msrv-deployer/other", "before"),
    ):
        with pytest.raises(NotAllowed):
            RULES.check_tag(repository, tag)


def test_other_containers_are_nobody_s() -> None:
    """Whoever takes the deployer over can end the database."""
    found = {"Name": "/db", "Id": "x", "Config": {"Labels": {}}}
    with pytest.raises(NotAllowed):
        RULES.target_of(found)
    found["Name"] = "/one"
    assert RULES.target_of(found).name == "local"

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Provenance of images: which ones belong to a target."""

from typing import Any

import pytest

from msrv.deployer.config_model import Target
from msrv.deployer.gate.images import is_built_locally, is_from_registry

DIGEST = "sha256:" + "a" * 64


def target(repository: str = "wetcoats/msrv", **more: Any) -> Target:  # noqa: ANN401
    return Target.model_validate(
        {
            "name": "store",
            "repository": repository,
            "project": "msrv",
            "service": "app",
            **more,
        }
    )


@pytest.mark.parametrize(
    ("repository", "digests", "is_its"),
    [
        ("wetcoats/msrv", [f"wetcoats/msrv@{DIGEST}"], True),
        ("wetcoats/msrv", [f"docker.io/wetcoats/msrv@{DIGEST}"], True),
        ("docker.io/wetcoats/msrv", [f"wetcoats/msrv@{DIGEST}"], True),
        ("nginx", [f"docker.io/library/nginx@{DIGEST}"], True),
        ("localhost:5000/msrv", [f"localhost:5000/msrv@{DIGEST}"], True),
        ("a/b", [f"evil/b@{DIGEST}", f"a/b@{DIGEST}"], True),
        ("wetcoats/msrv", [], False),
        ("wetcoats/msrv", None, False),
        ("wetcoats/msrv", [f"evil/msrv@{DIGEST}"], False),
        ("wetcoats/msrv", [f"wetcoats/msrv/x@{DIGEST}"], False),
        ("wetcoats/msrv", [f"evil.example/wetcoats/msrv@{DIGEST}"], False),
        ("wetcoats/msrv", [f"localhost:5000/wetcoats/msrv@{DIGEST}"], False),
        ("wetcoats/msrv", ["wetcoats/msrv:latest"], False),
        ("wetcoats/msrv", [f"msrv-deployer/store@{DIGEST}"], False),
    ],
)
def test_repository_digests_decide_the_provenance(
    repository: str, digests: list[str] | None, *, is_its: bool
) -> None:
    image = {
        "RepoDigests": digests,
        # No name is evidence, whoever gave it.
        "RepoTags": [f"{repository}:latest", "msrv-deployer/store:previous"],
    }
    assert is_from_registry(target(repository), image) is is_its


@pytest.mark.parametrize(
    ("tags", "pull", "is_its"),
    [
        (["wetcoats/msrv:latest"], False, True),
        (["docker.io/wetcoats/msrv:1.2"], False, True),
        (["wetcoats/msrv:latest"], True, False),
        (["msrv-deployer/store:previous"], False, False),
        (["localhost:5000/wetcoats/msrv:1"], False, False),
        ([], False, False),
        (None, False, False),
    ],
)
def test_local_tag_counts_only_with_pull_false(
    tags: list[str] | None, *, pull: bool, is_its: bool
) -> None:
    found = is_built_locally(target(pull=pull), {"RepoTags": tags})
    assert found is is_its

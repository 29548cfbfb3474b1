# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names of repositories: which ones mean the same repository."""

import pytest

from msrv.deployer.config_model import RepositoryName


@pytest.mark.parametrize(
    ("repository", "hint", "is_meant"),
    [
        ("a/b", "a/b", True),
        ("a/b", "A/B", True),
        ("a/b", "docker.io/a/b", True),
        ("nginx", "library/nginx", True),
        ("ghcr.io/a/b", "ghcr.io/a/b", True),
        ("ghcr.io/a/b", "a/b", True),
        ("ghcr.io/a/b", "quay.io/a/b", False),
        ("localhost:5000/b", "b", True),
        ("nginx", "nginx", True),
        ("nginx", "docker.io/library/nginx", True),
        ("nginx", "index.docker.io/library/nginx:latest", True),
        ("docker.io/library/nginx", "nginx", True),
        ("docker.io/nginx", "library/nginx", True),
        ("index.docker.io/a/b", "Docker.IO/a/b", True),
        ("a/b", "registry-1.docker.io/a/b", True),
        ("ghcr.io/a/b", "GHCR.io:443/A/b:1.2", True),
        ("ghcr.io:443/a/b", "ghcr.io/a/b", True),
        ("ghcr.io/a/b", "ghcr.io/a/b@sha256:" + "0" * 64, True),
        ("localhost:5000/b", "localhost:5000/b:latest", True),
        ("localhost:5000/b", "localhost:5001/b", False),
        ("localhost:5000/b", "localhost/b", False),
        ("localhost/b", "library/b", False),
        ("nginx", "evil/nginx", False),
        ("library.example/nginx", "docker.io/library/nginx", False),
        ("a/b", "a/bb", False),
        ("a/b", "evil.example/a/b", False),
    ],
)
def test_repository_names_are_compared_as_registries_do(
    repository: str, hint: str, *, is_meant: bool
) -> None:
    assert RepositoryName.parse(repository).matches(hint) is is_meant

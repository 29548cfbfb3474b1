# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Loading of deploy.toml: its meaning, and errors with their lines."""

import re
from pathlib import Path

import pytest

from msrv.deployer import config_loader
from msrv.deployer.config_model import DeployConfig, RepositoryName
from msrv.deployer.errors import WrongConfig
from tests.deployer.running_deployer import SECRET, TOML


def read(tmp_path: Path, text: str) -> DeployConfig:
    path = tmp_path / "deploy.toml"
    path.write_text(text, "utf-8")
    return config_loader.load(path)


TARGET = """[targets.store]
repository = "a/b"
project = "p"
service = "s"
"""

OTHER_TARGETS = """[targets.a]
repository = "a/b"
containers = ["x", "y"]
[targets.b]
repository = "a/c"
containers = ["z", "y"]
"""


def test_targets_are_loaded(tmp_path: Path) -> None:
    found = read(tmp_path, TOML)
    assert set(found.targets) == {"store", "bare", "github"}
    store = found.targets["store"]
    assert store.reference == "wetcoats/msrv:latest"
    assert store.repository_name == RepositoryName(
        "docker.io", "wetcoats/msrv"
    )
    assert found.targets["github"].repository_name.registry == "ghcr.io"
    assert SECRET not in repr(found)


def test_secret_file_is_relative_and_its_line_feed_is_stripped(
    tmp_path: Path,
) -> None:
    (tmp_path / "hub").write_text(SECRET + "\n", "utf-8")
    found = read(tmp_path, TARGET + 'dockerhub_secret_file = "hub"\n')
    secret = found.targets["store"].dockerhub_secret
    assert secret is not None
    assert secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = [", r":1: is not valid TOML: "),
        ("", r":1: 'targets' is missing"),
        ("[targets]\n", r": has no target"),
        (TARGET, r":1: targets.store accepts no hook"),
        (
            TARGET + "health_second = 3\n",
            r":5: 'health_second' is not a known key; did you mean 'health_s",
        ),
        (
            TARGET + 'strategy = "quick"\n',
            r":5: 'strategy' must be 'rolling' or",
        ),
        (TARGET + 'name = "other"\n', r":5: 'name' is not a known key; "),
        (TARGET + 'tag = "a b"\n', r":5: 'tag' must match pattern "),
        (TARGET + 'tag = "$(id)"\n', r":5: 'tag' must match pattern "),
        (
            TARGET + "drain_seconds = -1\n",
            r":5: 'drain_seconds' must be greater",
        ),
        (
            TARGET.replace("a/b", "a/b;reboot"),
            r":2: 'repository' must match pattern ",
        ),
        (TARGET.replace("store", "St ore", 1), r":1: is not valid TOML"),
        (TARGET.replace("store", "STORE", 1), r":1: 'STORE' must be up to 40"),
        (
            TARGET + 'containers = ["x"]\n',
            r":1: 'store' needs either project and service",
        ),
        (
            TARGET.replace('service = "s"\n', ""),
            r":1: 'store' needs both project and service",
        ),
        (
            TARGET + 'dockerhub_secret = "short"\n',
            r":5: targets.store.dockerhub_secret is too easy to guess",
        ),
        (
            TARGET + f'dockerhub_secret = "{"ab" * 20}"\n',
            r":5: targets.store.dockerhub_secret is too easy",
        ),
        (
            TARGET + 'dockerhub_secret_file = "nowhere"\n',
            r":5: targets.store.dockerhub_secret_file: can't read .*nowhere",
        ),
        (
            TARGET
            + f'generic_secret = "{SECRET}"\ngeneric_secret_file = "x"\n',
            r":5: targets.store.generic_secret and .* are both set",
        ),
        (
            TARGET
            + '[[targets.store.notify]]\nurl = "http://chat.example/x"\n',
            r":6: 'url' must be HTTPS",
        ),
        (
            TARGET
            + '[[targets.store.notify]]\nurl = "https://chat.example/x"\n'
            + '[[targets.store.notify]]\nurl = "http://chat.example/x"\n',
            r":8: 'url' must be HTTPS",
        ),
        (
            TARGET
            + f'dockerhub_secret = "{SECRET}"\n'
            + '[[targets.store.notify]]\nurl = "https://chat.example/x"\n'
            + '[[targets.store.notify]]\nurl = "https://chat.example/y"\n'
            + 'secret_file = "nowhere"\n',
            r":10: targets.store.notify.secret_file: can't read .*nowhere",
        ),
        (
            TARGET
            + TARGET.replace(".store", ".other").replace('"a/b"', '"a/c"'),
            r":8: targets.other has the same containers as targets.store: ",
        ),
        (
            OTHER_TARGETS,
            r":6: targets.b has the same containers as targets.a: keep one",
        ),
        ('token = "weak"\n' + TARGET, r":1: token is too easy to guess"),
    ],
)
def test_error_is_one_line_with_its_place(
    tmp_path: Path, text: str, line: str
) -> None:
    with pytest.raises(WrongConfig) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "deploy.toml"))
    assert re.search(line, message), message
    assert "\n" not in message


def test_empty_password_file_is_an_error_with_its_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "password").write_text("\n", "utf-8")
    text = (
        TARGET
        + f'dockerhub_secret = "{SECRET}"\n'
        + '[registries."ghcr.io"]\nusername = "a"\n'
        + 'password_file = "password"\n'
    )
    with pytest.raises(WrongConfig, match=r":8: .*password: it is empty"):
        read(tmp_path, text)


def test_missing_file_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(WrongConfig, match="MSRV_DEPLOY_CONFIG is not set"):
        config_loader.load(None)
    with pytest.raises(WrongConfig, match="can't read /nowhere"):
        config_loader.load(Path("/nowhere"))

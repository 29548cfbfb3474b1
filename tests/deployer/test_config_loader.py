"""deploy.toml: what it means, and that a mistake names its line."""

import re
from pathlib import Path

import pytest

from msrv.deployer import config_loader
from msrv.deployer.config_model import Config, Place
from msrv.deployer.errors import WrongConfig
from tests.deployer.conftest import SECRET, TOML


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "deploy.toml"
    path.write_text(text, "utf-8")
    return config_loader.load(path)


TARGET = """[targets.store]
repository = "a/b"
project = "p"
service = "s"
"""


def test_a_file_becomes_targets(tmp_path: Path) -> None:
    """What an operator wrote is not what is done."""
    found = read(tmp_path, TOML)
    assert set(found.targets) == {"store", "bare", "github"}
    store = found.targets["store"]
    assert store.reference == "wetcoats/msrv:latest"
    assert store.place == Place("docker.io", "wetcoats/msrv")
    assert found.targets["github"].place.registry == "ghcr.io"
    assert SECRET not in repr(found)


def test_secrets_come_from_files_beside_it(tmp_path: Path) -> None:
    """A mounted secret, which ends with a line feed, is another secret."""
    (tmp_path / "hub").write_text(SECRET + "\n", "utf-8")
    found = read(tmp_path, TARGET + 'dockerhub_secret_file = "hub"\n')
    secret = found.targets["store"].dockerhub_secret
    assert secret is not None
    assert secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = [", r": is no TOML: "),
        ("", r":1: targets: field required"),
        ("[targets]\n", r": names no target"),
        (TARGET, r":1: targets.store can be reached by no hook"),
        (TARGET + "health_second = 3\n", r":5: .*health_second: is no key"),
        (TARGET + 'strategy = "quick"\n', r":5: targets.store.strategy: "),
        (TARGET + 'tag = "a b"\n', r":5: targets.store.tag: "),
        (TARGET + 'tag = "$(id)"\n', r":5: targets.store.tag: "),
        (TARGET + "drain_seconds = -1\n", r":5: targets.store.drain"),
        (
            TARGET.replace("a/b", "a/b;reboot"),
            r":2: targets.store.repository: ",
        ),
        (TARGET.replace("store", "St ore", 1), r": is no TOML"),
        (TARGET.replace("store", "STORE", 1), r":1: targets.STORE.name: "),
        (
            TARGET + 'containers = ["x"]\n',
            r":1: targets.store: say which containers",
        ),
        (
            TARGET.replace('service = "s"\n', ""),
            r":1: targets.store: project and service go together",
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
            r":5: targets.store.notify.0: url must be HTTPS",
        ),
        ('token = "weak"\n' + TARGET, r":1: token is too easy to guess"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(
    tmp_path: Path, text: str, line: str
) -> None:
    """An operator looks for a comma in a file of a hundred lines."""
    with pytest.raises(WrongConfig) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(str(tmp_path / "deploy.toml"))
    assert re.search(line, said), said
    assert "\n" not in said


def test_no_file_is_said_so() -> None:
    """The setting that is missing has to be guessed."""
    with pytest.raises(WrongConfig, match="MSRV_DEPLOY_CONFIG is not set"):
        config_loader.load(None)
    with pytest.raises(WrongConfig, match="can't read /nowhere"):
        config_loader.load(Path("/nowhere"))


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
def test_whose_repository_is_meant(
    repository: str, hint: str, *, is_meant: bool
) -> None:
    """Another's image of the same name is taken for ours, or ours isn't."""
    assert Place.of(repository).is_meant_by(hint) is is_meant

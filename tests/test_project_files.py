# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files beside the code: licences, CI, hooks, and links between documents."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest
from reuse.project import Project
from reuse.report import ProjectReport
from ruamel.yaml import YAML

from deploy.notices import third_party
from tests.slow_tests import SLOW_MODULES

ROOT: Final = Path(__file__).parents[1]
PYPROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DOCUMENTS: Final = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/*.md")]
)
AGPL_SHA256: Final = (
    "0d96a4ff68ad6d4b6f1f30f713b18d5184912ba8dd389f86aa7710db079abcb0"
)
"""Of the text that the Free Software Foundation publishes."""


def read_yaml(name: str) -> Any:  # noqa: ANN401 - whatever the file holds
    return YAML(typ="safe").load(ROOT / name)


@pytest.fixture(scope="module")
def report() -> ProjectReport:
    """What REUSE finds in the project."""
    return ProjectReport.generate(
        Project.from_directory(ROOT), multiprocessing=False
    )


def test_licence_is_the_published_text() -> None:
    text = (ROOT / "LICENSE").read_bytes()
    assert hashlib.sha256(text).hexdigest() == AGPL_SHA256
    assert text == (ROOT / "LICENSES" / "AGPL-3.0-or-later.txt").read_bytes()


def test_package_states_its_licence() -> None:
    """By PEP 639, so without a classifier."""
    project = PYPROJECT["project"]
    assert project["license"].startswith("AGPL-3.0-or-later AND ")
    for pattern in project["license-files"]:
        assert list(ROOT.glob(pattern)), pattern
    assert not [
        each
        for each in project.get("classifiers", ())
        if each.startswith("License ::")
    ]


@pytest.mark.slow
def test_package_and_image_state_the_licences_of_their_files(
    report: ProjectReport,
) -> None:
    stated = PYPROJECT["project"]["license"]
    of_package = {
        licence
        for each in report.file_reports
        if Path(each.path).resolve().is_relative_to(ROOT / "msrv")
        for licence in each.licenses_in_file
    }
    assert set(stated.split(" AND ")) == of_package == report.used_licenses
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert f'image.licenses="{stated}"' in dockerfile


@pytest.mark.slow
def test_every_file_has_a_licence(report: ProjectReport) -> None:
    assert not report.files_without_licenses
    assert not report.files_without_copyright
    assert not report.missing_licenses
    assert not report.unused_licenses
    assert report.is_compliant


def test_demo_and_vectors_are_free_of_conditions(
    report: ProjectReport,
) -> None:
    """And nothing else is, so that the AGPL covers the program."""
    free = {
        Path(each.path).resolve().relative_to(ROOT)
        for each in report.file_reports
        if "CC0-1.0" in each.licenses_in_file
    }
    assert len(free) > 15
    assert {path.parts[:2] for path in free} == {
        ("msrv", "demo"),
        ("tests", "vectors"),
    }


def test_receipt_checker_is_free_of_conditions() -> None:
    page = (ROOT / "docs" / "proofs.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    tag = "SPDX-License-" + "Identifier"  # not that of this file
    assert f"# {tag}: CC0-1.0\n" in program


def test_ci_runs_everything_and_the_fast_tests_on_each_python() -> None:
    jobs = read_yaml(".github/workflows/ci.yml")["jobs"]
    matrix = jobs["fast"]["strategy"]["matrix"]["python"]
    assert matrix == ["3.11", "3.12", "3.13", "3.14"]
    assert PYPROJECT["project"]["requires-python"] == f">={matrix[0]}"
    commands = {
        name: [step["run"] for step in job["steps"] if "run" in step]
        for name, job in jobs.items()
    }
    assert commands["fast"] == ["make test-fast PYTHON=python"]
    assert commands["all"][-1] == ".ci/run"


def test_ci_can_only_read() -> None:
    """A change from a stranger runs in it."""
    workflow = read_yaml(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    # YAML 1.2: `on` is a name.
    assert "pull_request_target" not in workflow["on"]
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_renovate_pins_the_actions() -> None:
    config = json.loads((ROOT / "renovate.json").read_text("utf-8"))
    assert "github-actions" in config["enabledManagers"]
    (rule,) = [
        each
        for each in config["packageRules"]
        if each.get("matchManagers") == ["github-actions"]
    ]
    assert rule["pinDigests"] is True


def test_hooks_before_a_commit_are_commands_of_make_check() -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\ncheck:")[2]
    commands = {
        " ".join(line.split())
        for line in recipe.partition("\n\n")[0].splitlines()
    }
    (repository,) = read_yaml(".pre-commit-config.yaml")["repos"]
    entries = [each["entry"] for each in repository["hooks"]]
    assert len(entries) > 3
    for entry in entries:
        program, _, arguments = entry.partition(" ")
        expected = {f"$(BIN)/{Path(program).name}"}
        expected |= {
            each for each in arguments.split() if each != "--force-exclude"
        }
        assert any(expected <= set(line.split()) for line in commands), entry


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    text = re.sub(
        r"^```.*?^```$",
        "",
        document.read_text("utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    broken = []
    text = document.read_text("utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target)
        ):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize(
    "name",
    [
        "LICENSE",
        "README.md",
        "CONTRIBUTING.md",
        "CODE_OF_CONDUCT.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/licence.md",
    ],
)
def test_strangers_find_what_they_look_for(name: str) -> None:
    """Each is linked from the README, or is it."""
    assert (ROOT / name).is_file()
    readme = (ROOT / "README.md").read_text("utf-8")
    assert name == "README.md" or f"]({name})" in readme


def test_each_package_has_a_licence_that_fits() -> None:
    """With its text, and its source if it asks for that: see third_party."""
    locked = re.findall(
        r"^([\w.-]+)==",
        (ROOT / "requirements.txt").read_text("utf-8"),
        re.MULTILINE,
    )
    listed = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--format=json"],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    ).stdout
    licences = {
        third_party.normalize(each["Name"]): each["License"]
        for each in json.loads(listed)
    }
    problems = {
        name: problem
        for name in locked
        if (
            problem := third_party.read_package(
                metadata.distribution(name), licences[name], Path("/")
            ).problem()
        )
    }
    assert not problems


@pytest.mark.parametrize("name", third_party.LACKING)
def test_licence_that_is_added_is_what_the_package_states(name: str) -> None:
    """A version that has the text itself needs no addition."""
    found = metadata.distribution(name)
    stated = found.metadata.get_all("Classifier") or []
    assert [each for each in stated if each.startswith("License")] == [
        "License :: OSI Approved :: MIT License"
    ]
    files = [each.name for each in found.files or ()]
    assert "METADATA" in files
    assert not list(filter(third_party.TEXTS.match, files))


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "msrv.env",
        "secrets/nonce",
        "deploy/deploy.toml",
        "deploy/secrets/token",
        "certs/localhost.key",
        "data/nonce",
        "backups/msrv-backup-20261129T031500Z.tar.gz.age",
        "store.tar.gz",
        "my-images.env",
    ],
)
def test_git_ignores_what_operators_put_into_a_clone(
    tmp_path: Path, path: str
) -> None:
    """Secrets, backups and own settings, as the documents name them."""
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    result = subprocess.run(
        ["git", "-C", tmp_path, "check-ignore", "--quiet", path], check=False
    )
    assert result.returncode == 0


def test_slow_modules_exist() -> None:
    missing = [
        each for each in SLOW_MODULES if not (ROOT / "tests" / each).is_file()
    ]
    assert missing == []

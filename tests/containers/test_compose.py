# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Compose files: what they require, and the rights that they leave."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from msrv.settings.environment import variables
from tests.containers.conftest import Stack
from tests.containers.engine import (
    NONCE,
    PRODUCTION,
    Project,
    docker,
    inspect_object,
    succeeds,
)
from tests.store_process import ROOT

WRITABLE = {  # volumes and tmpfs of the container itself
    "/data",
    "/tmp",  # noqa: S108
    "/run/mysqld",
    "/var/cache/nginx",
    "/var/lib/mysql",
}

NOT_IN_THE_STACK = {
    # nginx has the ports, and the certificate.
    "MSRV_HOST",
    "MSRV_PORT",
    "MSRV_HTTP_PORT",
    "MSRV_DOMAIN",
    "MSRV_TLS",
    "MSRV_TLS_CERT",
    "MSRV_TLS_KEY",
    "MSRV_CERTS",
    "MSRV_ACME_CA",
    "MSRV_ACME_CHALLENGE",
    "MSRV_ACME_DIRECTORY",
    "MSRV_ACME_EAB_KEY",
    "MSRV_ACME_EAB_KID",
    "MSRV_ACME_EMAIL",
    "MSRV_HSTS_SUBDOMAINS",
    "MSRV_MAX_CONNECTIONS_PER_CLIENT",
    # The volume and the database are the stack's own.
    "MSRV_DATA",
    "MSRV_ENCODINGS",
    "MSRV_BACKUPS",
    # nginx sends the files.
    "MSRV_CDN",
    "MSRV_CDN_KEY",
    # Of the deployer, and of tests.
    "MSRV_DEPLOY_CONFIG",
    "MSRV_DEPLOY_ENGINE",
    "MSRV_STRIPE_API",
}

pytestmark = pytest.mark.usefixtures("engine")


def telemetry_variables() -> set[str]:
    """Return the names of OpenTelemetry's variables in the documents."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    section = page.partition("### OpenTelemetry")[2].partition("\n#")[0]
    names = set(re.findall(r"`(OTEL_[A-Z_]+)`", section))
    shortened = re.findall(r"`…(_[A-Z]+)`", section)
    return names | {f"OTEL_EXPORTER_OTLP{each}" for each in shortened}


def test_nothing_starts_without_the_secrets(
    tmp_path: Path, image: str, run_id: str
) -> None:
    project = Project(
        PRODUCTION,
        f"{run_id}-none",
        {
            "MSRV_IMAGE": image,
            "MSRV_SECRETS": str(tmp_path),
            "EDGE_NETWORK": "10.251.7.0/26",
            "HOOKS_NETWORK": "10.251.7.64/26",
            "LEDGER_NETWORK": "10.251.7.128/26",
            "OUTSIDE_NETWORK6": "fd00:251:7::/64",
        },
    )
    # All except the store's own secret.
    for name in ("db_root", "db_store", "db_migrator"):
        (tmp_path / name).write_text("x", "ascii")
    try:
        output = project(
            "up", "--detach", "--no-build", "--no-deps", "app", check=False
        )
        assert f"{tmp_path}/nonce" in output
        assert not project("ps", "--quiet", "--status", "running").strip()
    finally:
        project.down()


def test_production_file_is_valid_for_docker_stack() -> None:
    found = docker(
        "stack", "config", "--compose-file", str(PRODUCTION), NONCE="a-b:-c?d"
    )
    assert "NONCE: a-b:-c?d\n" in found
    assert "NONCE_FILE: /run/secrets/nonce\n" in found
    assert "replicas: 2\n" in found
    assert "${" not in found


def test_swarm_of_several_nodes_has_an_edge_on_each() -> None:
    """The file is merged into the production file by the swarm's own rules."""
    found = YAML(typ="safe", pure=True).load(
        docker(
            "stack",
            "config",
            f"--compose-file={PRODUCTION}",
            f"--compose-file={ROOT / 'deploy' / 'swarm.yml'}",
        )
    )
    deployed = {
        name: service["deploy"] for name, service in found["services"].items()
    }
    assert deployed["nginx"]["mode"] == "global"
    assert "replicas" not in deployed["nginx"]
    # Two of them can't listen on one port.
    assert deployed["nginx"]["update_config"]["order"] == "stop-first"
    assert deployed["app"]["replicas"] == 2
    assert deployed["app"]["update_config"]["order"] == "start-first"
    # A swarm's shared address would cut idle connections.
    assert deployed["app"]["endpoint_mode"] == "dnsrr"
    assert deployed["db"]["endpoint_mode"] == "dnsrr"
    assert deployed["db"]["placement"]["constraints"] == [
        "node.role == manager",
        "node.labels.msrv.db == yes",
    ]
    for each in deployed.values():
        assert each["resources"]["limits"]["memory"]


@pytest.mark.parametrize(
    "command",
    [
        ("stack", "config", "-c{}", "-c{}"),
        ("compose", "-f{}", "-f{}", "config"),
    ],
)
def test_library_in_a_bucket_needs_no_folder(command: tuple[str, ...]) -> None:
    files = iter((PRODUCTION, ROOT / "deploy" / "bucket.yml"))
    arguments = [
        each.format(next(files)) if "{}" in each else each for each in command
    ]
    found = YAML(typ="safe", pure=True).load(
        docker(*arguments, MSRV_BUCKET="s3://bucket/store", AWS_REGION="here")
    )["services"]
    app = found["app"]
    environ = app["environment"]
    assert environ["MSRV_LIBRARY"] == "s3://bucket/store"
    assert environ["AWS_REGION"] == "here"
    assert environ.get("AWS_ENDPOINT_URL") is None
    assert {"edge", "ledger", "outgoing"} == {*app["networks"]}
    assert {each["source"] for each in app["secrets"]} == {
        "nonce",
        "db_store",
        "bucket_credentials",
    }
    assert environ["AWS_SHARED_CREDENTIALS_FILE"] == (
        "/run/secrets/bucket_credentials"
    )
    for name in ("app", "nginx"):
        assert [
            each["type"]
            for each in found[name]["volumes"]
            if each["target"] == "/library"
        ] == ["tmpfs"]


def test_stack_passes_on_every_setting_that_applies() -> None:
    """By Compose, and by a swarm's rules."""
    values = {
        name: "1" if name != "MSRV_LIBRARY" else str(ROOT / "msrv" / "demo")
        for name in variables() | telemetry_variables()
        if not name.endswith("_FILE")
    }
    for arguments in (
        ("stack", "config", f"-c{PRODUCTION}"),
        ("compose", f"-f{PRODUCTION}", "config"),
    ):
        services = YAML(typ="safe", pure=True).load(
            docker(*arguments, check=True, **values)
        )["services"]
        app = services["app"]["environment"]
        passed = {
            name.removesuffix("_FILE")
            for name, value in app.items()
            if value is not None
        }
        assert {*values} - passed == NOT_IN_THE_STACK


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("payments.yml", {"stripe_key", "stripe_webhook_secret"}),
        ("mail.yml", {"smtp_url"}),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ("stack", "config", "-c{}", "-c{}"),
        ("compose", "-f{}", "-f{}", "config"),
    ],
)
def test_secrets_of_payments_and_mail_may_be_files(
    command: tuple[str, ...], file: str, names: set[str]
) -> None:
    files = iter((PRODUCTION, ROOT / "deploy" / file))
    arguments = [
        each.format(next(files)) if "{}" in each else each for each in command
    ]
    found = YAML(typ="safe", pure=True).load(docker(*arguments))
    app = found["services"]["app"]
    mounted = {each["source"] for each in app["secrets"]}
    assert mounted == {"nonce", "db_store", *names}
    for name in names:
        variable = f"MSRV_{name.upper()}"
        assert app["environment"].get(variable) is None
        assert app["environment"][f"{variable}_FILE"] == f"/run/secrets/{name}"
        assert found["secrets"][name]["file"].endswith(f"/secrets/{name}")


def test_only_the_edge_publishes_ports(stack: Stack) -> None:
    app = inspect_object(stack.project.containers("app")[0])
    assert not any(app["NetworkSettings"]["Ports"].values())
    routes_out = {
        each.rpartition("_")[2]
        for each in app["NetworkSettings"]["Networks"]
        if not inspect_object(each)["Internal"]
    }
    assert routes_out == {"outgoing"}
    edge = inspect_object(stack.project.containers("nginx")[0])
    ports = {
        inside: int(outside[0]["HostPort"])
        for inside, outside in edge["NetworkSettings"]["Ports"].items()
        if outside
    }
    assert ports == {
        "8080/tcp": stack.http_port,
        "8443/tcp": stack.https_port,
    }


@pytest.mark.parametrize("service", ["app", "nginx", "db"])
def test_containers_are_limited_and_unprivileged(
    stack: Stack, service: str
) -> None:
    for name in stack.project.containers(service):
        found = inspect_object(name)
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert 0 < host["Memory"] <= 512 << 20
        assert 0 < host["PidsLimit"] <= 256
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"]["Config"] == {
            "max-size": "10m",
            "max-file": "5",
        }
        assert found["State"]["Health"]["Status"] == "healthy"
        user = docker("exec", name, "id", "-u").strip()
        assert user != "0"
        assert not succeeds("exec", name, "touch", "/library/x")
        for mount in found["Mounts"]:
            assert not mount["RW"] or mount["Destination"] in WRITABLE
            assert "docker.sock" not in mount["Source"]


def test_drain_is_shorter_than_every_stop_grace_period() -> None:
    # The services after it take no part in downloads.
    text = PRODUCTION.read_text("utf-8").split("\n  deployer:")[0]
    drain = re.search(r"MSRV_DRAIN_SECONDS:-(\d+)", text)
    grace = re.findall(r"stop_grace_period: \D*?(\d+)s", text)
    assert drain
    assert len(grace) == 3
    assert all(int(each) > int(drain[1]) for each in grace)


def test_edge_image_contains_no_key(stack: Stack) -> None:
    edge = inspect_object(stack.project.containers("nginx")[0])
    assert edge["Config"]["Image"].startswith("nginxinc/nginx-unprivileged:")
    found = docker(
        "run", "--rm", "--user=0", "--entrypoint=sh", edge["Image"], "-c",
        "ls /run/secrets /etc/nginx/certs 2>/dev/null; "
        "find /etc/nginx /run -name '*.key' -o -name '*.pem'",
    )  # fmt: skip
    assert found == ""
    assert "NONCE" not in str(edge["Config"])


def test_nonce_is_a_file_and_not_in_the_environment(
    stack: Stack,
) -> None:
    for name in stack.project.containers("app"):
        found = inspect_object(name)
        assert NONCE not in json.dumps(found)
        assert "NONCE_FILE=/run/secrets/nonce" in found["Config"]["Env"]
        assert (
            docker("exec", name, "cat", "/run/secrets/nonce") == f"{NONCE}\n"
        )


def test_nonce_in_the_environment_is_passed_to_the_store() -> None:
    shown = docker(
        "compose", "--file", str(PRODUCTION), "config", NONCE="in-here"
    )
    assert "NONCE: in-here\n" in shown


@pytest.mark.parametrize(
    ("environ", "images"),
    [
        ({}, ("nginxinc/nginx-unprivileged:1.30-alpine", "mariadb:11.8")),
        ({"EDGE_IMAGE": "x/old:1", "DB_IMAGE": "y:1"}, ("x/old:1", "y:1")),
        (
            {
                "EDGE_IMAGE": "x/old:1",
                "DB_IMAGE": "y:1",
                "NGINX_IMAGE": "x/new:1",
                "MARIADB_IMAGE": "y:2",
            },
            ("x/new:1", "y:2"),
        ),
    ],
)
def test_images_are_set_by_current_and_older_variables(
    environ: dict[str, str], images: tuple[str, str]
) -> None:
    """The current names take precedence."""
    shown = Project(PRODUCTION, "msrv", environ)("config", "--format=json")
    services = json.loads(shown)["services"]
    assert (services["nginx"]["image"], services["db"]["image"]) == images


def test_services_have_their_names_and_unprivileged_users() -> None:
    shown = docker(
        "compose", "--file", str(PRODUCTION), "--profile=deployer", "config",
        "--format=json",
    )  # fmt: skip
    services = json.loads(shown)["services"]
    assert set(services) == {
        "nginx", "app", "db", "migrate", "deployer", "gate",
    }  # fmt: skip
    for name in ("app", "migrate", "deployer"):
        assert services[name]["user"] == "10001:10001"


def test_sqlite_override_needs_nothing_of_mariadb() -> None:
    override = ROOT / "deploy" / "sqlite.yml"
    found = docker(
        "compose", "--file", str(PRODUCTION), "--file", str(override),
        "config", MSRV_SECRETS="/nowhere",
    )  # fmt: skip
    assert "  app:\n" in found
    (mounted,) = re.findall(
        r"target: (/run/secrets/\S+)\n", found.split("nginx:")[0]
    )
    assert mounted == "/run/secrets/nonce"
    for word in ("MSRV_DATABASE", "/db_store", "mariadb", "migrate"):
        assert word not in found.split("\nsecrets:")[0]

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The Helm chart: what its objects guarantee, and the values it refuses."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from kubernetes_manifests import (
    ALERTS,
    CHART,
    CUSTOM_KINDS,
    Object,
    objects_of,
    problems,
)

import msrv
from msrv.settings.environment import SECRETS
from msrv.settings.model import Settings
from tests.kubernetes.conftest import VALUES, render_each

PODS: Final = ("StatefulSet", "Job")
REFUSED: Final[dict[str, Mapping[str, Any]]] = {
    "data.emptyDir: an emptyDir is deleted with its pod": {
        "data": {"emptyDir": {}}
    },
    "library: set one of claim and bucket": {"library": {"claim": ""}},
    "library: set one of": {
        "library": {"claim": "music", "bucket": "s3://music/shop"}
    },
    "publicUrl: set the store's public address": {"publicUrl": ""},
    "at '/publicUrl'": {"publicUrl": "http://shop.example"},
    "trustedProxies: set the networks": {"trustedProxies": []},
    "at '/trustedProxies/0'": {"trustedProxies": ["10.0.0.0/8, ::1"]},
    "secret.files: NONCE is missing": {"secret": {"files": {"NONCE": None}}},
    "secret.files: MSRV_DATABASE is missing": {
        "secret": {"files": {"MSRV_DATABASE": None}}
    },
    "settings: MSRV_DATABASE is a secret": {
        "settings": {"MSRV_DATABASE": "mysql://store:secret@db/msrv"}
    },
    "settings: MSRV_PORT is set by the chart": {
        "settings": {"MSRV_PORT": "80"}
    },
    "networkPolicy.ingressFrom: name the gateway's pods": {
        "networkPolicy": {"ingressFrom": []}
    },
    "gateway: set one of parentRefs and create": {
        "gateway": {"enabled": True, "parentRefs": []}
    },
    "gateway.className: name a GatewayClass": {
        "gateway": {"enabled": True, "create": True, "parentRefs": []}
    },
    "additional properties 'replica' not allowed": {"replica": 3},
}


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def pod(workload: Object) -> Object:
    return dict(workload["spec"]["template"]["spec"])


def test_versions_are_the_stores() -> None:
    (chart,) = objects_of((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["version"] == chart["appVersion"] == msrv.__version__


def test_kubernetes_accepts_the_objects(everything: list[Object]) -> None:
    """By its schemas, of three versions; unknown members are refused."""
    kinds = {each["kind"] for each in everything}
    assert kinds >= CUSTOM_KINDS
    assert len(kinds - CUSTOM_KINDS) == 9
    assert list(problems(everything)) == []
    (first,) = of_kind(everything, "StatefulSet")
    wrong = json.loads(json.dumps(first))
    wrong["spec"]["replica"] = 2
    assert len(list(problems([wrong]))) == 3


def test_pods_have_no_privileges(everything: list[Object]) -> None:
    """The restricted level of Pod Security Standards, and a read-only root."""
    for kind in PODS:
        for workload in of_kind(everything, kind):
            spec = pod(workload)
            assert spec["securityContext"]["runAsNonRoot"] is True
            assert spec["securityContext"]["runAsUser"] == 10001
            assert spec["securityContext"]["seccompProfile"] == {
                "type": "RuntimeDefault"
            }
            assert spec["automountServiceAccountToken"] is False
            assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
            (container,) = spec["containers"]
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert not [each for each in spec["volumes"] if "hostPath" in each]


def test_services_set_no_variables(everything: list[Object]) -> None:
    """A Service named msrv would set MSRV_PORT to tcp://10.96.0.7:80."""
    for kind in PODS:
        for workload in of_kind(everything, kind):
            assert pod(workload)["enableServiceLinks"] is False


def test_spool_is_on_a_claim_that_is_kept(everything: list[Object]) -> None:
    (workload,) = of_kind(everything, "StatefulSet")
    spec = workload["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {
        "Retain"
    }
    mounts = {
        each["mountPath"]: each["name"]
        for each in pod(workload)["containers"][0]["volumeMounts"]
    }
    assert mounts["/data"] == "data"
    empty = [
        each["name"] for each in pod(workload)["volumes"] if "emptyDir" in each
    ]
    assert empty == ["tmp"]
    assert [path for path, name in mounts.items() if name == "tmp"] == ["/tmp"]  # noqa: S108 - in the pod


def test_secrets_are_files(everything: list[Object]) -> None:
    """Readable by the store's group, and in no variable and no ConfigMap."""
    for kind in PODS:
        (workload,) = of_kind(everything, kind)
        (container,) = pod(workload)["containers"]
        variables = {each["name"]: each for each in container["env"]}
        assert not set(variables) & set(SECRETS)
        (volume,) = [v for v in pod(workload)["volumes"] if "secret" in v]
        assert volume["secret"]["defaultMode"] == 0o440
        keys = {each["key"] for each in volume["secret"]["items"]}
        paths = {
            each["value"].removeprefix("/run/secrets/msrv/")
            for name, each in variables.items()
            if name.endswith("_FILE")
        }
        assert keys == paths
        if kind == "Job":
            assert keys == {"database-migrator"}
        else:
            assert keys == {"nonce", "database"}
    (settings,) = of_kind(everything, "ConfigMap")
    names = {name.removeprefix("MSRV_").lower() for name in settings["data"]}
    assert names <= set(Settings.model_fields)
    assert settings["data"]["MSRV_LINK_HOURS"] == "48"


def test_pods_drain_before_they_are_killed(everything: list[Object]) -> None:
    (longer,) = render_each([{**VALUES, "drainSeconds": 600}])
    for objects, drain in ((everything, 60), (longer, 600)):
        (workload,) = of_kind(objects, "StatefulSet")
        (settings,) = of_kind(objects, "ConfigMap")
        (container,) = pod(workload)["containers"]
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert settings["data"]["MSRV_DRAIN_SECONDS"] == str(drain)
        grace = pod(workload)["terminationGracePeriodSeconds"]
        assert grace >= pause + drain + 10
        ready = container["readinessProbe"]
        assert ready["httpGet"]["path"] == "/-/ready"
        assert container["livenessProbe"]["httpGet"]["path"] == "/-/health"


def test_migration_comes_before_the_pods(everything: list[Object]) -> None:
    """It depends on nothing that the chart creates."""
    (job,) = of_kind(everything, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == (
        "pre-install,pre-upgrade"
    )
    (container,) = pod(job)["containers"]
    assert container["args"] == ["ledger", "upgrade"]
    assert "envFrom" not in container
    assert "serviceAccountName" not in pod(job)
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["MSRV_DATABASE_CA"] == "/etc/msrv/ca.crt"
    assert variables["MSRV_DATABASE_PRIVATE_NETWORKS"] == "10.9.0.0/24"


def test_selectors_find_their_pods(everything: list[Object]) -> None:
    """Services, the budget and policies; none of the store's has the Job."""
    (store,) = of_kind(everything, "StatefulSet")
    (job,) = of_kind(everything, "Job")
    labels = store["spec"]["template"]["metadata"]["labels"].items()
    migrating = job["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        each["spec"]["selector"] for each in of_kind(everything, "Service")
    ]
    selectors += [
        each["spec"]["selector"]["matchLabels"]
        for each in of_kind(everything, "PodDisruptionBudget")
    ]
    assert len(selectors) == 3
    for selector in selectors:
        assert selector.items() <= labels
        assert not selector.items() <= migrating
    policies = of_kind(everything, "NetworkPolicy")
    chosen = [each["spec"]["podSelector"]["matchLabels"] for each in policies]
    assert [each.items() <= labels for each in chosen] == [True, False]
    assert [each.items() <= migrating for each in chosen] == [False, True]
    (monitor,) = of_kind(everything, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    scraped = [
        each["metadata"]["name"]
        for each in of_kind(everything, "Service")
        if wanted <= each["metadata"]["labels"].items()
    ]
    assert scraped == ["msrv-replicas"]
    assert store["spec"]["serviceName"] == "msrv-replicas"


def test_store_reaches_neither_pods_nor_metadata(
    everything: list[Object],
) -> None:
    store, migrate = of_kind(everything, "NetworkPolicy")
    for policy in (store, migrate):
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in migrate["spec"]
    (ingress,) = store["spec"]["ingress"]
    assert len(ingress["from"]) == 2
    _, _, public = store["spec"]["egress"]
    excepted = public["to"][0]["ipBlock"]["except"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(excepted)
    assert len(migrate["spec"]["egress"]) == 2


def test_alerts_are_those_of_grafana(everything: list[Object]) -> None:
    (rules,) = of_kind(everything, "PrometheusRule")
    (written,) = objects_of(ALERTS.read_text("utf-8"))
    assert rules["spec"] == written


def test_entrances_lead_to_the_store(everything: list[Object]) -> None:
    host = "shop.example"
    (gateway,) = of_kind(everything, "Gateway")
    routes = {
        each["metadata"]["name"]: each["spec"]
        for each in of_kind(everything, "HTTPRoute")
    }
    assert {each["hostname"] for each in gateway["spec"]["listeners"]} == {
        host
    }
    (rule,) = routes["msrv"]["rules"]
    assert rule["backendRefs"] == [{"name": "msrv", "port": 80}]
    # Otherwise gateways cut a download off after some seconds.
    assert rule["timeouts"] == {"request": "0s"}
    assert routes["msrv-to-https"]["parentRefs"][0]["sectionName"] == "http"
    (ingress,) = of_kind(everything, "Ingress")
    (certificate,) = of_kind(everything, "Certificate")
    (tls,) = ingress["spec"]["tls"]
    assert tls["secretName"] == certificate["spec"]["secretName"]
    assert tls["hosts"] == certificate["spec"]["dnsNames"] == [host]


def test_autoscaler_alone_sets_the_replicas(everything: list[Object]) -> None:
    (scaler,) = of_kind(everything, "HorizontalPodAutoscaler")
    (workload,) = of_kind(everything, "StatefulSet")
    assert "replicas" not in workload["spec"]
    (metric,) = scaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "msrv_open_connections"
    target = scaler["spec"]["scaleTargetRef"]
    assert target["kind"] == "StatefulSet"
    assert target["name"] == workload["metadata"]["name"]


def test_bucket_needs_no_volume_of_the_library() -> None:
    (objects,) = render_each(
        [
            {
                **VALUES,
                "library": {
                    "bucket": "s3://music/shop",
                    "credentialsSecret": "bucket",
                },
            }
        ]
    )
    (settings,) = of_kind(objects, "ConfigMap")
    assert settings["data"]["MSRV_LIBRARY"] == "s3://music/shop"
    (workload,) = of_kind(objects, "StatefulSet")
    names = {each["name"] for each in pod(workload)["volumes"]}
    assert names == {"tmp", "secrets"}
    (container,) = pod(workload)["containers"]
    assert {"secretRef": {"name": "bucket"}} in container["envFrom"]


def test_values_that_lose_sales_or_cannot_work_are_refused() -> None:
    answers = render_each(
        [{**VALUES, **values} for values in REFUSED.values()]
    )
    for sentence, answer in zip(REFUSED, answers, strict=True):
        assert sentence in answer, (sentence, str(answer)[:200])


def test_schema_names_every_value() -> None:
    (defaults,) = objects_of((CHART / "values.yaml").read_text("utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    described = schema["properties"]
    assert set(described) - {"global"} == set(defaults)
    for name, value in defaults.items():
        if "properties" in described[name]:
            missing = set(value) ^ set(described[name]["properties"])
            assert missing <= {"emptyDir"}, name
    files = described["secret"]["properties"]["files"]
    # The store's own certificates aren't requested behind a gateway.
    assert set(files["propertyNames"]["enum"]) == set(SECRETS) - {
        "MSRV_ACME_EAB_KEY"
    }


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_fits_into_the_settings(name: str) -> None:
    helpers = (CHART / "templates" / "_helpers.tpl").read_text("utf-8")
    assert f'"{name}"' in helpers

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The Kustomize base: the chart's objects, and an overlay of them."""

import shutil
import subprocess
import sys

from kubernetes_manifests import (
    KUSTOMIZE,
    ROOT,
    kustomized,
    problems,
)

from tests.optional_programs import require


def test_base_is_what_the_chart_renders() -> None:
    """Also lints the chart, and validates it and the example."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.kubernetes_manifests", "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def test_overlay_replaces_what_is_the_operators() -> None:
    found = shutil.which("kubectl") is not None
    require("kubectl", available=found, reason="kubectl is not installed")
    objects = kustomized(KUSTOMIZE / "example")
    assert list(problems(objects)) == []
    assert {each["metadata"]["namespace"] for each in objects} == {"music"}
    by_kind = {each["kind"]: each for each in objects}
    assert {"HTTPRoute", "ServiceMonitor", "HorizontalPodAutoscaler"} <= set(
        by_kind
    )
    assert not {"Ingress", "Certificate"} & set(by_kind)
    settings = by_kind["ConfigMap"]
    assert settings["data"]["MSRV_PUBLIC_URL"] == "https://music.example"
    assert settings["data"]["MSRV_LIBRARY"] == "/library"
    spec = by_kind["StatefulSet"]["spec"]
    # The autoscaler's; and the generated name, so that a change is rolled out.
    assert "replicas" not in spec
    (store,) = spec["template"]["spec"]["containers"]
    assert store["image"] == "registry.example/msrv:1.0.0"
    assert store["envFrom"] == [
        {"configMapRef": {"name": settings["metadata"]["name"]}}
    ]
    assert settings["metadata"]["name"] != "msrv"
    job = by_kind["Job"]
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == (
        "PreSync"
    )
    assert "helm" not in str(objects).lower()

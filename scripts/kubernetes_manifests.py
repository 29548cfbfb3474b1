# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Generate the Kustomize base from the Helm chart, and check both.

    python -m scripts.kubernetes_manifests          write deploy/kustomize
    python -m scripts.kubernetes_manifests --check  lint, validate, compare
    python -m scripts.kubernetes_manifests --render render JSON of values

Helm's library runs in a process of its own, since it brings Go's runtime with
its threads and signal handlers: tests use `--render`.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

ROOT: Final = Path(__file__).parents[1]
CHART: Final = ROOT / "deploy" / "helm" / "msrv"
KUSTOMIZE: Final = ROOT / "deploy" / "kustomize"
VERSIONS: Final = ("1.30", "1.34", "1.37")
"""Of Kubernetes: the oldest that the chart allows, and later ones."""
ALERTS: Final = ROOT / "deploy" / "grafana" / "alerts.yaml"
"""Alert rules, of which the chart has a copy: it can't read other folders."""
CUSTOM_KINDS: Final = frozenset(
    "Gateway HTTPRoute Certificate ServiceMonitor PrometheusRule".split()
)
"""Kinds that are not Kubernetes's own, whose schemas no package has."""

Object = dict[str, Any]

_HEADER: Final = """\
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Written by scripts/kubernetes_manifests.py from the Helm chart: change that.
"""
_COMPONENTS: Final = {
    "HTTPRoute": "gateway",
    "Ingress": "ingress",
    "Certificate": "certificate",
    "ServiceMonitor": "monitoring",
    "PrometheusRule": "monitoring",
    "HorizontalPodAutoscaler": "autoscaling",
}
"""Components by the kind of object that each adds to the base."""
_HELM_LABELS: Final = ("app.kubernetes.io/managed-by", "helm.sh/chart")
_HOOK: Final = {
    "argocd.argoproj.io/hook": "PreSync",
    "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    # A Job can't be changed: Flux deletes and creates it.
    "kustomize.toolkit.fluxcd.io/force": "enabled",
}
_WITHOUT_REPLICAS: Final = {
    "target": {"kind": "StatefulSet", "name": "msrv"},
    "patch": "- {op: remove, path: /spec/replicas}",
}


class InvalidManifest(Exception):
    """A chart or a manifest has problems; the text is one line for each."""


def render(values: Mapping[str, Any]) -> list[Object]:
    """Return the objects of a release named `msrv`.

    Raises ValueError where the chart refuses the values.
    """
    from helm_python import Chart, HelmError  # noqa: PLC0415 - Go's runtime

    try:
        with Chart.load(CHART) as chart:
            manifests = chart.render(
                dict(values), name="msrv", namespace="msrv"
            )
    except HelmError as error:
        raise ValueError(str(error)) from error
    return [
        each
        for path, text in sorted(manifests.items())
        if not path.endswith(".txt")
        for each in objects_of(text)
    ]


def objects_of(text: str) -> list[Object]:
    """Return the objects in a stream of YAML documents."""
    loaded = YAML(typ="safe", pure=True).load_all(text)
    return [each for each in loaded if each is not None]


def base_values() -> Object:
    """Return the values that the Kustomize base is rendered with."""
    text = (KUSTOMIZE / "values.yaml").read_text("utf-8")
    (values,) = objects_of(text)
    return values


def kustomize_files(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the base and the components, by paths in `deploy/kustomize`."""
    with_all = {**values, "autoscaling": {"enabled": True}}
    files: dict[str, dict[str, list[Object]]] = {}
    settings: Object = {}
    for each in (
        *render(values),
        *(one for one in render(with_all) if one["kind"].startswith("Horiz")),
    ):
        without_helm(each)
        kind = each["kind"]
        if kind == "ConfigMap":
            settings = each
            continue
        component = _COMPONENTS.get(kind)
        folder = f"components/{component}" if component else "base"
        files.setdefault(folder, {}).setdefault(
            f"{kind.lower()}.yaml", []
        ).append(each)
    written = {
        f"{folder}/{name}": _HEADER + _documents(objects)
        for folder, by_name in files.items()
        for name, objects in by_name.items()
    }
    for folder, by_name in files.items():
        written[f"{folder}/kustomization.yaml"] = _HEADER + _documents(
            [_kustomization(folder, sorted(by_name), settings)]
        )
    return written


def without_helm(each: Object) -> None:
    """Replace what only Helm understands by what Argo CD and Flux do."""
    metadata = each["metadata"]
    for label in _HELM_LABELS:
        metadata["labels"].pop(label)
    annotations = metadata.get("annotations", {})
    if "helm.sh/hook" in annotations:
        metadata["annotations"] = dict(_HOOK)
    if each["kind"] == "StatefulSet":
        # The generator's suffix replaces the pods of a changed setting.
        del each["spec"]["template"]["metadata"]["annotations"]


def problems(objects: Iterable[Object]) -> Iterator[str]:
    """Yield one line for each object that Kubernetes's schemas reject.

    The schemas are strict: members that they don't have are rejected too.
    Kinds of CUSTOM_KINDS are left out.
    """
    from kubernetes_validate import (  # noqa: PLC0415 - slow
        SchemaNotFoundError,
        ValidationError,
        validate,
    )

    for each in objects:
        if each["kind"] in CUSTOM_KINDS:
            continue
        name = f"{each['kind']} {each['metadata']['name']}"
        for version in VERSIONS:
            try:
                validate(each, version, strict=True)
            except SchemaNotFoundError:
                yield f"{name}: no such kind in Kubernetes {version}"
            except ValidationError as error:
                path = ".".join(map(str, error.path))
                yield f"{name}: Kubernetes {version}: {path}: {error.message}"


def kustomized(folder: Path) -> list[Object]:
    """Return the objects that `kubectl kustomize` makes of a folder.

    Raises InvalidManifest.
    """
    done = subprocess.run(
        ["kubectl", "kustomize", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InvalidManifest(f"kubectl kustomize {folder}: {done.stderr}")
    return objects_of(done.stdout)


def check() -> None:
    """Check the chart and the base. Raises InvalidManifest."""
    from helm_python import lint  # noqa: PLC0415 - Go's runtime

    values = base_values()
    found = []
    for version in VERSIONS:
        report = lint(CHART, values, strict=True, kube_version=f"v{version}.0")
        found += [
            f"{each['path']}: {each['error']}"
            for each in report["messages"]
            if each["severity"] > 1
        ]
    found += problems(render(values))
    if (CHART / ALERTS.name).read_bytes() != ALERTS.read_bytes():
        found.append(f"{CHART / ALERTS.name}: differs from {ALERTS}")
    for path, text in kustomize_files(values).items():
        file = KUSTOMIZE / path
        if not file.exists() or file.read_text("utf-8") != text:
            found.append(
                f"{file}: differs from the chart: run "
                "python -m scripts.kubernetes_manifests"
            )
    if shutil.which("kubectl"):
        found += problems(kustomized(KUSTOMIZE / "example"))
    else:
        print("kubectl is not installed: the example isn't built")
    if found:
        raise InvalidManifest("\n".join(found))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, check or render; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--render", action="store_true")
    options = parser.parse_args(arguments)
    if options.render:
        json.dump(
            [_rendered(each) for each in json.load(sys.stdin)], sys.stdout
        )
        return 0
    if options.check:
        try:
            check()
        except InvalidManifest as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    shutil.copyfile(ALERTS, CHART / ALERTS.name)
    written = kustomize_files(base_values())
    for folder in ("base", "components"):
        shutil.rmtree(KUSTOMIZE / folder, ignore_errors=True)
    for path, text in written.items():
        (KUSTOMIZE / path).parent.mkdir(parents=True, exist_ok=True)
        (KUSTOMIZE / path).write_text(text, "utf-8")
    return 0


def _rendered(values: Mapping[str, Any]) -> Object:
    try:
        return {"objects": render(values)}
    except ValueError as error:
        return {"error": str(error)}


def _kustomization(
    folder: str, resources: Sequence[str], settings: Object
) -> Object:
    if folder != "base":
        made: Object = {
            "apiVersion": "kustomize.config.k8s.io/v1alpha1",
            "kind": "Component",
            "resources": list(resources),
        }
        if folder.endswith("/autoscaling"):
            made["patches"] = [_WITHOUT_REPLICAS]
        return made
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(resources),
        "configMapGenerator": [
            {
                "name": settings["metadata"]["name"],
                "literals": [
                    f"{name}={value}"
                    for name, value in settings["data"].items()
                ],
                "options": {"labels": settings["metadata"]["labels"]},
            }
        ],
    }


def _documents(objects: Sequence[Object]) -> str:
    yaml = YAML(pure=True)
    yaml.default_flow_style = False
    yaml.width = 200
    yaml.representer.ignore_aliases = lambda _: True
    stream = StringIO()
    yaml.dump_all(objects, stream)
    return stream.getvalue().removesuffix("...\n")


if __name__ == "__main__":
    sys.exit(main())

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Objects that the Helm chart renders, by Helm's own library."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final

import pytest
from kubernetes_manifests import ROOT, Object, base_values

from tests.optional_programs import require

VALUES: Final = base_values()


def render_each(values: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the objects of each values, or the sentence that refuses them."""
    # The package has no wheel for every system.
    available = find_spec("helm_python") is not None
    require("helm", available=available, reason="helm-python-sdk is missing")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.kubernetes_manifests", "--render"],
        input=json.dumps(list(values)),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return [
        each.get("objects", each.get("error"))
        for each in json.loads(done.stdout)
    ]


@pytest.fixture(scope="session")
def everything() -> list[Object]:
    """Objects of a release with all that the chart can add."""
    (objects,) = render_each(
        [
            {
                **VALUES,
                "gateway": {
                    "enabled": True,
                    "create": True,
                    "className": "example",
                },
                "autoscaling": {"enabled": True},
                "encodings": {"claim": "encodings"},
                "database": {
                    "privateNetworks": ["10.9.0.0/24"],
                    "caConfigMap": "database-ca",
                },
                "settings": {"MSRV_LINK_HOURS": "48"},
                "extraEnv": [{"name": "TZ", "value": "UTC"}],
            }
        ]
    )
    assert isinstance(objects, list), objects
    return objects

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Packages that few stores need, each installed by an extra: `msrv[stripe]`.

Apart from the features that need them, in packages that may not import each
other. A feature requires its packages when the setting that asks for it is
read, and imports them later or never: the check imports nothing.
"""

from importlib.util import find_spec
from typing import Final

EXTRAS: Final = {
    "acme": ("acme", "josepy"),
    "backup": ("pyrage",),
    "deployer": ("aiodocker",),
    "mysql": ("aiomysql",),
    "objects": ("obstore",),
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "passkeys": ("webauthn",),
    "pdf": ("fpdf", "uharfbuzz"),
    "postgresql": ("asyncpg",),
    "stripe": ("stripe",),
}
"""Modules that each extra installs; pyproject.toml has its distributions."""


class PackageMissing(Exception):
    """A feature's packages are not installed; its text is one line."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs an extra package: pip install 'msrv[{extra}]'"
        )
        self.extra = extra


def require_packages(extra: str, feature: str) -> None:
    """Raise PackageMissing unless the packages of an extra are installed.

    `feature` starts the error's sentence: "Stripe needs an extra package".
    """
    if not all(map(_is_installed, EXTRAS[extra])):
        raise PackageMissing(feature, extra)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False  # nor is the package that it would be in

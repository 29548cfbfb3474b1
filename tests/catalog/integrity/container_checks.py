# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Inspection of bytes as a file, and places to cut one."""

import io
import os

from msrv.catalog.integrity.container_info import Container
from msrv.catalog.integrity.inspection import inspect_container


def inspect_bytes(data: bytes, name: str) -> Container | None:
    return inspect_container(io.BytesIO(data), os.path.splitext(name)[1])


def missing(data: bytes, name: str) -> str:
    found = inspect_bytes(data, name)
    return found.missing if found else "nothing that is known"


def cuts(size: int) -> list[int]:
    """Return offsets all over a file, with all near its start and end."""
    spread = {size * part // 200 for part in range(1, 200)}
    return sorted(spread | {*range(max(1, size - 80), size)} | {*range(1, 50)})

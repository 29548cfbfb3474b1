# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What ffprobe and ffmpeg make of an encoding, to compare with mutagen."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any


def probe(path: Path) -> dict[str, Any]:
    """Return ffprobe's streams and format, with tags in lower case."""
    output = subprocess.run(
        (
            *("ffprobe", "-v", "error", "-of", "json"),
            *("-show_streams", "-show_format", f"file:{path}"),
        ),
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    found: dict[str, Any] = json.loads(output)
    tags: dict[str, str] = {}
    for each in (*found["streams"], found["format"]):
        tags |= {
            name.lower(): text for name, text in each.get("tags", {}).items()
        }
    return {**found, "tags": tags}


def decoded_samples(ffmpeg: str, path: Path) -> int:
    """Return the number of samples that a decoder returns for a channel."""
    output = subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{path}"),
            *("-map", "0:a:0", "-ac", "1", "-c:a", "pcm_s16le"),
            *("-f", "s16le", "pipe:1"),
        ),
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    return len(output) // 2


def loudness(ffmpeg: str, path: Path) -> float:
    """Return the integrated loudness in LUFS, by EBU R128."""
    messages = subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-i", f"file:{path}", "-map", "0:a:0"),
            *("-af", "ebur128", "-f", "null", "-"),
        ),
        check=True,
        capture_output=True,
        timeout=60,
    ).stderr.decode()
    return float(re.findall(r"I:\s+(-?[0-9.]+) LUFS", messages)[-1])

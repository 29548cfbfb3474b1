# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""WAV files, written by the standard library alone."""

import math
import struct
import wave
from pathlib import Path


def write_wav(path: Path, seconds: float = 6, pitch: float = 220) -> None:
    """Write a sine tone of `pitch` hertz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rate = 8000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        # A tenth of a second holds whole periods, so it can be repeated.
        tenth = b"".join(
            struct.pack(
                "<h", int(9000 * math.sin(math.tau * pitch * n / rate))
            )
            for n in range(rate // 10)
        )
        file.writeframes(tenth * int(seconds * 10))

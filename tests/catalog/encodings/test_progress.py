# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Progress of the encodings, and what the log says of it."""

import logging

import pytest

from msrv.catalog.encodings.progress import LOG_SECONDS, EncodingProgress


def test_progress_is_logged_each_minute_and_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    progress = EncodingProgress(lambda: now)
    progress.update(wanted=4, ready=0, size_bytes=0)
    with caplog.at_level(logging.INFO):
        progress.add(1, 10, is_new=True)
        progress.add(1, 10, is_new=True)
        now += LOG_SECONDS
        progress.add(1, 10, is_new=False)
        progress.add(1, 10, is_new=True)
    assert [each.getMessage() for each in caplog.records] == [
        "formats: 1 of 4 encodings are ready",
        "formats: 3 of 4 encodings are ready",
        "formats: 4 of 4 encodings are ready",
    ]
    assert progress.status.size_bytes == 40
    assert progress.status.made == 3


def test_problem_ends_with_the_next_encoding_unless_it_lasts() -> None:
    progress = EncodingProgress()
    progress.update(wanted=9, ready=0, size_bytes=0)
    progress.report("the disk is almost full")
    progress.add(1, 1, is_new=True)
    assert progress.status.problem == ""
    progress.report("this ffmpeg can't encode opus-128", is_lasting=True)
    progress.report("the disk is almost full")
    progress.add(1, 1, is_new=True)
    assert progress.status.problem == "this ffmpeg can't encode opus-128"

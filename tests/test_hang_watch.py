# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reports on tests that hang."""

import asyncio
import io

from tests.hang_watch import HangWatch
from tests.polling import wait_until


async def _wait_for_nothing() -> None:
    await asyncio.get_running_loop().create_future()


async def test_test_that_hangs_is_reported_with_what_it_awaits() -> None:
    file = io.StringIO()
    task = asyncio.create_task(_wait_for_nothing(), name="forgotten")
    with HangWatch(0.01, file).watching("a test"):
        await wait_until(lambda: "thread" in file.getvalue())
    text = file.getvalue()
    task.cancel()
    assert text.startswith("a test has not ended yet:\n")
    assert "task forgotten:\n" in text
    assert "_wait_for_nothing" in text

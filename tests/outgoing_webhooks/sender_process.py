# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Process that sends webhooks until it is killed.

`python -m tests.outgoing_webhooks.sender_process DATA URL UNIX_SECONDS`
"""

import asyncio
import sys
from pathlib import Path

from msrv.ledger.ledger import Ledger
from tests.outgoing_webhooks.conftest import deliver, sender_of
from tests.polling import wait_until


async def main(data: Path, url: str, now: int) -> None:
    def clock() -> int:
        return now

    async with Ledger(data, None, clock) as ledger:
        await wait_until(lambda: ledger.is_database_ready)
        sender = sender_of(url, ledger, clock)
        while await deliver(sender):
            pass
        print("idle", flush=True)  # noqa: T201 - its parent waits for it
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))

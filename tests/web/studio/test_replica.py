# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The studio with a replica of the database, which lags behind."""

from pathlib import Path

from pydantic import SecretStr

from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.settings import Settings
from tests.conftest import StartStore
from tests.ledger.sample_events import NOON, order_id, sale
from tests.web.studio.conftest import Studio


async def test_reports_are_read_from_the_replica_and_orders_are_not(
    settings: Settings, start_store: StartStore, session: str, tmp_path: Path
) -> None:
    urls = [f"sqlite:///{tmp_path / name}" for name in ("all", "older")]
    for url in urls:
        database = Database(url)
        await schema_upgrade.upgrade_schema(database)
        await database.close()
    studio = Studio(
        await start_store(
            settings.model_copy(
                update={
                    "database": SecretStr(urls[0]),
                    "database_read": SecretStr(urls[1]),
                }
            )
        ),
        session,
    )
    await studio.wait_until_synced()
    await studio.store_events(sale(1, ("zine", 300), at=NOON))
    assert (await studio.data("/studio"))["today"]["sales"] == {}
    exported = await studio.get("/studio/orders.csv")
    assert exported.status == 200
    assert order_id(1) not in await exported.text()
    (found,) = (await studio.data("/studio/orders"))["orders"]
    assert found["order_id"] == order_id(1)

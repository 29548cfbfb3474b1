# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of the bucket that has the library: its catalog, and its rights.

Apart from `services`, since buckets are read by the layer of the library.
"""

from collections.abc import Sequence

from msrv.catalog.published.layout import POINTER, BadDocument
from msrv.catalog.published.published_catalog import read_checked
from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    failed,
    passed,
    warned,
)
from msrv.settings.optional_packages import PackageMissing, require_packages
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import BucketError
from msrv.translations import deferred


async def check_bucket(context: CheckContext) -> Sequence[Finding]:
    """Check that the current catalog can be read, and nothing written.

    Without a bucket there is no finding.
    """
    address = context.settings.bucket
    if address is None:
        return []
    try:
        require_packages("objects", "MSRV_LIBRARY")
        bucket = Bucket.open(address)
        pointer, data = await read_checked(bucket, context.keyring)
    except (BadDocument, BucketError, PackageMissing) as error:
        return [
            failed(
                f"{address}: {error}",
                deferred(
                    "check the address, the credentials and NONCE, and "
                    "whether a library was published there; stores keep the "
                    "last catalog"
                ),
            )
        ]
    found = [passed(f"{address}: {pointer.catalog}")]
    if await _may_write(bucket, data):
        found.append(
            warned(
                deferred("the bucket's credentials may write to it"),
                deferred(
                    "use credentials that may only read: a store needs no more"
                ),
            )
        )
    return found


async def _may_write(bucket: Bucket, pointer: bytes) -> bool:
    """Return whether a write isn't denied.

    The object is there already, so that nothing is written.
    """
    try:
        await bucket.create(POINTER, pointer, {})
    except BucketError:
        return False
    return True

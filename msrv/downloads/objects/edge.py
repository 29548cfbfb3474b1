# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Objects of a bucket as nginx fetches them: in slices, into its cache.

Apart from `x_accel`, which needs no bucket. nginx gets one header, which says
which object it is, how long, and where: by an address that the store has
signed. nginx fetches from no other bucket than its own setting names, and
refuses what isn't as long as it says here: `objects.conf.template` and
`store.conf.template` in `deploy/nginx`. Slices are cached by the object's
SHA-256, whatever the address.
"""

from typing import Final

from msrv.downloads.objects.object_reader import KeyOf, Unavailable
from msrv.downloads.objects.redirect import lifetime
from msrv.downloads.x_accel import Locate, NginxFile
from msrv.storage.model import Content
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import BucketError

OBJECTS: Final = "/-/objects/"
"""nginx's internal location of a library in a bucket."""
HEADER: Final = "X-Object"
SLICE_BYTES: Final = 8 * 1024 * 1024
"""Size of a slice, as nginx has it: the last one of a file is shorter."""


def bucket_files(bucket: Bucket, key_of: KeyOf) -> Locate:
    """Return a function that signs addresses of a bucket's objects.

    An address is valid for as long as a slow client may take. `key_of` returns
    the key of an object.
    """

    async def locate(content: Content) -> NginxFile:
        try:
            address = await bucket.presigned(
                key_of(content.sha256), lifetime(content.size_bytes)
            )
        except BucketError as error:
            raise Unavailable(content.path) from error
        name = content.sha256.hex()
        return NginxFile(
            OBJECTS, name, {HEADER: describe(name, content, address)}
        )

    return locate


def describe(name: str, content: Content, address: str) -> str:
    """Return the header: name, size, last byte, size of the last slice.

    The address follows. nginx can compare numbers, but can't calculate.
    """
    last = content.size_bytes - 1
    rest = last % SLICE_BYTES + 1
    return f"{name} {content.size_bytes} {last} {rest} {address}"

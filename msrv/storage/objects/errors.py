# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of buckets.

Apart from `bucket`, so that they are caught without its client.
"""


class BucketError(Exception):
    """The bucket can't be used; the text is one line.

    - `BucketUnavailable`: it is away, throttles, or answered nonsense
    - `BucketDenied`: the credentials are wrong, or lack a right
    - `ObjectMissing`: there is no such object
    - `ObjectChanged`: another process has written the object meanwhile
    """


class BucketUnavailable(BucketError):
    """The bucket is away, throttles, or answered nonsense."""


class BucketDenied(BucketError):
    """The credentials are wrong, or lack a right."""


class ObjectMissing(BucketError):
    """There is no such object."""


class ObjectChanged(BucketError):
    """Another process has written the object meanwhile."""

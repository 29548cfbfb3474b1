# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Translation of obstore's errors to our own.

Apart from `bucket`, which sends the requests.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Final

from msrv.storage.objects.errors import (
    BucketDenied,
    BucketUnavailable,
    ObjectMissing,
)

_VARYING: Final = re.compile(
    r" in [0-9.]+\w+|, after \d+ retries, .*?retry_timeout: \w+ "
)
"""Parts of an error that differ each time, so that it looked like another."""
_NOT_IMPLEMENTED: Final = "status code: 501 "
"""Part of the text of an obstore error; it has no type for this status."""


@contextlib.contextmanager
def translated(subject: str) -> Iterator[None]:
    """Translate errors of obstore; AlreadyExists and Precondition stay."""
    from obstore import exceptions  # noqa: PLC0415 - an optional package

    try:
        yield
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
        raise
    except (FileNotFoundError, exceptions.NotFoundError):
        raise ObjectMissing(f"{subject} isn't in the bucket") from None
    except (
        PermissionError,
        exceptions.PermissionDeniedError,
        exceptions.UnauthenticatedError,
    ):
        raise BucketDenied(f"{subject}: the bucket denies access") from None
    except (exceptions.BaseError, OSError, ValueError) as error:
        # The first line: the others repeat it with the whole response.
        line = _VARYING.sub("", str(error).partition("\n")[0])
        if _NOT_IMPLEMENTED in line:
            line = (
                "the service doesn't implement conditional writes "
                "(If-None-Match and If-Match), which this needs"
            )
        raise BucketUnavailable(f"{subject}: {line}") from None

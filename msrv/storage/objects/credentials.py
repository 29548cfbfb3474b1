# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Credentials of a bucket that obstore doesn't find by itself.

Apart from `bucket`, which sends requests.
"""

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msrv.display_text import reason_of
from msrv.storage.objects.errors import BucketError


def allows_http(environ: Mapping[str, str]) -> bool:
    """Return whether the endpoint is one without TLS, as in tests."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return any(environ.get(name, "").startswith("http://") for name in names)


def aws_profile(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys of AWS's file of credentials, unless others are set.

    Empty without that file, for a machine's role. Raises BucketError if the
    environment names the file or the profile, and it can't be used.
    """
    if environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    path = environ.get("AWS_SHARED_CREDENTIALS_FILE")
    file = Path(path) if path else Path("~/.aws/credentials").expanduser()
    name = environ.get("AWS_PROFILE") or "default"
    keys, problem = _read_profile(file, name)
    if not keys and (path or environ.get("AWS_PROFILE")):
        raise BucketError(
            f"the credentials in {file} can't be used: {problem}"
        )
    return keys


def _read_profile(file: Path, name: str) -> tuple[dict[str, Any], str]:
    """Return the keys of a profile; without any, what is wrong instead."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8"))
        profile = parser[name]
    except OSError as error:
        return {}, reason_of(error)
    except (UnicodeDecodeError, configparser.Error):
        # Without the error's text, which quotes the file.
        return {}, "it isn't a file of AWS's credentials"
    except KeyError:
        return {}, f"it has no profile [{name}]"
    names = {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
    }
    if any(not profile.get(key) for key in list(names)[:2]):
        return {}, f"[{name}] lacks {' or '.join(list(names)[:2])}"
    return {names[key]: profile[key] for key in names if key in profile}, ""

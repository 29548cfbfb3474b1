# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Credentials of a bucket that obstore doesn't find by itself.

Apart from `bucket`, which sends requests.
"""

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def allows_http(environ: Mapping[str, str]) -> bool:
    """Return whether the endpoint is one without TLS, as in tests."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return any(environ.get(name, "").startswith("http://") for name in names)


def aws_profile(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys of AWS's file of credentials, unless others are set."""
    if environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    path = environ.get("AWS_SHARED_CREDENTIALS_FILE")
    file = Path(path) if path else Path("~/.aws/credentials").expanduser()
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8"))
        profile = parser[environ.get("AWS_PROFILE") or "default"]
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        return {}
    names = {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
    }
    return {names[key]: profile[key] for key in names if key in profile}

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""State of the certificate in the data folder, shared by all replicas.

    acme/
      lock                 held by the one process that asks the authority
      certificate.pem      the key and the certificate with its chain
      placeholder.pem      self-signed, until there is a certificate
      progress/…json       for each request: failed attempts, last success
      order.json           an order that isn't finished, with its key
      accounts/…json       an account for each authority, with its key
      challenges/          what is answered to the authority at present

Each file is written atomically, and only its owner can read it. A certificate
and its key are one file: at no moment is one on disk without the other.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msrv.acme.certificate import IssuedCertificate
from msrv.acme.challenges import ChallengeFolder
from msrv.acme.renewal import Attempts, RenewalWindow
from msrv.display_text import reason_of
from msrv.files import make_private_folder, write_file
from msrv.tls.certificate_files import CertificateError

FOLDER_NAME: Final = "acme"


@dataclass(frozen=True, slots=True)
class Progress:
    """Knowledge that is kept between attempts.

    `request` identifies what was asked for: attempts for other names, or at
    another authority, don't count. `issued_at` is its last success. The window
    is that of the certificate with this `serial`.
    """

    request: str
    issued_at: datetime | None = None
    attempts: Attempts = field(default_factory=Attempts)
    serial: int | None = None
    window: RenewalWindow | None = None
    next_info_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuthorityAccount:
    """Account at an authority. `url` is None until it is registered."""

    key_pem: str
    url: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """Order that isn't finished: after a crash it is continued, not repeated.

    Its key is on disk before a certificate can be issued for it.
    """

    request: str
    url: str
    key_pem: str
    created_at: datetime


class StateFolder:
    """Files of the certificate. All methods block, and raise OSError."""

    def __init__(self, data: Path) -> None:
        self.path = data / FOLDER_NAME
        self.certificate = self.path / "certificate.pem"
        self.placeholder = self.path / "placeholder.pem"
        self.challenges = ChallengeFolder(self.path / "challenges")
        self._progress = self.path / "progress"
        self._order = self.path / "order.json"
        self._accounts = self.path / "accounts"

    def create(self) -> None:
        """Create the folders."""
        make_private_folder(self.path)
        make_private_folder(self._accounts)
        make_private_folder(self._progress)
        self.challenges.create()

    def load_progress(self, request: str) -> Progress:
        """Return a request's progress; a new one if it can't be read."""
        try:
            stored = _load(self._progress / f"{request}.json")
            return _progress_of(request, stored)
        except (OSError, KeyError, TypeError, ValueError, OverflowError):
            return Progress(request)

    def save_progress(self, progress: Progress) -> None:
        """Replace the progress of its request."""
        attempts, window = progress.attempts, progress.window
        _save(
            self._progress / f"{progress.request}.json",
            {
                "issued_at": _seconds(progress.issued_at),
                "failures": attempts.failures,
                "failed_at": _seconds(attempts.failed_at),
                "next_at": _seconds(attempts.next_at),
                "problem": attempts.problem,
                "serial": progress.serial and str(progress.serial),
                "window": window
                and [_seconds(window.start), _seconds(window.end)],
                "next_info_at": _seconds(progress.next_info_at),
            },
        )

    def load_account(self, directory: str) -> AuthorityAccount | None:
        """Return the account at an authority, None without one."""
        stored = _load(self._account(directory))
        try:
            if stored["directory"] != directory:
                return None
            return AuthorityAccount(
                str(stored["key"]),
                stored["url"] and str(stored["url"]),
                stored["email"] and str(stored["email"]),
            )
        except KeyError:
            return None

    def save_account(self, directory: str, account: AuthorityAccount) -> None:
        """Replace the account at an authority."""
        _save(
            self._account(directory),
            {
                "directory": directory,
                "key": account.key_pem,
                "url": account.url,
                "email": account.email,
            },
        )

    def load_order(self, request: str) -> PendingOrder | None:
        """Return the unfinished order of a request, None without one."""
        stored = _load(self._order)
        if stored.get("request") != request:
            return None
        try:
            return PendingOrder(
                request,
                str(stored["url"]),
                str(stored["key"]),
                _moment(stored["created_at"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def save_order(self, order: PendingOrder) -> None:
        """Replace the unfinished order."""
        _save(
            self._order,
            {
                "request": order.request,
                "url": order.url,
                "key": order.key_pem,
                "created_at": _seconds(order.created_at),
            },
        )

    def is_issued(self, order: PendingOrder) -> bool:
        """Return whether the certificate on disk is that of the order."""
        try:
            return order.key_pem.encode() in self.certificate.read_bytes()
        except FileNotFoundError:
            return False

    def remove_order(self) -> None:
        """Remove the unfinished order."""
        self._order.unlink(missing_ok=True)

    def save_certificate(self, content: bytes) -> None:
        """Replace the certificate and its key, both at once."""
        write_file(self.certificate, content)

    def _account(self, directory: str) -> Path:
        digest = hashlib.sha256(directory.encode()).hexdigest()
        return self._accounts / f"{digest[:16]}.json"


def request_id(*parts: object) -> str:
    """Return the id of a request, the same for the same parts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _progress_of(request: str, stored: Mapping[str, Any]) -> Progress:
    window = stored["window"]
    return Progress(
        request=request,
        issued_at=_time(stored["issued_at"]),
        attempts=Attempts(
            int(stored["failures"]),
            _time(stored["failed_at"]),
            _time(stored["next_at"]),
            stored["problem"] and str(stored["problem"]),
        ),
        serial=None if stored["serial"] is None else int(stored["serial"]),
        window=RenewalWindow(*map(_moment, window)) if window else None,
        next_info_at=_time(stored["next_info_at"]),
    )


def _load(path: Path) -> dict[str, Any]:
    """Return a file's object, empty where there is none that can be read."""
    try:
        stored = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def _save(path: Path, members: Mapping[str, object]) -> None:
    write_file(path, json.dumps(members, indent=1).encode())


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def load_certificate(path: Path) -> IssuedCertificate | None:
    """Return the certificate in a file, None if there is no file.

    Raises CertificateError, in one line, for a file that can't be used.
    """
    # Slow to import, and needed only where there is a certificate.
    from msrv.acme.pem import parse  # noqa: PLC0415 - as above

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CertificateError(
            f"can't read {path}: {reason_of(error)}"
        ) from error
    try:
        return parse(data)
    except ValueError as error:
        raise CertificateError(f"can't use {path}: {error}") from error

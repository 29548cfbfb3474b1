"""What a person who started the store at a terminal reads first."""

import sys
from pathlib import Path

from msrv import __version__
from msrv.certificates import Pair
from msrv.settings import Settings


def welcome(settings: Settings, pair: Pair | None, address: str) -> None:
    """Say where the store is, what it sells, and whom to trust."""
    lines = [("store", address)]
    library = "the bundled demo" if settings.is_demo else str(settings.library)
    lines += [("library", library), ("data", str(settings.data.resolve()))]
    if settings.takes_pretend_money:
        lines.append(("payments", "pretend: no money moves"))
    else:
        lines.append(("payments", "free items only; no provider is set up"))
    if pair and pair.ca:
        lines += _trust(pair.ca.resolve())
    text = "\n".join(f"  {label:<10}{rest}" for label, rest in lines)
    print(f"\nMSRV {__version__}\n\n{text}\n", flush=True)  # noqa: T201 - the terminal is its audience


def _trust(ca: Path) -> list[tuple[str, str]]:
    """Say how this system is told to trust our own CA."""
    if sys.platform == "darwin":
        command = (
            "sudo security add-trusted-cert -d -k "
            f"/Library/Keychains/System.keychain {ca}"
        )
    else:
        command = (
            f"sudo cp {ca} /usr/local/share/ca-certificates/msrv.crt "
            "&& sudo update-ca-certificates"
        )
    return [
        ("CA", str(ca)),
        ("trust it", command),
        ("", "(browsers keep their own list: import the CA there)"),
    ]

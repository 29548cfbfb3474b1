"""What a person who started the store at a terminal reads first."""

import sys
from pathlib import Path

from msrv import __version__
from msrv.settings import Settings
from msrv.tls.certificates import CertificateFiles


def welcome(
    settings: Settings, pair: CertificateFiles | None, address: str
) -> None:
    """Say where the store is, what it sells, and whom to trust."""
    lines = [("store", address)]
    library = "the bundled demo" if settings.is_demo else str(settings.library)
    lines += [("library", library), ("data", str(settings.data.resolve()))]
    first, *more = _payments(settings)
    lines += [("payments", first), *(("", each) for each in more)]
    if pair and pair.ca:
        lines += _trust(pair.ca.resolve())
    text = "\n".join(f"  {label:<10}{rest}" for label, rest in lines)
    print(f"\nMSRV {__version__}\n\n{text}\n", flush=True)  # noqa: T201 - the terminal is its audience


def _payments(settings: Settings) -> list[str]:
    """Return the ways to pay, and what is missing for them."""
    said = []
    if settings.stripe_key is not None:
        mode = (
            "live" if settings.stripe_is_live else "test mode: no money moves"
        )
        said.append(f"Stripe, {mode}")
        if settings.stripe_webhook_secret is None:
            said.append(
                "(without MSRV_STRIPE_WEBHOOK_SECRET, refunds and buyers who "
                "don't come back are not heard of)"
            )
    if settings.takes_pretend_money:
        said.append("pretend: no money moves")
    return said or ["free items only; no provider is set up"]


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

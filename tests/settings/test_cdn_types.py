# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MSRV_CDN and MSRV_CDN_KEY, right and wrong."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from msrv.settings import WrongSetting, load
from msrv.settings.cdn_types import Cdn, CdnKind

BUCKET = {"MSRV_LIBRARY": "s3://bucket/store", "MSRV_DELIVERY": "cdn"}
CLOUDFRONT = "cloudfront https://d1.cloudfront.net/store/ K2JCJMDEHXQW5F"
SECRET = "an-unguessable-secret"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_cdns_are_parsed(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem(ec.generate_private_key(ec.SECP256R1())))
    found = load(
        {**BUCKET, "MSRV_CDN": CLOUDFRONT, "MSRV_CDN_KEY_FILE": str(file)}
    )
    assert found.cdn == Cdn(
        CdnKind.CLOUDFRONT, "https://d1.cloudfront.net/store", "K2JCJMDEHXQW5F"
    )
    assert "PRIVATE" not in repr(found)
    found = load({**BUCKET, "MSRV_CDN": "fastly https://BÜCHER.example:8443"})
    assert found.cdn == Cdn(
        CdnKind.FASTLY, "https://xn--bcher-kva.example:8443"
    )
    load(
        {
            **BUCKET,
            "MSRV_CDN": "bunny https://shop.b-cdn.net/",
            "MSRV_CDN_KEY": SECRET,
        }
    )
    # `cdn keys` is for before the delivery changes.
    load({"MSRV_CDN": "cloudflare https://cdn.example"})


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (BUCKET, "MSRV_DELIVERY=cdn needs MSRV_CDN: "),
        (
            {"MSRV_DELIVERY": "cdn", "MSRV_CDN": "fastly https://cdn.example"},
            "MSRV_DELIVERY=cdn needs a library in a bucket",
        ),
        ({"MSRV_CDN": "akamai https://x.example"}, "MSRV_CDN: must begin"),
        ({"MSRV_CDN": "fastly"}, "MSRV_CDN: must be like"),
        ({"MSRV_CDN": "fastly https://a.example b"}, "MSRV_CDN: must be like"),
        ({"MSRV_CDN": "fastly http://a.example"}, "MSRV_CDN: .* https://"),
        ({"MSRV_CDN": "fastly https://u:p@a.example"}, "MSRV_CDN: must be"),
        ({"MSRV_CDN": "fastly https://a.example?b"}, "MSRV_CDN: must be like"),
        ({"MSRV_CDN": "fastly https://a.example/%20"}, "MSRV_CDN: .* path"),
        ({"MSRV_CDN": "fastly https://a.example/b//c"}, "MSRV_CDN: .* path"),
        ({"MSRV_CDN": "fastly https://"}, "MSRV_CDN: must be like"),
        (
            {"MSRV_CDN": "cloudfront https://d1.cloudfront.net"},
            "MSRV_CDN: .* id of the public key",
        ),
        ({"MSRV_CDN": CLOUDFRONT}, "cloudfront needs MSRV_CDN_KEY: the priv"),
        ({"MSRV_CDN": "bunny https://a.example"}, "bunny needs MSRV_CDN_KEY"),
        ({"MSRV_CDN_KEY": SECRET}, "MSRV_CDN_KEY needs MSRV_CDN"),
        (
            {"MSRV_CDN": CLOUDFRONT, "MSRV_CDN_KEY": SECRET},
            "MSRV_CDN_KEY must be a private key in PEM",
        ),
        (
            {
                "MSRV_CDN": CLOUDFRONT,
                "MSRV_CDN_KEY": pem(ec.generate_private_key(ec.SECP384R1())),
            },
            "MSRV_CDN_KEY must be a private key in PEM",
        ),
        (
            {
                "MSRV_CDN": CLOUDFRONT,
                "MSRV_CDN_KEY": pem(rsa.generate_private_key(65537, 3072)),
            },
            "MSRV_CDN_KEY must be a private key in PEM",
        ),
        (
            {"MSRV_CDN": "fastly https://a.example", "MSRV_CDN_KEY": "short"},
            "MSRV_CDN_KEY must have 16 to 256",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    environ: dict[str, str], message: str
) -> None:
    with pytest.raises(WrongSetting, match=message) as caught:
        load(environ)
    assert SECRET not in str(caught.value)

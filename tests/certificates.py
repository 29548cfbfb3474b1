# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificate of `localhost` by an authority of a test's own."""

import ssl
from pathlib import Path

import trustme

from msrv.tls.certificate_files import CertificateFiles


def issue_pair(folder: Path) -> tuple[CertificateFiles, ssl.SSLContext]:
    """Write a certificate and its key; return them, and a client's context."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    pair = CertificateFiles(folder / "crt", folder / "key", None)
    issued.cert_chain_pems[0].write_to_path(pair.cert)
    issued.private_key_pem.write_to_path(pair.key)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return pair, trust

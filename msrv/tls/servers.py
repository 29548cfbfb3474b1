# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Choice of the TLS server for this process.

With pyOpenSSL, records are written to the sockets directly (`openssl`);
without it, asyncio's own TLS serves (`stdlib`). Apart from the protocol, which
both import.
"""

from collections.abc import Iterable
from importlib.util import find_spec

from msrv.tls.certificate_files import CertificateFiles
from msrv.tls.challenges import TLSChallenges
from msrv.tls.protocol import TLSServer
from msrv.tls.stdlib import StdlibServer


def create_tls_server(
    certificate: CertificateFiles,
    names: Iterable[str] = (),
    challenges: TLSChallenges | None = None,
) -> TLSServer:
    """Return a server by OpenSSL where pyOpenSSL is installed, else asyncio's.

    `names` are those of the store in addition to the certificate's;
    `challenges` are answered on all sockets, where there are any. Raises
    CertificateError where the certificate can't be used.
    """
    if find_spec("OpenSSL") is None:
        return StdlibServer(certificate, names, challenges)
    from msrv.tls.openssl import OpenSSLServer  # noqa: PLC0415 - optional

    return OpenSSLServer(certificate, names, challenges)

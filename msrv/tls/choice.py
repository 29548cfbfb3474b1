"""Which engine speaks TLS here."""

from collections.abc import Iterable
from importlib.util import find_spec

from msrv.tls.certificates import Pair
from msrv.tls.protocol import Engine
from msrv.tls.stdlib import StockTLS


def choose(pair: Pair, names: Iterable[str] = ()) -> Engine:
    """Take TLS on the socket where pyOpenSSL is installed, else asyncio's.

    `names` are those of the store beside the certificate's own.
    Raises CertificateError where the pair can't be used.
    """
    if find_spec("OpenSSL") is None:
        return StockTLS(pair, names)
    from msrv.tls.listener import SocketTLS  # noqa: PLC0415 - it may lack

    return SocketTLS(pair, names)

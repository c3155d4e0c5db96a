"""Connections of our own beside boto3's, through the proxy and by the certificates that boto3 would take."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib3 import PoolManager


def pool_for(url: str, connections: int) -> "PoolManager":
    """Up to so many connections to the host of this URL, kept for later requests."""
    from botocore.httpsession import get_cert_path
    from botocore.utils import get_environ_proxies
    from urllib3 import PoolManager, ProxyManager

    proxy = get_environ_proxies(url).get(url.partition(":")[0])
    certificates = os.environ.get("AWS_CA_BUNDLE") or get_cert_path(True)
    if proxy:
        return ProxyManager(proxy, maxsize=connections, ca_certs=certificates)
    return PoolManager(maxsize=connections, ca_certs=certificates)

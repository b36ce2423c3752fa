"""The client that a command uses, through the proxy that the environment names."""

from typing import Any
from urllib.request import getproxies_environment, proxy_bypass

from loops_async.client import LoopsClient
from loops_async.connection import checked_base_url, checked_proxy, is_loopback
from loops_async.session import LoopsSession


def environment_proxy(base_url: str | None) -> str | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name for an address.

    Raises:
        ConfigurationError: The address or the proxy cannot be used.
    """
    url = checked_base_url(base_url)
    proxies = getproxies_environment()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    host = url.host or ""
    if not proxy or is_loopback(host) or proxy_bypass(f"{host}:{url.port}"):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    return checked_proxy(f"{url.scheme.upper()}_PROXY (or ALL_PROXY)", proxy)


class CommandClient:
    """A client for one command; enter it to send.

    Raises:
        ConfigurationError: No key, or a setting that cannot work.
    """

    def __init__(self, api_key: str | None, base_url: str | None, **options: Any) -> None:
        self.address: str = str(checked_base_url(base_url))
        self._session = LoopsSession(base_url=base_url, proxy=environment_proxy(base_url))
        self._client = self._session.client(api_key, **options)

    @property
    def is_local(self) -> bool:
        """Whether it sends to this machine, as to a sandbox."""
        return is_loopback(self._session.base_url.host)

    async def __aenter__(self) -> LoopsClient:
        return await self._client.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self._session.aclose()

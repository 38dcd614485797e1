"""On what terms the console is open: what the settings say of it."""

from typing import NamedTuple


class Provider(NamedTuple):
    """An OpenID Connect provider. Of people: e-mail addresses, `@domain`, names of groups, or `*`: anybody."""

    issuer: str
    client_id: str
    client_secret: str
    editors: tuple[str, ...] = ()
    viewers: tuple[str, ...] = ()


class Terms(NamedTuple):
    """Without tokens and provider the console is open, and answers only to this machine's own names."""

    token: str = ""  # an editor's
    viewer_token: str = ""
    provider: Provider | None = None
    secret: bytes = b""  # signs sessions; empty: a new one, and sessions end with the process
    host: str = "127.0.0.1"  # as bound
    url: str = ""  # public address of the console: scheme, host and port
    collector: str | int | None = None  # its public address; or its port, on the host that the browser asked

    @property
    def open(self) -> bool:
        return not (self.token or self.viewer_token or self.provider)

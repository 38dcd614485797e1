"""What no single setting shows: whether they fit together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sentinel import readers

if TYPE_CHECKING:
    from sentinel.settings import Settings


def disagreement(settings: "Settings") -> str:
    """One sentence that names the settings, or empty."""
    return next(_sentences(settings), "")


def _sentences(settings: "Settings") -> Iterator[str]:
    if settings.durability == "log" and settings.log is None:
        right = "SENTINEL_LOG=spool: has none: use disk, or SENTINEL_LOG=kafka://host:9092/topic"
        yield f"SENTINEL_DURABILITY=log waits for Kafka's acknowledgement, and {right}"
    yield from _of_the_console(settings)
    yield from _of_the_provider(settings)


def _of_the_console(settings: "Settings") -> Iterator[str]:
    login = settings.console_token or settings.oidc_issuer
    if not login and not readers.is_loopback(settings.console_host):
        yield (
            f"SENTINEL_CONSOLE_HOST={settings.console_host} opens the console to other machines: "
            "set SENTINEL_CONSOLE_TOKEN or SENTINEL_OIDC_ISSUER too, or use 127.0.0.1"
        )
    if settings.console_viewer_token and not login:
        yield "SENTINEL_CONSOLE_VIEWER_TOKEN alone lets nobody change anything: set SENTINEL_CONSOLE_TOKEN too"
    if settings.console_viewer_token and settings.console_viewer_token == settings.console_token:
        yield "SENTINEL_CONSOLE_VIEWER_TOKEN is the same as SENTINEL_CONSOLE_TOKEN: make it another one"


def _of_the_provider(settings: "Settings") -> Iterator[str]:
    needed = ("oidc_issuer", "oidc_client_id", "oidc_client_secret")
    people = ("oidc_editors", "oidc_viewers")
    given = [name for name in (*needed, *people) if getattr(settings, name)]
    missing = [name for name in needed if not getattr(settings, name)]
    if given and missing:
        yield f"{_name(given[0])} needs {' and '.join(map(_name, missing))} too"
    elif given and not (settings.oidc_editors or settings.oidc_viewers):
        yield "SENTINEL_OIDC_ISSUER alone lets nobody in: set SENTINEL_OIDC_EDITORS or SENTINEL_OIDC_VIEWERS too"


def _name(field: str) -> str:
    return f"SENTINEL_{field.upper()}"

"""The browser behind a User-Agent: ua-parser's families, its Rust matcher, and a bounded cache."""

from functools import cache, lru_cache
from typing import NamedTuple

from ua_parser import Domain, Resolver
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver as RustResolver


class Browser(NamedTuple):
    """Names as ua-parser has them ("Firefox", "HeadlessChrome", "Mobile Safari"); empty where it knows none."""

    name: str = ""
    version: str = ""  # all its parts, with dots
    os: str = ""


_WANTED = Domain.USER_AGENT | Domain.OS


@cache
def _resolver() -> Resolver:
    """Made at the first use: compiling its expressions takes a third of a second."""
    return RustResolver(load_lazy_builtins())


@lru_cache(maxsize=4096)
def browser(user_agent: str) -> Browser:
    found = _resolver()(user_agent, _WANTED)
    agent, system = found.user_agent, found.os
    name = version = ""
    if agent is not None:
        name = agent.family
        version = ".".join(part for part in (agent.major, agent.minor, agent.patch, agent.patch_minor) if part)
    return Browser(name, version, system.family if system is not None else "")


@lru_cache(maxsize=1024)
def major(version: str) -> str:
    return version.partition(".")[0]

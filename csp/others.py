"""Directives that hold no source list: sandbox (HTML), the Trusted Types directives, webrtc."""

from collections.abc import Callable

Values = tuple[str, ...]


def sandbox(values: Values, _name: str, destination: str) -> tuple[bool, str]:
    """Asked for by name: may a script run at all? A worker needs its origin too (§6.3.2.1).

    It takes no part in the other directives' decisions: what it forbids it forbids without a violation.
    """
    flags = {value.lower() for value in values}
    if "allow-scripts" not in flags:
        return False, "scripts need allow-scripts"
    if "worker" in destination and "allow-same-origin" not in flags:
        return False, "a worker needs allow-same-origin"
    return True, "it has allow-scripts"


def require_trusted_types(values: Values, _name: str, _destination: str) -> tuple[bool, str]:
    if "'script'" in values:
        return False, "a script sink was given a plain string"
    return True, "it names no sink"


def trusted_types(values: Values, name: str, _destination: str) -> tuple[bool, str]:
    """May a policy of this name be created? Names are case-sensitive."""
    if "*" in values:
        return True, "* matches"
    if name and name in values and not name.startswith("'"):
        return True, f"{name} is listed"
    return False, f"{name or 'the policy'} is not listed"


def webrtc(values: Values, _name: str, _destination: str) -> tuple[bool, str]:
    allowed = len(values) == 1 and values[0].lower() == "'allow'"
    return allowed, "it allows WebRTC" if allowed else "only 'allow' would allow WebRTC"


OTHER_CHECKS: dict[str, Callable[[Values, str, str], tuple[bool, str]]] = {
    "sandbox": sandbox,
    "require-trusted-types-for": require_trusted_types,
    "trusted-types": trusted_types,
    "webrtc": webrtc,
}

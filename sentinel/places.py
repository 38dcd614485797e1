"""SENTINEL_LOG and SENTINEL_STORE: a URL into the place it names. No sentence here quotes what may be a secret."""

import difflib
import ipaddress
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from log.places import DEAD, KafkaPlace
from schema.places import ClickHousePlace
from sentinel.readers import HOST, PATH, Reader, WrongValue, choice, whole, without_secrets

_MECHANISMS = {"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"}
# Kafka's own names (security.protocol) say what scheme and user say already: over TLS, with a user.
_PROTOCOLS = {
    "plaintext": (False, False),
    "ssl": (True, False),
    "sasl_plaintext": (False, True),
    "sasl_ssl": (True, True),
}
_SHAPE = ("partitions", "replication", "min_isr", "retention")

_TOPIC = re.compile(r"[a-zA-Z0-9._-]+", re.ASCII)
_LONGEST_NAME = 249  # Kafka's Topic.MAX_NAME_LENGTH: a partition's folder must fit a file name
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)

_REST = re.compile(r"(?P<authority>[^/?#]*)(?:/(?P<path>[^?#]*))?(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?", re.DOTALL)


def _duration(text: str) -> int:
    match = _DURATION.fullmatch(text.lower())
    milliseconds = int(match[1]) * _UNIT_MS[match[2]] if match else 0
    if not _UNIT_MS["m"] <= milliseconds <= 3650 * _UNIT_MS["d"]:
        raise WrongValue("should be a whole number and s, m, h or d, like 24h or 7d, from 1m to 3650d")
    return milliseconds


def _acks(text: str) -> str:
    if text.lower() not in {"all", "-1", "1"}:
        raise WrongValue("should be all or 1: with fewer acknowledgements a broker that stops would lose reports")
    return "1" if text == "1" else "all"


def _group(text: str) -> str:
    if not _TOPIC.fullmatch(text) or len(text) > _LONGEST_NAME:
        raise WrongValue(f"should be 1 to {_LONGEST_NAME} ASCII letters, digits, dots, dashes and underscores")
    return text


def _ca(text: str) -> str:
    if not text:
        raise WrongValue("should be the path of a PEM file")
    return str(PATH.read(text))


def _cluster(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", text, re.ASCII):
        raise WrongValue("should be a name from ClickHouse's remote_servers: ASCII letters, digits, _, - and .")
    return text


_KAFKA: dict[str, Reader] = {
    "partitions": whole(1, 10_000),
    "replication": whole(1, 20),
    "min_isr": whole(1, 20),
    "retention": Reader("duration", _duration),
    "acks": Reader("all | 1", _acks),
    "security": choice(*_MECHANISMS, *_PROTOCOLS),
    "ca": Reader("path", _ca),
    "group": Reader("text", _group),
}
_CLICKHOUSE: dict[str, Reader] = {"cluster": Reader("text", _cluster), "ca": Reader("path", _ca)}


def _log(text: str) -> KafkaPlace | None:
    """None: the spool is the log."""
    if text.lower() == OWN["log"]:
        return None
    url = _split(text, "kafka", "should be spool: or kafka://host:9092/topic (kafkas:// for TLS)")
    brokers = tuple(_broker(broker) for broker in url.hosts.split(","))
    given = _parameters(url, _KAFKA)
    if url.user and not url.password:
        raise WrongValue("a user needs a password: kafka://user:password@host:9092/topic")
    replication = given.get("replication", KafkaPlace.replication)
    min_isr = given.get("min_isr", min(KafkaPlace.min_isr, replication))
    if min_isr > replication:
        raise WrongValue(f"min_isr should be from 1 to {replication}, the number of replicas (replication)")
    return KafkaPlace(
        brokers=brokers,
        topic=_topic(url.path) if url.path else KafkaPlace.topic,
        tls=url.tls,
        user=url.user,
        password=url.password,
        mechanism=_mechanism(given.get("security", ""), url),
        ca=given.get("ca", ""),
        acks=given.get("acks", KafkaPlace.acks),
        group=given.get("group", KafkaPlace.group),
        partitions=given.get("partitions", KafkaPlace.partitions),
        replication=replication,
        min_isr=min_isr,
        retention_ms=given.get("retention", KafkaPlace.retention_ms),
        given=frozenset(given.keys() & _SHAPE),
        url=without_secrets(text),
    )


def _store(text: str) -> ClickHousePlace | None:
    """None: ClickHouse in this process."""
    if text.lower() == OWN["store"]:
        return None
    url = _split(text, "clickhouse", "should be chdb: or clickhouse://host:8123/database (clickhouses:// for TLS)")
    if "," in url.hosts:
        raise WrongValue("should name one host, of any replica or a balancer: the others are found by ?cluster=")
    host, port = _host_and_port(url.hosts, 8443 if url.tls else 8123)
    given = _parameters(url, _CLICKHOUSE)
    if not re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)?", url.path, re.ASCII):
        raise WrongValue("the database should be ASCII letters, digits and _, not a digit first")
    return ClickHousePlace(
        host=host.strip("[]"),
        port=port,
        tls=url.tls,
        user=url.user or ClickHousePlace.user,
        password=url.password,
        database=url.path or ClickHousePlace.database,
        cluster=given.get("cluster", ""),
        ca=given.get("ca", ""),
        url=without_secrets(text),
    )


OWN = {"log": "spool:", "store": "chdb:"}  # how None is written
LOG = Reader("URL", _log)
STORE = Reader("URL", _store)


def _topic(path: str) -> str:
    most = _LONGEST_NAME - len(DEAD)
    if not _TOPIC.fullmatch(path) or path in {".", ".."} or len(path) > most:
        raise WrongValue(f"the topic should be 1 to {most} ASCII letters, digits, dots, dashes and underscores")
    return path


def _broker(text: str) -> str:
    host, port = _host_and_port(text, 9092)
    return f"{host}:{port}"


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    """An IPv6 host stays in its brackets."""
    match = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::([0-9]{1,5}))?", text, re.ASCII)
    if match is None or not 1 <= (port := int(match[2] or default)) <= 65535:
        raise WrongValue("a host should be a name or an address, IPv6 in brackets, and a port from 1 to 65535 behind :")
    host = match[1]
    try:
        if host.startswith("["):
            ipaddress.IPv6Address(host[1:-1])
        else:
            HOST.read(host)
    except (WrongValue, ValueError) as error:
        raise WrongValue("a host should be a name like broker-1.example or an address, IPv6 in brackets") from error
    return host, port


def _mechanism(security: str, url: "_Url") -> str:
    if security in _PROTOCOLS and _PROTOCOLS[security] != (url.tls, bool(url.user)):
        tls, user = _PROTOCOLS[security]
        form = f"{'kafkas' if tls else 'kafka'}://{'user:password@' if user else ''}host:9092/topic"
        raise WrongValue(f"security={security} goes with {form}")
    if security in _MECHANISMS and not url.user:
        raise WrongValue(f"security={security} needs a user: kafka://user:password@host:9092/topic")
    return _MECHANISMS.get(security, _MECHANISMS["plain"]) if url.user else ""


class _Url(NamedTuple):
    """`user` and `password` decoded; the rest as it stands, hosts first: a name is only quoted behind good ones."""

    scheme: str
    tls: bool
    user: str
    password: str
    hosts: str
    path: str
    query: str


def _split(text: str, scheme: str, right: str) -> _Url:
    """`right` is told where `text` has another scheme."""
    start, slashes, rest = text.partition("://")
    match = _REST.fullmatch(rest)
    if not slashes or start.lower() not in {scheme, f"{scheme}s"} or match is None:
        raise WrongValue(right)
    userinfo, at, hosts = match["authority"].rpartition("@")
    # An @ further on means that the authority ended inside a password: what follows must not be quoted.
    if "@" in rest[match.end("authority") :] or match["fragment"] or re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise WrongValue("signs like @ / ? # % in a user, a password or a path should be written %40 %2F %3F %23 %25")
    if re.search("@.*,", userinfo):
        raise WrongValue("should have user and password once, before the first host; an @ in them is written %40")
    user, _, password = userinfo.partition(":")
    if at and not user:
        raise WrongValue(f"should have a user before the password: {scheme}://user:password@host")
    tls = start.lower() != scheme
    return _Url(scheme, tls, _decoded(user), _decoded(password), hosts, match["path"] or "", match["query"] or "")


def _parameters(url: _Url, readers: Mapping[str, Reader]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in url.query.split("&") if url.query else ():
        name, _, text = part.partition("=")
        if name not in readers:
            raise WrongValue(_unknown(name, list(readers)))
        if name in found:
            raise WrongValue(f"{name} is given twice: keep one")
        try:
            found[name] = readers[name].read(_decoded(text))
        except WrongValue as error:
            raise WrongValue(f"{name} {error}") from error
    if "ca" in found and not url.tls:
        raise WrongValue(f"ca is for TLS: {url.scheme}s://")
    return found


def _unknown(name: str, known: list[str]) -> str:
    shown = f" {name}" if re.fullmatch(r"[\w.-]{1,40}", name, re.ASCII) else ""
    stem = re.sub(r"[.-]", "_", name.lower())
    close = [word for word in known if len(stem) > 2 and stem in word] or difflib.get_close_matches(stem, known, 1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"there is no parameter{shown}{meant}; there are {', '.join(known)}"


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
        decoded.encode()  # bytes of the environment that are no UTF-8 are lone surrogates
    except UnicodeError as error:
        raise WrongValue("should be UTF-8, also where it is written with %") from error
    if any(ord(char) < 32 or ord(char) == 127 for char in decoded):
        raise WrongValue("should have no control characters, also not written with %")
    return decoded

"""Host names: their one spelling, the registrable domain, and which of them are nobody's public site."""

import ipaddress
import re
from functools import cache, lru_cache
from urllib.parse import unquote

import idna
import tldextract

LONGEST = 253  # a name's most in the DNS
_FORBIDDEN = re.compile(r"""[\x00-\x20\x7f"#%/:<>?@\[\\\]^`{|}]""")  # the URL standard's, and quotes
# Without a list to fetch and a folder to keep it in, tldextract reads the list it was packed with.
_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
_RESERVED = (".localhost", ".local", ".test", ".example")  # RFC 6761 and 6762
_PRIVATE = [
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@lru_cache(maxsize=8192)
def host_name(raw: str) -> str:
    """Lower case, punycode, no trailing dot, IPv6 without brackets (rule 15); empty where it can't be a host."""
    if len(raw) > LONGEST + 2:
        return ""
    if raw.startswith("["):
        return _ipv6(raw[1:].partition("]")[0].partition("%")[0])
    name = unquote(raw) if "%" in raw else raw
    if not name.isascii():
        name = _punycode(name)
    name = name.lower().rstrip(".")
    return "" if len(name) > LONGEST or _FORBIDDEN.search(name) else name


def _ipv6(text: str) -> str:
    try:
        return ipaddress.IPv6Address(text).compressed
    except ValueError:
        return ""


def _punycode(name: str) -> str:
    """As browsers do (UTS 46, nothing else checked): emoji hosts exist, and strict IDNA refuses them."""
    try:
        mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
        return ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in mapped.split(".")
        )
    except (idna.IDNAError, UnicodeError):
        return ""


@lru_cache(maxsize=8192)
def site_of(host: str) -> str:
    """The registrable domain; an address, a public suffix or a single label is its own."""
    if address(host):
        return host
    if _PLAIN.fullmatch(host) and "xn--" not in host:
        return _site_of_plain(host)
    found = _suffixes(host)
    if found.suffix:
        return found.top_domain_under_public_suffix or host
    return ".".join(host.split(".")[-2:])  # the public suffix list's own rule for what isn't in it


_PLAIN = re.compile(r"[a-z0-9_-]++(?:\.[a-z0-9_-]++)*+")
_Tree = dict[str, "_Tree"]
_END = "."  # no label


def _site_of_plain(host: str) -> str:
    """What tldextract finds, in a fifth of its time: nothing is to be decoded or cut off."""
    labels = host.split(".")
    start = _suffix_start(labels)
    if start == len(labels):
        return ".".join(labels[-2:])
    return ".".join(labels[start - 1 :]) if start else host


def _suffix_start(labels: list[str]) -> int:
    """Where the public suffix begins; behind the last label where there is none."""
    below = _tree()
    start = at = len(labels)
    for label in reversed(labels):
        if label not in below:
            if "*" in below:
                return at if f"!{label}" in below else at - 1
            break
        at -= 1
        below = below[label]
        if _END in below:
            start = at
    return start


@cache
def _tree() -> _Tree:
    """The rules of the list, label by label from the right; made at the first use, in 20 ms."""
    tree: _Tree = {}
    for rule in _suffixes.tlds:
        below = tree
        for label in reversed(rule.split(".")):
            below = below.setdefault(label, {})
        below[_END] = {}
    return tree


@lru_cache(maxsize=8192)
def looks_like_host(word: str) -> bool:
    """Most words could be a host's name; this one is an address, ends in a known top level, or is localhost."""
    if word == "localhost" or address(word):
        return True
    return bool(_suffixes(word).top_domain_under_public_suffix) or word.endswith(_RESERVED)


def address(host: str) -> Address | None:
    """The IP address that `host` is, if it is one."""
    if not (host[-1:].isdigit() or ":" in host):
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def is_local(host: str) -> bool:
    """Loopback, link-local and private: somebody's own machine or network (rule 24)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    found = address(host)
    if found is None:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in block for block in _PRIVATE)


def belongs(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or under it, by whole labels."""
    return host == domain or host.endswith("." + domain)

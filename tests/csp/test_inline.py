"""Nonces, hashes, `'unsafe-inline'` and its relatives: CSP3 §6.7.1, §6.7.3, §4.4.1, §4.5.1."""

import hashlib
from base64 import b64encode, urlsafe_b64encode

import pytest

from tests.csp.asking import allows

ALERT = "alert(1)"
PLUS = "alert(28)"  # its SHA-256 has both + and / in base64


def digest(text: str, algorithm: str = "sha256", encode=b64encode) -> str:
    return encode(hashlib.new(algorithm, text.encode()).digest()).decode()


def source(text: str, algorithm: str = "sha256", encode=b64encode) -> str:
    return f"'{algorithm}-{digest(text, algorithm, encode)}'"


HASH = source(ALERT)
TYPES = {
    "script": "script-src-elem",
    "style": "style-src-elem",
    "script attribute": "script-src-attr",
    "style attribute": "style-src-attr",
    "navigation": "script-src-elem",
}
ALL = set(TYPES)
ELEMENTS = {"script", "style"}
STYLES = {"style", "style attribute"}

# default-src's value, what more is asked, the types that are allowed (the text is always ALERT)
TABLE = [
    ("", {}, set()),
    ("'none'", {}, set()),
    ("*", {}, set()),
    ("'self' https:", {}, set()),
    ("'unsafe-inline'", {}, ALL),
    ("'UNSAFE-inline' 'self'", {}, ALL),
    ("unsafe-inline", {}, set()),
    ("'unsafe-inline' 'nonce-a'", {}, set()),
    ("'unsafe-inline' 'nonce-a'", {"nonce": "a"}, ELEMENTS),
    ("'unsafe-inline' 'sha256-abc'", {}, set()),
    ("'unsafe-inline' 'nonce-{a}'", {}, ALL),  # no nonce, by the grammar
    ("'unsafe-inline' 'sha256-'", {}, ALL),
    ("'unsafe-inline' 'sha1-abc'", {}, ALL),
    ("'unsafe-inline' 'sha-256-abc'", {}, ALL),
    ("'unsafe-inline' 'strict-dynamic'", {"parser_inserted": True}, STYLES),
    ("'unsafe-inline' 'strict-dynamic'", {}, STYLES | {"script"}),
    ("'strict-dynamic'", {}, {"script"}),
    ("'strict-dynamic'", {"parser_inserted": True}, set()),
    ("'nonce-a'", {"nonce": "a"}, ELEMENTS),
    ("'nonce-a'", {"nonce": "A"}, set()),
    ("'nonce-a'", {"nonce": ""}, set()),
    ("'nonce-a'", {}, set()),
    ("'NONCE-a'", {"nonce": "a"}, ELEMENTS),
    ("'nonce-a' 'nonce-b'", {"nonce": "b"}, ELEMENTS),
    ("'nonce-a+b/c=='", {"nonce": "a+b/c=="}, ELEMENTS),
    ("'nonce-a+b/c=='", {"nonce": "a-b_c=="}, set()),
    ("'nonce-a==='", {"nonce": "a==="}, set()),
    ("'nonce-a' 'unsafe-hashes'", {"nonce": "a"}, ELEMENTS),
    ("'nonce-a' 'strict-dynamic'", {"nonce": "a", "parser_inserted": True}, ELEMENTS),
    (HASH, {}, ELEMENTS),
    (HASH + " 'unsafe-inline'", {}, ELEMENTS),
    (HASH + " 'unsafe-hashes'", {}, ALL),
    (HASH + " 'Unsafe-Hashes' 'strict-dynamic'", {"parser_inserted": True}, ALL),
    ("'unsafe-hashes'", {}, set()),
    (source(ALERT, "sha384"), {}, ELEMENTS),
    (source(ALERT, "sha512"), {}, ELEMENTS),
    (HASH.replace("sha256", "SHA256"), {}, ELEMENTS),
    (HASH.replace("sha256", "sha384"), {}, set()),
    (HASH.replace("=", ""), {}, set()),
    (HASH.swapcase(), {}, set()),
    (source("alert(2)"), {}, set()),
    ("'unsafe-hashes' " + source("alert(2)"), {}, set()),
]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("value, request_, allowed", TABLE)
def test_inline(value, request_, allowed, kind):
    ask = {"inline": True, "inline_type": kind, "text": ALERT, **request_}
    assert allows(f"default-src {value}", TYPES[kind], **ask) is (kind in allowed)
    own = f"{TYPES[kind]} {value}; default-src 'none'"
    assert allows(own, TYPES[kind], **ask) is (kind in allowed)


@pytest.mark.parametrize(
    "text", ["", "\n" + ALERT, "“ünïcödé”", "\U0001f600", "javascript:alert(1)", "a\r\nb", "\x00", "x" * 100_000]
)
def test_a_hash_covers_the_text_as_utf_8(text):
    assert allows(f"script-src {source(text)}", "script-src-elem", inline=True, text=text)
    assert not allows(f"script-src {source(text)}", "script-src-elem", inline=True, text=text + " ")


def test_a_lone_surrogate_hashes_as_the_replacement_character():
    policy = f"script-src {source('a�b�')}"
    assert allows(policy, "script-src-elem", inline=True, text="a\ud800b\udc00")
    assert allows(f"script-src {source('😀')}", "script-src-elem", inline=True, text="\ud83d\ude00")


def test_base64url_is_base64_for_inline_hashes():
    text = next(f"alert({n})" for n in range(1000) if {"+", "/"} <= set(digest(f"alert({n})")))
    url_safe = source(text, encode=urlsafe_b64encode)
    assert url_safe != source(text)
    assert allows(f"script-src {url_safe}", "script-src-elem", inline=True, text=text)


def test_a_javascript_url_is_hashed_whole():
    url = "javascript:alert(1)"
    policy = "script-src 'unsafe-hashes' "
    ask = {"inline": True, "inline_type": "navigation"}
    assert allows(policy + source(url), "script-src-elem", **ask, text=url)
    assert allows(policy + source(url), "script-src-elem", **ask, url=url)
    assert not allows(policy + source(ALERT), "script-src-elem", **ask, text=url)
    assert not allows("script-src " + source(url), "script-src-elem", **ask, text=url)
    assert not allows("script-src 'nonce-a'", "script-src-elem", **ask, text=url, nonce="a")


@pytest.mark.parametrize(
    "directive, kind",
    [("script-src", "script"), ("script-src-attr", "script attribute"), ("style-src", "style")],
)
def test_without_a_type_the_directive_suggests_it(directive, kind):
    for value in ("'nonce-a'", "'unsafe-inline'", HASH, "'strict-dynamic'"):
        policy = f"default-src {value}"
        given = {"inline": True, "text": ALERT, "nonce": "a"}
        assert allows(policy, directive, **given) == allows(policy, directive, **given, inline_type=kind)


@pytest.mark.parametrize(
    "policy, evals, wasms",
    [
        ("", True, True),
        ("img-src 'none'", True, True),
        ("script-src 'self'", False, False),
        ("script-src 'UNSAFE-eval'", True, True),
        ("script-src 'wasm-unsafe-eval'", False, True),
        ("script-src 'wasm-eval'", False, False),
        ("script-src", False, False),
        ("default-src 'none'", False, False),
        ("default-src 'unsafe-eval'", True, True),
        ("default-src 'unsafe-eval'; script-src 'self'", False, False),
        ("default-src 'none'; script-src 'unsafe-eval'", True, True),
        ("script-src-elem 'none'; script-src-attr 'none'", True, True),
        ("script-src-elem 'unsafe-eval'; script-src 'none'", False, False),
        ("worker-src 'none'", True, True),
        ("script-src 'unsafe-eval', default-src 'self'", False, False),
        ("script-src 'unsafe-eval' 'strict-dynamic' 'nonce-a'", True, True),
        ("script-src 'trusted-types-eval'", False, False),
        ("script-src 'trusted-types-eval'; require-trusted-types-for 'script'", True, False),
        ("script-src 'trusted-types-eval', require-trusted-types-for 'script'", True, False),
        ("script-src 'trusted-types-eval'; require-trusted-types-for", False, False),
    ],
)
def test_eval_and_wasm_ask_script_src_or_default_src(policy, evals, wasms):
    for directive in ("script-src", "script-src-elem"):
        assert allows(policy, directive, eval=True) is evals
        assert allows(policy, directive, wasm=True) is wasms


ELSEWHERE = "https://elsewhere.test/a.js"
# script-src's value, what more is asked, whether the script may load
EXTERNAL = [
    ("https://elsewhere.test 'nonce-a'", {"nonce": "b"}, True),  # an allow-listed URL loads whatever its nonce
    ("https://elsewhere.test 'nonce-a'", {}, True),
    ("https://elsewhere.test 'sha256-abc'", {"integrity": "sha256-def"}, True),
    ("'nonce-a'", {"nonce": "a"}, True),
    ("'nonce-a'", {"nonce": "b"}, False),
    ("'nonce-a'", {}, False),
    ("'unsafe-inline'", {}, False),
    ("'strict-dynamic' https:", {"parser_inserted": True}, False),
    ("'strict-dynamic' *", {"parser_inserted": True}, False),
    ("'strict-dynamic' 'self'", {}, True),
    ("'strict-dynamic' 'none'", {}, True),
    ("'strict-dynamic' 'nonce-a'", {"nonce": "a", "parser_inserted": True}, True),
    ("'strict-dynamic' 'sha256-abc'", {"integrity": "sha256-abc", "parser_inserted": True}, True),
    ("'STRICT-dynamic'", {"parser_inserted": True}, False),
    ("'sha256-abc'", {"integrity": "sha256-abc"}, True),
    ("'SHA256-abc'", {"integrity": "Sha256-abc"}, True),
    ("'sha256-abc'", {"integrity": "sha256-abC"}, False),
    ("'sha256-abc'", {"integrity": "sha384-abc"}, False),
    ("'sha256-abc'", {"integrity": ""}, False),
    ("'sha256-abc'", {"integrity": "  \n"}, False),
    ("'sha256-abc'", {"integrity": "sha1-abc"}, False),
    ("'sha1-abc'", {"integrity": "sha1-abc"}, False),
    ("'sha256-abc'", {"integrity": "sha256-abc sha1-def md5-x nonsense"}, True),
    ("'sha256-abc'", {"integrity": "sha256-abc sha256-{}"}, True),
    ("'sha256-abc'", {"integrity": "\tsha256-abc?ct=application/javascript  sha256-abc"}, True),
    ("'sha256-abc' 'sha384-def'", {"integrity": "sha256-abc"}, True),
    ("'sha256-abc' 'sha384-def'", {"integrity": "sha384-def"}, True),
    ("'sha256-abc' 'sha384-def'", {"integrity": "sha256-abc sha384-def"}, True),
    ("'sha256-abc' 'sha384-def'", {"integrity": "sha256-abc sha384-abc"}, False),
    ("'sha256-abc'", {"integrity": "sha256-abc sha384-def"}, False),
    ("'sha256-a-c'", {"integrity": "sha256-a+c"}, False),  # here they are compared letter by letter
]


@pytest.mark.parametrize("value, request_, expected", EXTERNAL)
def test_external_scripts(value, request_, expected):
    for policy in (f"script-src {value}", f"default-src {value}", f"script-src-elem {value}; script-src 'none'"):
        assert allows(policy, "script-src-elem", url=ELSEWHERE, **request_) is expected


@pytest.mark.parametrize(
    "value, request_, expected",
    [
        ("'nonce-a'", {"nonce": "a"}, True),
        ("'nonce-a'", {"nonce": "b"}, False),
        ("'sha256-abc'", {"integrity": "sha256-abc"}, False),
        ("'strict-dynamic'", {}, False),
        ("'strict-dynamic' https:", {"parser_inserted": True}, True),
    ],
)
def test_external_styles_know_nonces_but_neither_hashes_nor_strict_dynamic(value, request_, expected):
    assert allows(f"style-src {value}", "style-src-elem", url=ELSEWHERE, **request_) is expected


@pytest.mark.parametrize("directive", ["img-src", "font-src", "connect-src", "object-src", "frame-src", "manifest-src"])
def test_elsewhere_only_the_url_counts(directive):
    policy = "default-src 'nonce-a' 'sha256-abc' 'strict-dynamic' https://a.b"
    given = {"nonce": "a", "integrity": "sha256-abc"}
    assert not allows(policy, directive, url=ELSEWHERE, **given)
    assert allows(policy, directive, url="https://a.b/", parser_inserted=True)

"""Where naive matchers fail: one test a point, by the numbers of docs/matching.md."""

from tests.csp.asking import DOCUMENT, allows, ask, loads

HTTP = "http://example.test/"


def test_1_schemes_cover_their_secure_form():
    assert loads("ws:", "http://a.b")
    assert loads("ws:", "https://a.b")
    assert loads("wss:", "https://a.b")
    assert not loads("http:", "ws://a.b")
    assert not loads("http:", "wss://a.b")


def test_2_a_source_without_a_scheme_takes_the_documents():
    assert loads("a.b", "http://a.b", HTTP)
    assert loads("a.b", "https://a.b", HTTP)
    assert not loads("a.b", "http://a.b", DOCUMENT)
    for document in ("about:srcdoc", "data:,", "app://x", "null", ""):
        assert not loads("a.b", "https://a.b", document)
    assert loads("'self'", "wss://example.test", HTTP)
    assert not loads("'self'", "https://example.test:444", HTTP)


def test_3_no_port_is_the_schemes_own():
    assert not loads("https://a.b", "https://a.b:444")
    assert loads("http:", "http://a.b:81")
    assert not loads("http://*", "http://a.b:81")
    assert loads("http://a.b:80", "https://a.b")


def test_4_the_star_is_for_network_schemes_and_the_documents_own():
    assert all(loads("*", f"{scheme}://a.b") for scheme in ("http", "https", "ws", "wss"))
    assert loads("*", "app://x/y", "app://x/")
    for url in ("data:,", "blob:https://example.test/1", "filesystem:https://example.test/t/1", "app://x"):
        assert not loads("*", url)
    assert not loads("*:*", "http://a.b")
    assert not loads("*.a.b", "https://a.b")


def test_5_blob_and_filesystem_match_their_schemes_only():
    for scheme in ("blob", "filesystem"):
        url = f"{scheme}:https://example.test/1"
        assert not loads("'self' https: * example.test", url)
        assert loads(f"{scheme}:", url)


def test_6_paths():
    assert not loads("a.b/c", "https://a.b/c/")
    assert loads("a.b/c/", "https://a.b/c/d")
    assert not loads("a.b/c", "https://a.b/C")
    assert not loads("a.b/c/d", "https://a.b/c%2Fd")
    assert loads("a.b/%3B%2C", "https://a.b/;,")
    assert loads("a.b/c", "https://a.b/c?d#e")
    assert loads("a.b/c", "https://a.b/d", redirected=True)
    assert not loads("a.b/c", "https://c.b/c", redirected=True)
    assert not loads("a.b/c", "http://a.b/c", redirected=True)
    assert loads("a.b/c?x#y", "https://a.b/c")
    assert loads("10.0.0.1", "https://10.0.0.1/")


def test_7_none_empty_and_nonsense():
    assert loads("'none' https:", "https://a.b")
    assert not loads("", "https://a.b")
    assert ask("default-src *; img-src !!", "img-src", url="https://a.b")[:2] == (False, "img-src")
    assert ask("default-src *; img-src é", "img-src", url="https://a.b")[:2] == (True, "default-src")


def test_8_grammar_of_policies():
    assert allows("IMG-SRC *; img-src 'none'", "img-src", url="https://a.b")
    assert allows("script-src: 'none'", "script-src-elem", url="https://a.b")
    assert allows("script-src 'self' img-src 'none'", "img-src", url="https://a.b")
    assert loads("a.b\x0cc.d", "https://c.d")
    assert not loads("a.b\x0bc.d", "https://c.d")
    assert ask("img-src a.b\xa0c.d", "img-src", url="https://c.d").directive is None  # not ASCII: all of it is gone
    assert loads("a.b:00443", "https://a.b")


def test_9_fallback_does_not_merge():
    assert not allows("default-src *; img-src", "img-src", url="https://a.b")
    assert ask("child-src 'none'; script-src *", "worker-src", url="https://a.b").directive == "child-src"
    assert allows("script-src-elem 'none'; script-src-attr 'none'", "script-src", eval=True)
    for directive in ("base-uri", "form-action", "frame-ancestors"):
        assert allows("default-src 'none'", directive, url="https://a.b")


def test_10_nonces_hashes_and_strict_dynamic():
    assert allows("script-src a.b 'nonce-x'", "script-src-elem", url="https://a.b", nonce="y")
    assert not allows("script-src 'unsafe-inline' 'nonce-x'", "script-src-elem", inline=True)
    strict = "default-src 'strict-dynamic' https: 'self' 'unsafe-inline'"
    assert not allows(strict, "script-src-elem", url="https://a.b", parser_inserted=True)
    assert not allows(strict, "script-src-elem", inline=True, parser_inserted=True)
    assert allows(strict, "script-src-elem", inline=True, parser_inserted=False)
    assert allows(strict, "img-src", url="https://a.b")
    assert allows(strict, "style-src-elem", inline=True)


def test_11_nonces_are_exact_and_for_elements():
    policy = "script-src 'nonce-a+b'"
    assert allows(policy, "script-src-elem", inline=True, nonce="a+b")
    for nonce in ("A+b", "a-b", ""):
        assert not allows(policy, "script-src-elem", inline=True, nonce=nonce)
    for kind in ("script attribute", "navigation"):
        assert not allows(policy, "script-src-attr", inline=True, inline_type=kind, nonce="a+b")


def test_12_every_recognised_integrity_item_must_be_listed():
    policy = "script-src 'sha256-abc'"
    for integrity, expected in (
        ("sha256-abc", True),
        ("sha256-abc md5-x", True),
        ("sha256-abc sha512-x", False),
        ("md5-x", False),
    ):
        assert allows(policy, "script-src-elem", url="https://a.b", integrity=integrity) is expected


def test_13_attributes_need_unsafe_hashes():
    digest = "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"  # of alert(1)
    given = {"inline": True, "inline_type": "script attribute", "text": "alert(1)"}
    assert allows(f"script-src {digest}", "script-src-elem", inline=True, text="alert(1)")
    assert not allows(f"script-src {digest}", "script-src-attr", **given)
    assert not allows("script-src 'unsafe-hashes'", "script-src-attr", **given)
    assert allows(f"script-src 'unsafe-hashes' {digest}", "script-src-attr", **given)


def test_14_strict_dynamic_cancels_unsafe_inline_for_scripts_only():
    policy = "default-src 'strict-dynamic' 'unsafe-inline'"
    assert not allows(policy, "script-src-elem", inline=True, parser_inserted=True)
    assert allows(policy, "style-src-elem", inline=True, parser_inserted=True)


def test_15_workers():
    assert allows("script-src 'nonce-a'", "worker-src", url="https://a.b", nonce="a")
    assert not allows("worker-src 'nonce-a'", "worker-src", url="https://a.b", nonce="a")
    assert allows("worker-src 'strict-dynamic'", "worker-src", url="https://a.b")


def test_16_every_ancestor_must_match_and_opaque_ones_never_do():
    assert allows("frame-ancestors https:", "frame-ancestors", ancestors=["https://a.b", "https://c.d"])
    assert not allows("frame-ancestors https:", "frame-ancestors", ancestors=["https://a.b", "http://c.d"])
    assert not allows("frame-ancestors *", "frame-ancestors", ancestors=["null"])


def test_17_every_policy_must_allow_it():
    assert not allows("img-src *, img-src 'none'", "img-src", url="https://a.b")
    assert allows("img-src *, img-src https:", "img-src", url="https://a.b")

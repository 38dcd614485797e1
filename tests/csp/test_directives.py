"""Which directive decides (CSP3 §6.8), and what each checks (§6.1 to §6.4)."""

import pytest

from csp.fallback import CHAINS
from tests.csp.asking import allows, ask, words

HERE = "https://example.test/x"
EVERY = "; ".join(f"{name} https://{name}.test" for name in CHAINS)


@pytest.mark.parametrize("effective", CHAINS)
def test_each_step_of_a_chain_governs_when_those_before_it_are_gone(effective):
    names = list(CHAINS)
    for name in CHAINS[effective]:
        policy = "; ".join(f"{each} https://{each}.test" for each in names)
        there, elsewhere = f"https://{name}.test/", "https://other.test/"
        assert ask(policy, effective, url=there, ancestors=[there])[:2] == (True, name)
        assert ask(policy, effective, url=elsewhere, ancestors=[elsewhere])[:2] == (False, name)
        names.remove(name)
    rest = "; ".join(f"{each} 'none'" for each in names)
    assert ask(rest, effective, url=HERE, ancestors=[HERE])[:2] == (True, None)


@pytest.mark.parametrize(
    "effective, chain",
    [
        ("worker-src", "worker-src child-src script-src default-src"),
        ("frame-src", "frame-src child-src default-src"),
        ("fenced-frame-src", "fenced-frame-src frame-src child-src default-src"),
        ("script-src-elem", "script-src-elem script-src default-src"),
        ("script-src-attr", "script-src-attr script-src default-src"),
        ("style-src-elem", "style-src-elem style-src default-src"),
        ("style-src-attr", "style-src-attr style-src default-src"),
        *((f"{name}-src", f"{name}-src default-src") for name in words("img font media object connect manifest")),
        *((f"{name}-src", f"{name}-src default-src") for name in words("child script style prefetch")),
        *((name, name) for name in words("base-uri form-action frame-ancestors navigate-to default-src")),
    ],
)
def test_the_chains_are_the_specifications(effective, chain):
    assert list(CHAINS[effective]) == chain.split()


@pytest.mark.parametrize(
    "policy, effective, expected",
    [
        ("default-src *; img-src", "img-src", (False, "img-src")),  # present and empty replaces it
        ("default-src 'none'; img-src *", "img-src", (True, "img-src")),
        ("default-src 'self'; img-src https://a.b", "img-src", (False, "img-src")),  # nothing is merged
        ("IMG-src 'NONE'", "IMG-SRC", (False, "img-src")),
        ("img-src: 'none'", "img-src", (True, None)),
        ("img-src *; img-src 'none'", "img-src", (True, "img-src")),
        ("default-src 'none'; img-src ü *", "img-src", (False, "default-src")),
        ("img-src 'none' ü", "img-src", (True, None)),
        ("img-src **; default-src *", "img-src", (False, "img-src")),  # only nonsense is not absent
        ("img-src 'none' https://example.test", "img-src", (True, "img-src")),
        ("img-src 'none' 'none'", "img-src", (False, "img-src")),
        ("script-src x img-src 'none'", "img-src", (True, None)),
        ("plugin-types application/pdf", "plugin-types", (True, None)),
        ("nonsense 'none'", "nonsense", (True, None)),
        ("report-uri /x", "report-uri", (True, None)),
        ("", "img-src", (True, None)),
        (" ; ,; ", "img-src", (True, None)),
        ("img-src\x0chttps://example.test", "img-src", (True, "img-src")),
        ("img-src\x0b*", "img-src", (True, None)),  # vertical tab is part of the name
        ("img-src\xa0*", "img-src", (True, None)),
    ],
)
def test_what_governs(policy, effective, expected):
    assert ask(policy, effective, url=HERE)[:2] == expected


@pytest.mark.parametrize(
    "policy, expected",
    [
        ("img-src *, img-src 'none'", (False, "img-src")),
        ("img-src 'none',img-src *", (False, "img-src")),
        ("default-src *, font-src 'none'", (True, "default-src")),
        ("font-src 'none', default-src *", (True, "default-src")),
        ("img-src 'self', default-src https:", (True, "img-src")),
        ("img-src 'self', default-src 'none'", (False, "default-src")),
        ("img-src 'self',, ;,", (True, "img-src")),
    ],
)
def test_several_policies_each_have_to_allow_it(policy, expected):
    assert ask(policy, "img-src", url=HERE)[:2] == expected


@pytest.mark.parametrize(
    "policy, ancestors, expected",
    [
        ("'none'", [], True),
        ("'none'", [HERE], False),
        ("", [HERE], False),
        ("*", ["https://a.b", "http://c.d:81"], True),
        ("*", ["https://a.b", "null"], False),
        ("*", ["null"], False),
        ("'self'", ["https://example.test"], True),
        ("'self'", ["https://example.test", "https://a.b"], False),
        ("'self' a.b", ["https://example.test", "https://a.b"], True),
        ("a.b", ["https://a.b", "https://example.test", "https://a.b"], False),
        ("a.b/path", ["https://a.b/path"], False),  # an origin has no path
        ("a.b/", ["https://a.b/path"], True),
        ("https:", ["https://a.b", "http://a.b"], False),
        ("http://*.a.b:81", ["https://c.a.b:81"], True),
        ("data:", ["data:text/html,x"], False),
        ("'unsafe-inline'", ["https://a.b"], False),
        ("app-extension:", ["app-extension://abc"], True),
        ("*", ["app-extension://abc"], False),
        ("file:", ["file:///x"], False),
    ],
)
def test_every_ancestor_must_match(policy, ancestors, expected):
    assert allows(f"frame-ancestors {policy}; default-src 'none'", "frame-ancestors", ancestors=ancestors) is expected


@pytest.mark.parametrize("document", ["about:srcdoc", "data:text/html,x", "blob:https://example.test/1"])
def test_a_local_document_has_nothing_that_could_refuse_its_ancestors(document):
    assert allows("frame-ancestors 'none'", "frame-ancestors", document, ancestors=["https://a.b"])


def test_a_single_ancestor_may_be_given_as_the_url():
    assert allows("frame-ancestors https://a.b", "frame-ancestors", url="https://a.b/x")
    assert not allows("frame-ancestors https://a.b", "frame-ancestors", url="https://c.d/x")


@pytest.mark.parametrize("directive", ["base-uri", "form-action", "navigate-to"])
def test_navigation_directives_match_urls_and_fall_back_to_nothing(directive):
    assert allows("default-src 'none'", directive, url=HERE)
    assert allows(f"{directive} 'self'", directive, url=HERE)
    assert not allows(f"{directive} 'self'", directive, url="https://a.b/")
    assert not allows(f"{directive} 'none'", directive, url="javascript:alert(1)")


def test_a_base_is_never_redirected():
    assert not allows("base-uri https://a.b/c", "base-uri", url="https://a.b/d", redirected=True)
    assert allows("form-action https://a.b/c", "form-action", url="https://a.b/d", redirected=True)


@pytest.mark.parametrize(
    "policy, request_, expected",
    [
        ("script-src 'nonce-a'", {"nonce": "a"}, True),
        ("script-src 'strict-dynamic'", {}, True),
        ("script-src 'strict-dynamic'", {"parser_inserted": True}, False),
        ("script-src 'strict-dynamic' https:", {"parser_inserted": True}, False),
        ("script-src 'sha256-abc'", {"integrity": "sha256-abc"}, True),
        ("worker-src 'nonce-a'", {"nonce": "a"}, False),
        ("child-src 'nonce-a'", {"nonce": "a"}, False),
        ("default-src 'nonce-a'", {"nonce": "a"}, False),
        ("worker-src 'sha256-abc'", {"integrity": "sha256-abc"}, False),
        ("worker-src 'strict-dynamic'", {}, True),
        ("child-src 'strict-dynamic'", {}, True),
        ("default-src 'strict-dynamic'", {}, True),
        ("worker-src 'self'", {}, True),
        ("worker-src 'none'; script-src *", {}, False),
        ("child-src 'none'; script-src *", {}, False),
        ("script-src-elem 'none'", {}, True),
        ("script-src 'self'; default-src 'none'", {}, True),
        ("script-src https://a.b", {}, False),
    ],
)
def test_a_worker_is_script_like_where_script_src_governs_it(policy, request_, expected):
    assert allows(policy, "worker-src", url=HERE, destination="worker", **request_) is expected


@pytest.mark.parametrize(
    "policy, url, expected",
    [
        ("default-src 'self'", HERE, True),
        ("default-src 'none'; img-src https://a.b", "https://a.b/", True),
        ("default-src 'none'; img-src https://a.b", "https://c.d/", False),
        ("default-src 'none'; base-uri https://a.b", "https://a.b/", False),
        ("img-src 'none'", "https://a.b/", True),
    ],
)
def test_a_prefetch_is_allowed_by_whatever_it_may_be_for(policy, url, expected):
    assert allows(policy, "default-src", url=url, destination="prefetch") is expected


def test_default_src_as_the_effective_directive_is_itself_alone():
    assert ask("default-src 'none'; img-src *", "default-src", url=HERE)[:2] == (False, "default-src")
    assert allows("default-src 'nonce-a'", "default-src", url=HERE, destination="script", nonce="a")
    assert allows("default-src 'nonce-a'", "default-src", url=HERE, destination="style", nonce="a")
    assert not allows("default-src 'nonce-a'", "default-src", url=HERE, destination="image", nonce="a")


@pytest.mark.parametrize("directive", ["img-src", "connect-src", "form-action", "frame-src"])
def test_upgrade_insecure_requests_comes_before_the_match(directive):
    policy = f"upgrade-insecure-requests; {directive} https: wss:"
    assert allows(policy, directive, url="http://a.b/")
    assert allows(policy, directive, url="ws://a.b:81/")
    assert not allows(f"{directive} https:", directive, url="http://a.b/")
    assert allows(f"{directive} https:, upgrade-insecure-requests", directive, url="http://a.b/")
    assert not allows("upgrade-insecure-requests; base-uri https:", "base-uri", url="http://a.b/")


@pytest.mark.parametrize(
    "policy, directive, request_, expected",
    [
        ("sandbox", "sandbox", {"url": HERE}, False),
        ("sandbox ALLOW-scripts", "sandbox", {"url": HERE}, True),
        ("sandbox allow-scripts", "sandbox", {"url": HERE, "destination": "worker"}, False),
        ("sandbox allow-scripts allow-same-origin", "sandbox", {"destination": "worker"}, True),
        ("sandbox", "script-src-elem", {"url": HERE}, True),
        ("default-src 'none'", "sandbox", {"url": HERE}, True),
        ("require-trusted-types-for 'script'", "require-trusted-types-for", {}, False),
        ("require-trusted-types-for", "require-trusted-types-for", {}, True),
        ("default-src 'none'", "require-trusted-types-for", {}, True),
        ("trusted-types a b", "trusted-types", {"text": "a"}, True),
        ("trusted-types a b", "trusted-types", {"text": "A"}, False),
        ("trusted-types 'none'", "trusted-types", {"text": "'none'"}, False),
        ("trusted-types *", "trusted-types", {"text": "c"}, True),
        ("trusted-types", "trusted-types", {"text": "c"}, False),
        ("webrtc 'block'", "webrtc", {}, False),
        ("webrtc 'Allow'", "webrtc", {}, True),
    ],
)
def test_directives_without_a_source_list(policy, directive, request_, expected):
    assert allows(policy, directive, **request_) is expected


def test_the_why_names_what_fell_back_and_the_policy():
    found = ask("default-src 'self'", "img-src", url="https://a.b/")
    assert found.why == "img-src falls back to default-src 'self'; the host differs"
    found = ask("img-src *, default-src 'self'", "img-src", url="https://a.b/")
    assert found.why == "policy 2: img-src falls back to default-src 'self'; the host differs"


@pytest.mark.parametrize("directive", ["frame-src", "child-src", "object-src", "fenced-frame-src"])
@pytest.mark.parametrize("url", ["about:blank", "about:srcdoc"])
def test_about_documents_in_frames_are_let_in_unasked(directive, url):
    """All three engines: nothing is fetched, and the document inherits the policy."""
    assert ask("default-src 'none'", directive, url=url)[:2] == (True, None)

"""What holds for any text, and for any policy."""

from ada_url import URL
from hypothesis import assume, given
from hypothesis import strategies as st

from csp.fallback import CHAINS
from csp.inline import INLINE_TYPES
from csp.lint import problems
from csp.match import Request, decide
from csp.others import OTHER_CHECKS
from csp.policy import parse, parse_list
from csp.urls import read_url
from tests.csp.asking import words

ANY_TEXT = st.text(st.characters(), max_size=200)
SOURCES = st.sampled_from(
    words(
        "* 'self' 'none' http: https: ws: data: blob: a.b *.a.b http://a.b https://a.b:444 a.b:* a.b:80 a.b/c a.b/c/ "
        "*:* http://* 10.0.0.1 ** 'self self 'nonce-x' 'sha256-abc' 'unsafe-inline' 'unsafe-eval' 'unsafe-hashes' "
        "'report-sample'"
    )
)
LISTS = st.lists(SOURCES, max_size=5)
SCHEMES = st.sampled_from(words("http https ws wss ftp file app"))
URLS = st.builds(
    "{}://{}{}{}".format,
    SCHEMES,
    st.sampled_from(words("a.b c.a.b example.test 10.0.0.1 [::1]")),
    st.sampled_from(["", ":80", ":443", ":444"]),
    st.sampled_from(["", "/", "/c", "/c/", "/c/d", "/c%2Fd"]),
) | st.sampled_from(["data:,x", "blob:https://a.b/1", "about:blank", "javascript:1"])
DIRECTIVES = st.sampled_from([*CHAINS, *OTHER_CHECKS, "nonsense"])
REQUESTS = st.builds(
    Request,
    url=URLS | ANY_TEXT,
    redirected=st.booleans(),
    nonce=st.sampled_from(["", "x", "y"]) | ANY_TEXT,
    integrity=st.sampled_from(["", "sha256-abc", "sha256-abc sha384-x"]) | ANY_TEXT,
    parser_inserted=st.booleans(),
    destination=st.sampled_from(["", "script", "worker", "image", "prefetch"]) | ANY_TEXT,
    ancestors=st.none() | st.lists(URLS | ANY_TEXT, max_size=3).map(tuple),
    inline=st.booleans(),
    inline_type=st.sampled_from(["", *sorted(INLINE_TYPES)]) | ANY_TEXT,
    text=ANY_TEXT,
    eval=st.booleans(),
    wasm=st.booleans(),
)
POLICIES = st.lists(st.tuples(DIRECTIVES, LISTS), max_size=4).map(
    lambda found: "; ".join(" ".join((name, *values)) for name, values in found)
)


@given(ANY_TEXT)
def test_reading_never_fails_and_what_was_read_reads_the_same(text):
    policy = parse(text)
    assert parse(str(policy)).directives == policy.directives
    assert all(name == name.lower() and name for name, _ in policy.directives)
    assert len({name for name, _ in policy.directives}) == len(policy.directives)
    problems(text)


@given(ANY_TEXT | POLICIES, ANY_TEXT | URLS, ANY_TEXT | DIRECTIVES, REQUESTS)
def test_there_is_a_decision_for_anything(policy, document, directive, request):
    found = decide(parse_list(policy), document, directive, request)
    assert found.why
    assert found.allowed or found.directive


@given(POLICIES, URLS, DIRECTIVES, REQUESTS)
def test_what_decides_is_in_the_policy(policy, document, directive, request):
    found = decide((parse(policy),), document, directive, request)
    assert found.directive is None or found.directive in parse(policy).values


@given(LISTS, SOURCES, URLS, URLS, st.booleans())
def test_one_more_source_blocks_no_url(values, more, url, document, redirected):
    def allows(values):
        policy = parse("img-src " + " ".join(values))
        return decide((policy,), document, "img-src", Request(url=url, redirected=redirected)).allowed

    if allows(values):
        assert allows([*values, more])
        assert allows([more, *values])


@given(LISTS, SOURCES, URLS, URLS)
def test_a_nonce_or_hash_blocks_no_external_script(values, more, url, document):
    def allows(values):
        return decide((parse("script-src " + " ".join(values)),), document, "script-src-elem", Request(url=url)).allowed

    if allows(values):
        assert allows([*values, more])


@given(LISTS, URLS, URLS)
def test_a_redirect_allows_no_less(values, url, document):
    policy = (parse("img-src " + " ".join(values)),)
    direct = decide(policy, document, "img-src", Request(url=url)).allowed
    assert decide(policy, document, "img-src", Request(url=url, redirected=True)).allowed >= direct


@given(POLICIES, POLICIES, URLS, DIRECTIVES, REQUESTS)
def test_a_second_policy_allows_no_more(one, other, document, directive, request):
    # upgrade-insecure-requests and Trusted Types reach beyond their own policy; POLICIES has neither beside others
    assume("require-trusted-types-for" not in one + other)
    both = decide(parse_list(f"{one}, {other}"), document, directive, request)
    each = [decide(parse_list(text), document, directive, request) for text in (one, other)]
    assert both.allowed == all(found.allowed for found in each)


@given(LISTS, URLS, URLS)
def test_the_order_of_sources_changes_nothing(values, url, document):
    found = {
        decide((parse("img-src " + " ".join(order)),), document, "img-src", Request(url=url)).allowed
        for order in (values, values[::-1], sorted(values))
    }
    assert len(found) == 1


AWKWARD = st.text(st.sampled_from(words("h t t p s : / / / ? # @ [ ] % 2 F . - a b 8 0 \\ \t ü x n")), max_size=20)


@given(
    URLS | AWKWARD | st.builds("{}:{}".format, st.sampled_from(["http", "https:/", "app", "file:", "blob"]), AWKWARD)
)
def test_a_url_is_cut_where_its_parser_says(text):
    found = read_url(text)
    try:
        parsed = URL(text)
    except ValueError:
        assert found is None
        return
    assert found[:2] == (parsed.protocol[:-1], parsed.hostname)
    assert ("" if found.port is None else str(found.port)) == parsed.port
    if found.host:
        assert found.path == parsed.pathname

"""Which violations are not the site's own doing, by what rule, and which look like it and are."""

import re

import pytest

from processor import noise as judging
from processor import schemes
from processor.noise import judge_of, noise
from processor.normalise import normalise
from schema.delivery import Delivery, Kind
from schema.noise_files import packaged, parsed
from schema.report import Entry, EntryKind
from schema.sites import Site
from tests.support.store import violation

RULES = packaged().rules
HOSTS = [rule for rule in RULES if rule.host and "document" not in rule.places]
COPIES = [rule for rule in RULES if rule.places == ("document",)]
SAMPLES = [rule for rule in RULES if rule.sample]
PLAIN = {
    "document-uri": "https://www.shop.example/cart",
    "effective-directive": "script-src-elem",
    "blocked-uri": "https://cdn.example/a.js",
}


def firefox(version):
    return f"Mozilla/5.0 (Windows NT 6.1; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"


def noise_of(site=None, agent="", **fields):
    body = PLAIN | {name.replace("_", "-"): value for name, value in fields.items()}
    delivery = Delivery(1_700_000_000_000, "shop", Kind.REPORTS, 1, agent.encode(), b"")
    row = normalise(Entry(EntryKind.VIOLATION, "csp-violation", body, legacy=True), delivery, site or Site())
    return row.noise, row.noise_rule


def test_a_sites_own_violation_has_no_noise():
    assert noise_of() == ("", "")


@pytest.mark.parametrize(
    "field, value",
    [
        ("blocked_uri", "chrome-extension://abcdefgh/x.js"),
        ("blocked_uri", "chrome-extension"),
        ("source_file", "moz-extension"),
        ("source_file", "moz-extension://4f6a/inject.js"),
        ("source_file", "chrome-extension:2:248774"),
        ("source_file", "safari-extension://org.openqa.selenium-r2y477l6xd"),
        ("source_file", "webkit-masked-url://hidden/"),
        ("document_uri", "chrome-extension://abcdefgh/page.html"),
    ],
)
def test_an_extensions_scheme_is_noise_wherever_it_stands(field, value):
    assert noise_of(**{field: value}) == ("extension", "extension-scheme")


@pytest.mark.parametrize(
    "field, value", [("blocked_uri", "chromenull://"), ("source_file", "resource"), ("blocked_uri", "android-webview")]
)
def test_what_browsers_load_for_themselves_is_noise(field, value):
    assert noise_of(**{field: value}) == ("browser", "browser-scheme")


def test_a_page_seen_as_source_is_noise():
    assert noise_of(document_uri="view-source:https://www.shop.example/") == ("browser", "view-source")


@pytest.mark.parametrize("rule", HOSTS, ids=lambda rule: rule.id)
def test_an_injected_host_is_noise_also_under_it(rule):
    path = rule.path[0] if rule.path else "/x.js"
    told = {"effective_directive": rule.directives[0]} if rule.directives else {}
    for host in rule.host:
        assert noise_of(blocked_uri=f"https://{host}{path}", **told) == (rule.category, rule.id)
        assert noise_of(source_file=f"https://a.b.{host}{path}", **told) == (rule.category, rule.id)
        if rule.path:
            assert noise_of(blocked_uri=f"https://{host}/other{path}") == ("", "")


def test_a_host_without_a_dot_is_found_as_a_bare_word_too():
    for blocked in ("nikkomsgchannel", "https://nikkomsgchannel", "http://nikkomsgchannel/e"):
        assert noise_of(effective_directive="connect-src", blocked_uri=blocked) == ("injected", "host-rapport")


@pytest.mark.parametrize("rule", COPIES, ids=lambda rule: rule.id)
def test_a_copy_elsewhere_of_a_page_is_foreign(rule):
    for host in rule.host:
        assert noise_of(document_uri=f"https://www-shop-example.{host}/cart") == ("foreign", rule.id)
    assert noise_of(blocked_uri=f"https://{rule.host[0]}/x.js") == ("", "")


@pytest.mark.parametrize("blocked", ["weixin://dl", "sinaweibo", "iabjs://x", "com.lge.browser"])
def test_an_app_that_talks_to_itself_is_noise(blocked):
    assert noise_of(blocked_uri=blocked) == ("browser", "app-scheme")


@pytest.mark.parametrize("blocked", ["inline", "eval"])
@pytest.mark.parametrize("source", ["chrome-extension", "moz-extension://4f6a/x.js", "webkit-masked-url://hidden/"])
def test_what_an_extensions_code_does_inline_or_by_eval_is_an_extensions(blocked, source):
    assert noise_of(blocked_uri=blocked, source_file=source) == ("extension", "extension-scheme")


@pytest.mark.parametrize("host", ["evilkaspersky-labs.com", "kaspersky-labs.com.evil.example"])
def test_a_host_that_only_looks_like_an_injected_one_is_not(host):
    assert noise_of(blocked_uri=f"https://{host}/x.js") == ("", "")


def test_an_injected_host_is_no_noise_on_its_own_site():
    page = "https://products.kaspersky-labs.com/"
    assert noise_of(document_uri=page, blocked_uri="https://cdn.kaspersky-labs.com/a.js") == ("", "")


TOLD = {
    "sample-extension-url": "background-image: url(moz-extension://9c...",
    "sample-react-devtools": "\n;(function installGlobalHook(window) {\n  ",
    "sample-vue-devtools": ";(function installHook (window) {\n  var ...",
    "sample-redux-devtools": "window.__REDUX_DEVTOOLS_EXTENSION_COMPOSE",
    "sample-adguard": "try {\r\nwindow.AG_onLoad = function(func)...",
    "sample-analytics-opt-out": 'window["_gaUserPrefs"] = { ioo : functio...',
    "sample-devtools": "window.devToolsOptions = {",
    "sample-privacy-badger": "(function (ERROR) { const V8_STACK_TRACE",
    "sample-lastpass": "var lastpass_iter=1;",
    "sample-wondershare": "window.Wondershare=1; x.Wondershare",
    "sample-carrier": 'bmi_SafeAddOnload(bmi_load,"bmi_orig_img',
    "sample-web-view": "window.__gCrWeb = {};",
    "sample-vimium": "(function(vimiumOnClickAttributeName) {\n...",
    "sample-loop11": "window.loop11ExtTerritory = true;",
    "sample-ng-inspect": "window._ngInspect_clickedEl = null;docum...",
    "sample-kaspersky": "window.klTabId_kis = 'firefox.tab.3825bb...",
    "sample-keepass": ".cip-genpw-icon.cip-icon-key-small {back...",
    "sample-vim-vixen": ".vimvixen-console-frame {\n  margin: 0;\n ...",
    "sample-diigo": "body#dummybodyid .diigolet,body#dummybod...",
    "sample-translate": "#s3gt_translate_tooltip_mini { display: ...",
    "sample-autocardanywhere": ".autocardanywhere-popup {background-colo...",
    "sample-ad-hiding": ".werbung, .text_werbung, .firstload, .We...",
}


@pytest.mark.parametrize("rule", SAMPLES, ids=lambda rule: rule.id)
def test_a_sample_tells_an_extensions_code(rule):
    told = {"effective_directive": rule.directives[0], "blocked_uri": "inline", "script_sample": TOLD[rule.id]}
    assert noise_of(**told) == (rule.category, rule.id)


@pytest.mark.parametrize("rule", SAMPLES, ids=lambda rule: rule.id)
def test_a_sample_says_nothing_where_the_directive_or_what_was_blocked_does_not_fit(rule):
    told = {"effective_directive": rule.directives[0], "script_sample": TOLD[rule.id]}
    assert noise_of(**told) == ("", "")
    assert noise_of(**told | {"effective_directive": "img-src", "blocked_uri": "inline"}) == ("", "")


def test_no_sample_rule_is_asked_in_vain():
    """Each sample is claimed by one rule alone, so their order doesn't matter."""
    claims = {name: [rule.id for rule in SAMPLES if re.search(rule.sample, sample)] for name, sample in TOLD.items()}
    assert claims == {name: [name] for name in TOLD}


@pytest.mark.parametrize(
    "version, directive, blocked, rule",
    [
        (42, "script-src", "self", "firefox-inline-self"),
        (43, "script-src", "self", ""),
        (42, "style-src", "self", ""),
        (48, "base-uri", "about:blank", "firefox-base-uri"),
        (49, "base-uri", "about:blank", ""),
        (48, "base-uri", "https://cdn.example/", ""),
    ],
)
def test_old_firefox_reports_what_it_did_itself(version, directive, blocked, rule):
    found = noise_of(agent=firefox(version), effective_directive=directive, blocked_uri=blocked)
    assert found == (("browser", rule) if rule else ("", ""))


def test_other_old_browsers_are_not_taken_for_firefox():
    ios = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 9_0 like Mac OS X) AppleWebKit/601 (KHTML, like Gecko) FxiOS/2.0 Safari/601"
    )
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/30.0.0.0 Safari/537.36"
    for agent in (ios, chrome, ""):
        assert noise_of(agent=agent, effective_directive="script-src", blocked_uri="self") == ("", "")


@pytest.mark.parametrize(
    "document",
    [
        "http://localhost:3000/",
        "https://192.168.1.20/x",
        "http://[::1]/",
        "file:///C:/page.html",
        "file",
        "blob:http://localhost/x",
    ],
)
def test_a_local_document_is_foreign(document):
    assert noise_of(document_uri=document) == ("foreign", "local-document")


def test_a_local_document_is_the_sites_own_where_the_site_names_it():
    assert noise_of(Site(hosts=("localhost", "*.shop.example")), document_uri="http://localhost:3000/") == ("", "")
    assert noise_of(Site(hosts=("*.shop.example",)), document_uri="http://localhost:3000/")[0] == "foreign"


@pytest.mark.parametrize("document", ["https://www.shop.example/", "about:srcdoc", "blob", "data", ""])
def test_other_documents_are_not_foreign(document):
    assert noise_of(document_uri=document) == ("", "")


@pytest.mark.parametrize("directive", ["", "made-up", "script-src:"])
def test_an_unknown_directive_is_malformed(directive):
    assert noise_of(effective_directive=directive) == ("malformed", "unknown-directive")


@pytest.mark.parametrize("version, rule", [(44, ""), (45, "chrome-about"), (46, "chrome-about"), (47, "")])
def test_chrome_45_and_46_report_about(version, rule):
    agent = (
        f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    )
    assert noise_of(agent=agent, blocked_uri="about")[1] == rule


def test_an_extension_on_a_local_page_is_an_extension():
    assert noise_of(document_uri="http://localhost/", source_file="chrome-extension")[0] == "extension"


def test_every_rule_of_the_program_says_why_and_where_it_is_documented():
    assert len({rule.id for rule in RULES}) == len(RULES) >= 45
    for rule in RULES:
        assert rule.documented, rule.id
        assert rule.reason.endswith("."), rule.id


def test_the_rules_know_every_scheme_that_makes_a_kind():
    """So that what is blocked as `extension` or `browser` is noise."""
    for kind, ids in (("extension", {"extension-scheme"}), ("browser", {"browser-scheme", "view-source"})):
        listed = {scheme for rule in RULES if rule.id in ids for scheme in rule.scheme}
        assert listed == {scheme for scheme, its in schemes.KINDS.items() if its == kind}


OWN = """
version = "1"
[[rule]]
id = "widget"
category = "injected"
reason = "A widget."
host = "cdn.example"
browser = ["Chrome", "Edge"]
os = "Windows"
directives = "script-src"
"""


def test_all_conditions_of_a_rule_must_hold():
    rules = parsed(OWN, "test")
    fits = {"blocked_url": "https://cdn.example/a.js", "browser": "Edge", "os": "Windows"}
    assert noise(violation(**fits), Site(), rules)[:2] == ("injected", "widget")
    for other in (
        {"blocked_url": "https://other.example/a.js"}, {"browser": "Firefox"}, {"os": "Linux"},
        {"effective_directive": "style-src-elem"}, {"document_host": "www.cdn.example"},
    ):  # fmt: skip
        assert noise(violation(**fits | other), Site(), rules)[:2] == ("", "")


def test_a_sites_own_rules_are_asked_first_and_those_it_turned_off_never():
    own = parsed(OWN.replace("cdn.example", "kaspersky-labs.com").replace('os = "Windows"', ""), "test").rules
    row = violation(blocked_url="https://gc.kaspersky-labs.com/main.js")
    assert noise(row, Site(), None)[:2] == ("injected", "host-kaspersky")
    assert noise(row, Site(noise=own), None)[:2] == ("injected", "widget")
    assert noise(row, Site(noise_off=("host-kaspersky",)), None)[:2] == ("", "")


def test_the_version_says_whose_rules_they_were():
    plain, row = packaged().version, violation()
    own = parsed(OWN, "test")
    assert noise(row, Site(hosts=("a.example",))).version == plain
    versions = [
        noise(row, Site(noise=own.rules)).version,
        noise(row, Site(noise_off=("widget",))).version,
        noise(row, Site(), own).version,
        noise(row, Site(), parsed(OWN.replace("cdn", "cdn2"), "test")).version,
    ]
    assert all(re.fullmatch(r"(2026-11-25|1)\+[0-9a-f]{8}", version) for version in versions)
    assert len({plain, *versions}) == 5


def test_a_version_that_is_no_number_is_no_version():
    for version in ("", "x.1", "²", "9" * 400, "٤٤"):
        row = violation(browser="Firefox", browser_version=version, blocked_kind="self", blocked_url="self",
                        effective_directive="script-src")  # fmt: skip
        noise(row, Site())


def test_what_is_too_long_for_a_host_is_none_and_is_not_kept():
    judge = judge_of(parsed(OWN, "test"), Site())
    long = "a." * 8000 + "cdn.example"
    assert judge._of_host(long) == judge._of_host("x.example") != judge._of_host("a.cdn.example")
    row = violation(blocked_url=f"https://{long}/a.js", browser="Edge", os="Windows", source_file="", document_url="")
    assert judge.noise(row, Site())[:2] == ("", "")
    assert judge._at.cache_info().currsize == 0


def test_of_rules_that_were_in_use_once_few_are_kept():
    first = parsed(OWN, "test")
    judge = judge_of(first, Site())
    for _ in range(judging._KEPT * 2):
        judge_of(parsed(OWN, "test"), Site())
        assert judge_of(first, Site()) is judge  # it is still asked
    assert len(judging._judges) == judging._KEPT

"""Host names: one spelling, registrable domains from the packed list, and local ones."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from processor import hosts
from processor.hosts import LONGEST, belongs, host_name, is_local, site_of


@pytest.mark.parametrize(
    "sent, host",
    [
        ("WWW.Example.com", "www.example.com"),
        ("example.com..", "example.com"),
        ("%65xample.com", "example.com"),
        ("[::1]", "::1"),
        ("[FE80::1%25eth0]", "fe80::1"),
        ("straße.example", "xn--strae-oqa.example"),
        ("💩.la", "xn--ls8h.la"),
        ("bücher。example", "xn--bcher-kva.example"),
        ("under_score.example", "under_score.example"),
        ("[not-an-address]", ""),
        ("a<b", ""),
        ("a%2Fb", ""),
        ("x" * 300, ""),
        (".", ""),
    ],
)
def test_a_host_has_one_spelling_or_is_none(sent, host):
    assert host_name(sent) == host


@pytest.mark.parametrize(
    "host, site",
    [
        ("www.shop.example.co.uk", "example.co.uk"),
        ("example.com", "example.com"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("raw.githubusercontent.com", "githubusercontent.com"),
        ("co.uk", "co.uk"),
        ("cdn.shop.example", "shop.example"),
        ("printer", "printer"),
    ],
)
def test_the_site_is_the_registrable_domain(host, site):
    assert site_of(host) == site


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "app.localhost",
        "127.8.0.1",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:192.168.0.1",
    ],
)
def test_loopback_and_private_hosts_are_local(host):
    assert is_local(host)


@pytest.mark.parametrize("host", ["", "45.55.25.245", "172.32.0.1", "localhost.example", "notlocalhost", "2001:db8::1"])
def test_other_hosts_are_not_local(host):
    assert not is_local(host)


def test_a_host_belongs_to_a_domain_by_whole_labels():
    assert belongs("gc.kis.v2.scr.kaspersky-labs.com", "kaspersky-labs.com")
    assert not belongs("evilkaspersky-labs.com", "kaspersky-labs.com")
    assert not belongs("kaspersky-labs.com.evil.example", "kaspersky-labs.com")


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_any_text_is_a_host_or_none(text):
    host = host_name(text)
    assert len(host) <= LONGEST
    assert host == host.lower()
    assert host.isascii()
    assert host_name(f"[{host}]" if ":" in host else host) == host
    assert site_of(host) in host or site_of(host) == host


LABELS = st.sampled_from(
    [*"abc", "www", "com", "co", "uk", "city", "kawasaki", "_dmarc", "1", "xn--p1ai", "-", "x" * 70]
)
RULES = st.sampled_from(sorted(rule.removeprefix("*.").removeprefix("!") for rule in hosts._suffixes.tlds))


@settings(max_examples=1000)
@given(st.lists(LABELS, max_size=4), RULES | LABELS)
def test_the_short_way_to_a_registrable_domain_leads_where_the_list_says(labels, end):
    host = ".".join((*labels, end))
    assume(hosts.address(host) is None)
    found = hosts._suffixes(host)
    listed = found.top_domain_under_public_suffix or host
    assert site_of(host) == (listed if found.suffix else ".".join(host.split(".")[-2:]))

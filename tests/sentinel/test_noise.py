"""`csp-sentinel noise` as a person runs it: on a server, on a data dir, and with what is wrong."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from schema.clickhouse import open_chdb
from schema.migrate import migrate
from sentinel.shadow import Distinct
from tests.support.stages import command
from tests.support.store import elsewhere, insert, violation

RULES = """
version = "2030-01-01"
[[rule]]
id = "our-widget"
category = "injected"
reason = "Our partner's widget."
host = "widget.example"
"""
SITES = """
[sites.shop]
noise_off = ["extension-scheme"]
[[sites.shop.noise]]
id = "shops-own"
category = "foreign"
reason = "Only the shop's."
host = "widget.example"
[sites.blog]
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return path


def rows() -> list:
    hosts = ("widget.example", "fine.example")
    return [
        violation(number, site=("shop", "blog")[number % 4 > 1], reports=2, blocked_host=hosts[number % 2],
                  blocked_url=f"https://{hosts[number % 2]}/{number}.js")
        for number in range(40)
    ]  # fmt: skip


@pytest.fixture
def server(clickhouse):
    assert command("init", store=clickhouse.url).returncode == 0
    insert(clickhouse.client(), rows())
    clickhouse.forget_counts()
    return clickhouse


def sums(server) -> dict[str, Counter]:
    with server.client() as client:
        return {
            table: Counter(dict(client.query(f"SELECT noise, sum(reports) FROM {table} GROUP BY noise").result_rows))
            for table in ("violations", "minutes", "sources")
        }


def noise(*arguments: object, **settings: object) -> dict:
    found = command("noise", *arguments, "--json", **settings)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_on_a_server_it_tries_and_applies(server, rules):
    shown = noise("test", rules, store=server.url)
    assert (shown["reports"], shown["changed"]) == (80, 40)
    assert sums(server)["violations"] == {"": 80}
    done = noise("apply", rules, store=server.url)
    assert (done["moved"], done["changes"]) == (40, [{"from": "", "to": "our-widget", "reports": 40}])
    assert set(map(str, sums(server).values())) == {str(Counter({"": 40, "injected": 40}))}
    assert noise("test", rules, store=server.url)["changed"] == noise("apply", rules, store=server.url)["moved"] == 0


@pytest.mark.parametrize(
    "fault, table",
    [
        ("cut_after_applying", "violations"),
        ("cut_after_applying", "noise_moves"),
        ("cut_before_applying", "violations"),
        ("refuse", "violations"),
    ],
)
def test_what_a_server_did_not_answer_is_sent_again_and_counts_once(server, rules, fault, table):
    getattr(server, fault)(*([252] if fault == "refuse" else []), only=table, times=2)
    assert noise("apply", rules, store=server.url)["moved"] == 40
    assert set(map(str, sums(server).values())) == {str(Counter({"": 40, "injected": 40}))}


def test_a_server_that_does_not_recover_is_one_sentence_and_the_next_time_completes_it(server, rules):
    server.refuse(252, times=None, only="violations")
    found = command("noise", "apply", rules, store=server.url)
    assert (found.returncode, len(found.stderr.strip().splitlines())) == (1, 1), found.stderr
    server.heal()
    assert command("noise", "apply", rules, store=server.url).returncode == 0
    assert set(map(str, sums(server).values())) == {str(Counter({"": 40, "injected": 40}))}


def test_a_sites_own_rules_are_tried_and_applied_for_it_alone(server, tmp_path):
    (tmp_path / "sites.toml").write_text(SITES)
    settings = {"store": server.url, "sites": tmp_path / "sites.toml"}
    lines = {line["rule"]: line for line in noise("test", **settings)["rules"]}
    assert lines["shops-own"]["gained"]["reports"] == 20
    assert noise("apply", **settings)["changes"] == [{"from": "", "to": "shops-own", "reports": 20}]
    with server.client() as client:
        assert client.query(
            "SELECT DISTINCT site, noise, noise_version FROM violations WHERE noise != ''"
        ).result_rows == [("shop", "foreign", "2026-11-25+" + version_suffix(client))]
    listed = noise("list", **settings)
    assert listed[-1] == {
        "site": "shop", "id": "shops-own", "category": "foreign", "reason": "Only the shop's.", "documented": "",
    }  # fmt: skip


def version_suffix(client) -> str:
    [(version,)] = client.query("SELECT DISTINCT noise_version FROM violations WHERE noise != ''").result_rows
    return version.partition("+")[2]


def fill(folder: Path) -> None:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        insert(client, rows())


def test_on_a_data_dir_that_nothing_has_open_it_needs_no_program(tmp_path, rules, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    elsewhere(fill, tmp_path / "store")
    table = command("noise", "test", rules, data_dir=tmp_path)
    assert table.returncode == 0, table.stderr
    assert "40 of 80 reports would have another label by 2030-01-01" in table.stdout
    assert "our-widget" in table.stdout
    example = r"no noise → our-widget: 2 of script-src-elem https://widget.example/\d+.js, on https://www.shop"
    assert re.search(example, table.stdout)
    applied = command("noise", "apply", rules, data_dir=tmp_path)
    assert "40 reports have another label" in applied.stdout
    assert "nothing to do" in command("noise", "apply", rules, data_dir=tmp_path).stdout


@pytest.mark.parametrize(
    "text, says",
    [
        (RULES.replace("host", "hots"), "rules.toml: [[rule]] our-widget: hots is no key of a rule; host is meant?"),
        (
            RULES.replace("injected", "x"),
            "category is one of extension, injected, browser, foreign, malformed, not 'x'",
        ),
        ("", "version is a short text"),
    ],
)
@pytest.mark.parametrize("action", ["list", "test", "apply"])
def test_a_wrong_rules_file_is_one_sentence(tmp_path, rules, action, text, says):
    rules.write_text(text)
    found = command("noise", action, rules, data_dir=tmp_path / "data")
    assert found.returncode == 1
    assert len(found.stderr.strip().splitlines()) == 1
    assert says in found.stderr or (not text and "holds no [[rule]]" in found.stderr)


@pytest.mark.parametrize("name, text, says", [
    ("sites", SITES.replace("host", "hots"), "[[sites.shop.noise]] shops-own: hots is no key of a rule"),
    ("sites", SITES.replace("extension-scheme", "extension-shceme"), "noise_off has 'extension-shceme', and there"),
    ("noise", RULES.replace("host", "hots"), "[[rule]] our-widget: hots is no key of a rule"),
])  # fmt: skip
def test_run_does_not_start_with_wrong_rules(tmp_path, name, text, says):
    (tmp_path / "file.toml").write_text(text)
    found = command(
        "run", data_dir=tmp_path / "data", port=0, console_port=0, ops_port=0, **{name: tmp_path / "file.toml"}
    )
    assert found.returncode == 1
    assert says in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("count, exact", [(0, True), (1, True), (4096, True), (5000, False), (60_000, False)])
def test_different_fingerprints_are_counted_and_many_are_estimated(count, exact):
    from hashlib import blake2b

    found = Distinct()
    for number in range(count):
        its = blake2b(b"%d" % number, digest_size=16).digest()
        found.add(its)
        found.add(its)
    assert len(found) == count if exact else abs(len(found) / count - 1) < 0.05

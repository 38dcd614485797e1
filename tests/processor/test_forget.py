"""What is forgotten is in no table and in no file, what it was counted in says so, and all else stays."""

from pathlib import Path
from threading import Thread

import pytest

from processor.forget import forget, found
from processor.urls import read_url
from schema import mutations
from schema.clickhouse import Engine
from schema.forgetting import Wanted
from schema.mutations import Held, keep_old_parts
from tests.support.store import START, account, contents, empty, insert, merge, put, violation

PAGE = "https://www.shop.example/people/jane-roe"
NOTED = "SELECT max(done) FROM noise_moves WHERE startsWith(batch, 'forget-') GROUP BY batch"
GONE = f"{NOTED} HAVING max(done) = 2"
COUNTED = ("violations", "weeks", "minutes", "hours", "days", "sources")


def fill(client) -> None:
    """A page to be forgotten, in two sites; its neighbours; and traces of it elsewhere."""
    empty(client)
    seen = 30_000 + START * 1000
    of_page = {"document_url": PAGE, "document_template": PAGE}
    insert(client, [
        violation(1, **of_page, reports=5),
        violation(1, **of_page, reports=2, first_seen=seen + 120_000, last_seen=seen + 120_000),
        violation(2, **of_page, site="blog", reports=3, policy_hash="00000000000000bb",
                  original_policy=f"report-uri {PAGE}?a=1"),
        violation(3, document_url=f"{PAGE}2", reports=11),
        violation(4, referrer=PAGE, sample=f'fetch("{PAGE}?token")', reports=7),
        violation(5, reports=13, blocked_url=PAGE, blocked_host="www.shop.example", policy_hash="00000000000000cc"),
    ])  # fmt: skip
    put(client, "examples", ["site", "fingerprint", "raw", "seen"], [
        ["shop", "shop"], [(number).to_bytes(16, "big") for number in (1, 3)],
        ['{"document-uri":"' + PAGE.replace("/", "\\/") + '"}', '{"document-uri":"' + PAGE + '2"}'], [START, START],
    ])  # fmt: skip
    put(client, "rejects", ["day", "reason", "slot", "site", "received", "user_agent", "raw"], [
        [START // 86400] * 2, ["not-json"] * 2, [1, 2], ["shop"] * 2, [START * 1000] * 2, ["", ""],
        [f"{{{PAGE}", f"{PAGE}/and/more"],
    ])  # fmt: skip
    put(client, "alert_events", ["kind", "site", "effective_directive", "blocked", "occasion", "id", "title",
                                 "evidence", "channels"], [
        ["source"] * 2, ["shop"] * 2, ["img-src"] * 2, ["a", "b"], ["", ""], ["e1", "e2"], ["new", "new"],
        [f'{{"page":"{PAGE}"}}', "{}"], [[], []],
    ])  # fmt: skip
    put(client, "alert_messages", ["seq", "attempts", "events", "payload", "state", "made"], [
        [1, 2], [1, 1], [["e1"], ["e2"]], ["{}", "{}"], ["sent", "sent"], [START * 1000] * 2,
    ])  # fmt: skip
    account(client, [("shop", START, "received", "", 38), ("shop", START, "stored", "", 38)])


def sums(client) -> dict[str, int]:
    return {table: client.query(f"SELECT sum(reports) FROM {table}").result_rows[0][0] for table in COUNTED}


def rows(client, sql: str) -> list:
    return [row[0] for row in client.query(sql).result_rows]


def in_files(folder: Path, words: bytes) -> list[Path]:
    """ClickHouse compresses blocks; what is short or repeated stands there as it is, and all of it in the indexes."""
    return [path for path, text in contents(folder) if words in text]


@pytest.fixture
def client(store: Engine):
    its = store.client()
    fill(its)
    yield its
    empty(its)


def done(store, wanted: Wanted) -> dict:
    return list(forget(store, wanted))[-1]


def test_a_url_goes_from_every_table_and_out_of_what_counts_it(store: Engine, client):
    wanted = Wanted("", (PAGE,))
    assert found(client, wanted) == {
        "violations": 3, "weeks": 3, "violations, only its referrer": 1, "violations, only its sample": 1,
        "weeks, only its referrer": 1, "weeks, only its sample": 1, "examples": 1, "rejects": 1, "policies": 1,
        "alert_events": 1, "alert_messages": 1,
    }  # fmt: skip
    assert done(store, wanted) == {"done": True, "clean": True, "left": 0}
    assert found(client, wanted) == {}
    assert sums(client) == dict.fromkeys(COUNTED, 18)
    assert rows(client, "SELECT document_url FROM violations ORDER BY 1") == [
        "https://www.shop.example/page/4", f"{PAGE}2",
    ]  # fmt: skip
    assert rows(client, "SELECT DISTINCT policy_hash FROM policies") == ["00000000000000aa"]
    assert rows(client, "SELECT DISTINCT policy_hash FROM site_policies") == ["00000000000000aa"]
    assert rows(client, "SELECT DISTINCT site FROM sources") == ["shop"]
    assert rows(client, "SELECT raw FROM rejects") == [f"{PAGE}/and/more"]
    assert rows(client, "SELECT sum(reports) FROM ledger") == [76]
    assert rows(client, "SELECT id FROM alert_events") == ["e2"]
    assert rows(client, "SELECT seq FROM alert_messages") == [2]


def test_no_file_of_the_store_has_it_afterwards(store: Engine, client):
    unique = b"jane-roe-q7w1"
    page = f"https://www.shop.example/people/{unique.decode()}"
    insert(client, [violation(number, document_url=page, document_template=page) for number in (90, 91)])
    merge(client)
    assert in_files(store.path, unique)
    done(store, Wanted("shop", (page,)))
    assert in_files(store.path, unique) == []


def test_parts_are_kept_as_long_as_before_also_where_a_kill_came_in_between(client):
    client.command("ALTER TABLE weeks MODIFY SETTING old_parts_lifetime = 0")
    keep_old_parts(client)
    assert rows(client, "SELECT name FROM system.tables WHERE engine_full LIKE '%old_parts_lifetime%'") == []


def test_a_star_stands_for_all_that_begin_so(store: Engine, client):
    done(store, Wanted("", (), (PAGE,)))
    assert rows(client, "SELECT document_url FROM violations") == ["https://www.shop.example/page/4"]
    assert rows(client, "SELECT count() FROM rejects") == [0]


def test_of_a_site_everything_goes_but_the_ledgers_numbers(store: Engine, client):
    assert done(store, Wanted("shop"))["done"]
    tables = ("violations", "weeks", "minutes", "hours", "days", "sources", "site_policies")
    for table in tables:
        assert rows(client, f"SELECT DISTINCT site FROM {table}") == ["blog"], table
    for table in ("examples", "rejects", "alert_events", "alert_messages"):
        assert rows(client, f"SELECT count() FROM {table}") == [0]
    assert rows(client, "SELECT policy_hash FROM policies") == ["00000000000000bb"]
    assert rows(client, "SELECT sum(reports) FROM ledger") == [76]


def test_urls_of_one_site_stay_those_of_another(store: Engine, client):
    traces = {"referrer": PAGE, "sample": f'fetch("{PAGE}")', "policy_hash": "00000000000000dd",
              "original_policy": f"report-uri {PAGE}"}  # fmt: skip
    insert(client, [violation(number, site=site, **traces) for number, site in ((6, "blog"), (7, "shop"))])
    put(client, "alert_messages", ["seq", "attempts", "events", "payload", "state", "made"], [
        [3], [1], [["e2"]], [f'{{"text":"{PAGE}"}}'], ["sent"], [START * 1000],
    ])  # fmt: skip
    done(store, Wanted("blog", (PAGE,)))
    assert rows(client, "SELECT sum(reports) FROM violations WHERE document_url = '" + PAGE + "'") == [7]
    assert sums(client) == dict.fromkeys(COUNTED, 40)
    for table in ("violations", "weeks"):
        for column in ("referrer", "sample"):
            assert rows(client, f"SELECT DISTINCT {column} FROM {table} WHERE site = 'blog'") == [""]
            assert traces[column] in rows(client, f"SELECT {column} FROM {table} WHERE site = 'shop'")
    assert "00000000000000dd" in rows(client, "SELECT policy_hash FROM policies")  # the shop's too
    assert "00000000000000bb" not in rows(client, "SELECT policy_hash FROM policies")
    assert 3 in rows(client, "SELECT seq FROM alert_messages")


def test_a_mutation_does_not_say_what_was_forgotten(store: Engine, client):
    done(store, Wanted("shop", (PAGE,)))
    done(store, Wanted("shop"))
    said = rows(client, "SELECT command FROM system.mutations WHERE create_time > now() - 600")
    assert said
    assert not [text for text in said if "shop" in text or "jane" in text]


@pytest.mark.parametrize(
    "url", ["https://a.example/') OR 1 --", "https://a.example/\\", "https://a.example/\u202e'{}%"]
)
def test_a_hostile_url_is_a_value(store: Engine, client, url: str):
    insert(client, [violation(77, document_url=url)])
    before = sums(client)["violations"]
    done(store, Wanted("", (url, read_url(url).text)))
    assert sums(client) == dict.fromkeys(COUNTED, before - 1)


@pytest.mark.parametrize("asked, stays", [
    ("https://shop.example/p?id=5&utm=x", ["?id=6"]), ("https://shop.example/p?id=6&id=5", []),
    ("https://shop.example/p", []), ("https://shop.example/p?other=1", ["?id=5", "?id=6"]),
])  # fmt: skip
def test_what_a_site_kept_of_a_query_is_found(store: Engine, client, asked: str, stays: list[str]):
    page = "https://shop.example/p"
    kept = enumerate(("", "?id=5", "?id=6"), 60)
    insert(client, [violation(number, site="kept", document_url=page + query) for number, query in kept])
    done(store, Wanted("kept", (asked,)))
    assert rows(client, "SELECT document_url FROM violations WHERE site = 'kept' ORDER BY 1") == [
        page + query for query in stays
    ]


@pytest.mark.parametrize("raw", [
    "HTTPS://Shop.Example/users/jos\u00e9", "https://shop.example:443/users/jos\u00e9?a=1",
    '{"document-uri":"https:\\/\\/shop.example\\/users\\/jos\\u00e9"}',
])  # fmt: skip
def test_a_text_that_spells_it_otherwise_goes_too(store: Engine, client, raw: str):
    put(client, "rejects", ["day", "reason", "slot", "site", "received", "user_agent", "raw"], [
        [START // 86400] * 2, ["other"] * 2, [1, 2], ["shop"] * 2, [START * 1000] * 2, ["", ""],
        [raw, "https://shop.example/users/Jos\u00e9"],
    ])  # fmt: skip
    done(store, Wanted("", ("https://shop.example/users/jos\u00e9",)))
    assert rows(client, "SELECT slot FROM rejects WHERE reason = 'other'") == [2]


def test_any_number_of_rows_goes_by_few_mutations_and_few_hashes_at_a_time(client, monkeypatch):
    """ClickHouse refuses inserts into a table with a thousand unfinished ones."""
    monkeypatch.setattr(mutations, "_AT_ONCE", 3)
    monkeypatch.setattr(mutations, "_HASHES", 10)
    monkeypatch.setattr(mutations, "_UNFINISHED", 4)
    asked, unfinished, issued = [], [], mutations.statement

    def counted(its, hashes, place):
        asked.append(len(hashes))
        mine = "SELECT count() FROM system.mutations WHERE NOT is_done AND position(command, 'sipHash128') > 0"
        unfinished.extend(rows(client, mine))
        return issued(its, hashes, place)

    monkeypatch.setattr(mutations, "statement", counted)
    insert(client, [violation(100 + number, document_url=f"{PAGE}/{number}") for number in range(40)])
    before = rows(client, "SELECT count() FROM violations")[0]
    condition = "startsWith(document_url, {beginning:String})"
    list(mutations.gone(client, [Held("violations", "fingerprint", condition, {"beginning": f"{PAGE}/"}, 40)], None))
    assert rows(client, "SELECT count() FROM violations") == [before - 40]
    assert sum(asked) == 40
    assert max(asked) <= 3
    assert max(unfinished) <= 3


def test_what_came_again_goes_again(store: Engine, client):
    """The same rows to the byte, as of an import repeated, are taken out of the counts once more."""
    done(store, Wanted("", (PAGE,)))
    before = sums(client)
    for time in ("once", "again"):
        insert(client, [violation(9, document_url=PAGE, document_template=PAGE, reports=4)], time)
        assert sums(client) == {table: reports + 4 for table, reports in before.items()}
        done(store, Wanted("", (PAGE,)))
        assert sums(client) == before


def test_what_was_taken_out_of_the_counts_is_noted_as_gone_only_at_the_end(store: Engine, client):
    insert(client, [violation(9, document_url=PAGE, document_template=PAGE, reports=4)])
    for step in forget(store, Wanted("", (PAGE,))):
        assert not rows(client, GONE) or "done" in step
    assert {*rows(client, NOTED)} == {2}
    assert rows(client, "SELECT DISTINCT rows FROM noise_moves") == [""]


def test_what_a_killed_forgetting_has_taken_out_is_noted_as_gone_when_it_is_asked_again(store: Engine, client):
    for step in forget(store, Wanted("", (PAGE,))):
        if "reports" in step:
            break
    assert {*rows(client, NOTED)} == {1}
    done(store, Wanted("", ("https://www.shop.example/other",)))
    assert {*rows(client, NOTED)} == {1}
    done(store, Wanted("", (PAGE,)))
    assert {*rows(client, NOTED)} == {2}


def test_what_comes_in_while_it_is_forgotten_is_taken_out_of_the_counts_too(store: Engine, client):
    came = 0
    for step in forget(store, Wanted("", (PAGE,))):
        if "reports" in step and not came:
            came = 4
            insert(client, [violation(1, document_url=PAGE, document_template=PAGE, at=START + 60, reports=came)])
    assert step["left"] == 0
    assert sums(client) == dict.fromkeys(COUNTED, 18)


def test_what_comes_and_comes_stays_and_is_counted(store: Engine, client):
    for number, step in enumerate(forget(store, Wanted("", (PAGE,)))):
        if "reports" in step:
            rows_ = [violation(1, document_url=PAGE, document_template=PAGE, at=START + number, reports=4)]
            insert(client, rows_, f"come-{number}")
    assert step["left"] > 0
    left = sums(client)
    assert left == dict.fromkeys(COUNTED, 18 + step["left"])
    assert done(store, Wanted("", (PAGE,)))["left"] == 0
    assert sums(client) == dict.fromkeys(COUNTED, 18)


def test_two_at_once_take_each_report_out_once(store: Engine, client):
    steps = [forget(store, wanted) for wanted in (Wanted("", (PAGE,)), Wanted("", (), (PAGE,)))]
    threads = [Thread(target=list, args=(its,)) for its in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sums(client) == dict.fromkeys(COUNTED, 7)


def test_a_batch_that_is_only_written_down_keeps_its_rows(store: Engine, client):
    """Who opens the store next inserts them."""
    put(client, "noise_moves", ["batch", "rows", "done"], [["noise-1-0"], [f'[{{"site":"shop","url":"{PAGE}"}}]'], [0]])
    assert "noise_moves, only its rows" not in found(client, Wanted("", (PAGE,)))
    assert "noise_moves, only its rows" not in found(client, Wanted("shop"))

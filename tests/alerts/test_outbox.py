"""Messages: once each, retried until the channel has them, held in quiet hours, grouped; whatever is restarted."""

import pickle
import time
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from alerts import outbox
from alerts.message import Message
from alerts.record import DUE, Parcel
from alerts.troubles import Troubles
from schema.alerting import read
from schema.health import Health
from tests.support.receiver import Answer, Receiver
from tests.support.store import insert, violation
from tests.support.watched import Watched


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    monkeypatch.setattr(outbox, "_FIRST_PAUSE", 0.05)


def messages(watched: Watched) -> list[tuple]:
    return watched.client.query(
        "SELECT state, attempts, error, channel_name FROM alert_messages FINAL ORDER BY seq"
    ).result_rows


def sent(watched: Watched) -> bool:
    return [row[0] for row in messages(watched)] == ["sent"]


def hosts(watched: Watched, numbers: range, **fields) -> None:
    """A new source each, at once."""
    now = time.time()
    insert(watched.client, [violation(n, at=now, blocked_host=f"h{n}.example", **fields) for n in numbers])


@pytest.mark.parametrize("answer", [Answer(500), Answer(429), Answer(302, (("Location", "http://127.0.0.1:1/"),))])
def test_what_is_not_taken_is_sent_again_under_the_same_id(watched, receiver, answer):
    receiver.answers = [answer, answer]
    watched.see(1)
    watched.steps(lambda: sent(watched))
    assert len({request.headers["idempotency-key"] for request in receiver.requests}) == 1
    assert len({request.body for request in receiver.requests}) == 1
    assert messages(watched)[0][:3] == ("sent", 3, "")


def test_the_other_side_may_say_when_to_try_again(watched, receiver):
    receiver.answers = [Answer(429, (("Retry-After", "3600"),))]
    watched.see(1)
    watched.steps(lambda: messages(watched) and messages(watched)[0][1] == 1)
    watched.ahead += 3_000_000
    for _ in range(3):
        watched.alerts.step()
    assert len(receiver.requests) == 1
    watched.ahead += 600_000
    watched.steps(lambda: sent(watched))
    assert len(receiver.requests) == 2


def test_one_that_hangs_holds_up_no_other(store, client, receiver, monkeypatch):
    monkeypatch.setattr("alerts.webhook.SECONDS", 2.0)
    with Receiver() as hanging:
        hanging.answers = [Answer(hang=True)]
        watched = Watched(store, hanging.url, receiver.url, rules={"off": ["new-policy"]})
        watched.alerts.step()
        watched.see(1)
        watched.steps(receiver.taken)
        assert not hanging.taken()
        watched.steps(hanging.taken)
        assert hanging.events() == receiver.events()


def test_one_that_hangs_for_good_is_told_and_tried_again(store, client, receiver, monkeypatch):
    monkeypatch.setattr("alerts.sending.LONGEST_SECONDS", 0.5)
    monkeypatch.setattr("alerts.webhook.SECONDS", 30.0)
    receiver.answers = [Answer(hang=True)] * 2
    watched = Watched(store, receiver.url, rules={"off": ["new-policy"]})
    watched.alerts.step()
    watched.see(1)
    watched.steps(watched.health.troubles)
    watched.steps(lambda: sent(watched))
    assert messages(watched)[0][:2] == ("sent", 3)


def test_while_one_fails_what_is_new_gathers_for_it(watched, receiver):
    receiver.answers = [Answer(503, (("Retry-After", "3600"),))]
    watched.see(1)
    watched.steps(lambda: messages(watched) and messages(watched)[0][1] == 1)
    hosts(watched, range(2, 5))
    watched.steps(lambda: len(watched.titles("new-source")) == 4)
    watched.ahead += 3_600_000
    watched.steps(lambda: len(receiver.taken()) == 2)
    assert [len(request.json["events"]) for request in receiver.taken()] == [1, 3]
    assert len(set(receiver.events())) == 4


def test_a_failing_channel_is_told_and_so_is_that_it_is_well_again(watched, receiver):
    receiver.answers = [Answer(500)] * 3
    watched.see(1)
    watched.steps(lambda: any("answered 500" in line for line in watched.health.troubles()))
    [line] = watched.health.troubles()
    assert ": to http://127.0.0.1:" in line
    assert "/hook" not in line
    assert watched.health.problems() == []  # the stage does its work
    watched.steps(receiver.taken)
    watched.steps(lambda: not watched.health.troubles())


def test_a_channel_that_is_no_longer_configured_is_no_trouble(watched, receiver):
    watched.alerting = Watched(watched.store, rules={"webhooks": [receiver.url], "off": ["new-policy"]}).alerting
    receiver.answers = [Answer(500)] * 9
    watched.see(1)
    watched.steps(watched.health.troubles)
    watched.alerts._routes._webhooks = ()
    watched.alerting = Watched(watched.store, rules={"off": ["new-policy"]}).alerting
    watched.steps(lambda: not watched.health.troubles())


def test_many_failing_channels_are_one_trouble():
    health = Health()
    troubles = Troubles(health)
    for number in range(20):
        troubles.note(parcel(f"c{number}"))
    [line] = health.troubles()
    assert line.startswith("alerts can't be sent since ")
    assert line.endswith(": to https://c0.example: answered 500, and 19 more")


def parcel(channel: str) -> Parcel:
    """That failed twice."""
    message = Message(id="x", made="", title="", text="", events=[], more=[])
    return Parcel(1, "x", channel, f"https://{channel}.example", [], message, 0, 0, 2, DUE, "answered 500")


def test_what_a_channel_will_never_take_is_given_up_and_kept_as_failed(watched, receiver):
    receiver.answers = [Answer(413)] * 3
    watched.see(1)
    watched.steps(lambda: [row[0] for row in messages(watched)] == ["failed"])
    watched.see(2, blocked_host="b.example")
    watched.steps(receiver.taken)
    assert messages(watched)[0][0] == "failed"


def test_a_restart_sends_what_was_not_sent_and_nothing_twice(watched, receiver, monkeypatch):
    watched.alerting = read({"off": ["new-policy"]}, {})
    with monkeypatch.context() as patient:
        patient.setattr("alerts.routes.TOGETHER_MS", 600_000)
        watched.see(1)
        watched.steps(lambda: watched.titles("new-source"))
    watched.again()  # before it is in a message
    watched.ahead += 600_000
    watched.steps(receiver.taken)
    watched.steps(lambda: sent(watched))
    watched.again()
    receiver.answers = [Answer(hang=True)]
    watched.see(2, blocked_host="b.example")
    watched.steps(lambda: len(messages(watched)) == 2)
    receiver.wait_for(2)
    watched.again()  # before it is known to be sent
    watched.steps(lambda: len(receiver.taken()) == 2)
    for _ in range(3):
        watched.alerts.step()
    assert len(receiver.taken()) == 2
    assert len(set(receiver.events())) == len(receiver.events()) == 2


@pytest.mark.parametrize("answers", [[Answer(slowly=2)], [Answer(500, slowly=2)]])
def test_what_is_under_way_while_the_store_fails_is_not_sent_beside_it(watched, receiver, monkeypatch, answers):
    receiver.answers = answers
    watched.see(1)
    watched.steps(lambda: receiver.requests)
    with monkeypatch.context() as failing:
        failing.setattr(watched.alerts._lease, "hold", Mock(side_effect=OperationalError("gone")))
        with pytest.raises(OperationalError):
            watched.alerts.step()
    watched.steps(lambda: sent(watched))
    for _ in range(3):
        watched.alerts.step()
    assert len(receiver.taken()) == 1
    assert [row[:2] for row in messages(watched)] == [("sent", len(receiver.requests))]


def test_quiet_hours_hold_events_and_send_one_message_when_they_end(store, client, receiver):
    rules = {"quiet": ["22:00-07:00"], "timezone": "Europe/Berlin", "off": ["new-policy"]}
    watched = Watched(store, receiver.url, rules=rules)
    night = datetime.now(UTC).replace(hour=1, minute=0).timestamp() * 1000  # 2 or 3 o'clock in Berlin
    watched.ahead = int(night - time.time() * 1000)
    watched.alerts.step()
    for number in (1, 2):
        watched.see(number, blocked_host=f"h{number}.example")
        watched.alerts.step()
    watched.again().step()
    assert len(watched.titles("new-source")) == 2
    assert not receiver.requests
    watched.ahead += 6 * 3600 * 1000
    watched.steps(receiver.taken)
    [request] = receiver.taken()
    assert len(request.json["events"]) == 2


def test_a_site_has_its_own_routes_and_others_have_the_common_one(store, client, receiver):
    with Receiver() as own:
        watched = Watched(store, receiver.url, rules={"off": ["new-policy"]}, shop={"webhooks": [own.url]})
        watched.alerting = Watched(store, rules={"off": ["new-policy"]}, shop={"webhooks": [own.url]}).alerting
        watched.alerts.step()
        for site in ("shop", "other"):
            watched.see(1, site=site)
        watched.steps(lambda: own.taken() and receiver.taken())
        assert own.taken()[0].json["title"].startswith("shop: ")
        assert receiver.taken()[0].json["title"].startswith("other: ")


def test_without_a_channel_events_are_written_down_all_the_same(store, client):
    watched = Watched(store)
    watched.alerts.step()
    watched.see(1)
    watched.alerts.step()
    assert len(watched.titles("new-source")) == 1
    assert messages(watched) == []


def test_a_message_that_was_sent_is_not_sent_again_because_the_store_failed_then(watched, receiver, monkeypatch):
    """What came of it is kept, and written down when the store is back."""
    watched.see(1)
    watched.steps(lambda: watched.titles("new-source"))
    real = watched.alerts._record.attempted
    failures = [OSError("the store is away")] * 2

    def attempted(parcel):
        if failures:
            raise failures.pop()
        real(parcel)

    monkeypatch.setattr(watched.alerts._record, "attempted", attempted)
    ends = time.monotonic() + 20
    while not sent(watched):
        assert time.monotonic() < ends
        try:
            watched.alerts.step()
        except OSError:
            watched.alerts._give_up_client()
        time.sleep(0.1)
    assert len(receiver.requests) == 1


def test_a_message_whose_row_a_killed_server_lost_stops_no_other(watched, receiver):
    watched.client.insert(
        "alert_messages", [[1, "x"]], column_names=["seq", "id"],
        settings={"insert_deduplication_token": "alerts-message-1"},
    )  # fmt: skip
    watched.client.command("ALTER TABLE alert_messages DELETE WHERE 1 SETTINGS mutations_sync = 1")
    watched.see(1)
    watched.steps(receiver.taken)
    assert len(receiver.events()) == 1


def test_what_waits_in_quiet_hours_is_kept_in_the_store_and_not_in_memory(store, client, receiver, monkeypatch):
    monkeypatch.setattr(outbox, "_EVENTS", 3)
    rules = {"off": ["new-policy"]}
    watched = Watched(store, receiver.url, rules=rules, shop={"quiet": ["00:00-23:59"]})
    watched.ahead = int(datetime.now(UTC).replace(hour=12, minute=0).timestamp() * 1000 - time.time() * 1000)
    watched.alerts.step()
    for number in range(7):
        watched.see(number, blocked_host=f"h{number}.example")
    watched.alerts.step()
    assert [row[:2] for row in messages(watched)] == [("due", 0)] * 2
    watched.again()
    watched.see(8, site="loud")
    watched.steps(receiver.taken)  # no other site waits behind it
    assert receiver.taken()[0].json["title"].startswith("loud: ")
    watched.ahead += 11 * 3600 * 1000 + 59 * 60 * 1000 + 30_000
    watched.steps(lambda: len(set(receiver.events())) == 8)
    assert len(receiver.events()) == 8


def test_a_restart_finds_what_waits_however_much_was_told_before(watched, receiver, monkeypatch):
    monkeypatch.setattr("alerts.outbox.MOST", 3)
    monkeypatch.setattr("alerts.record.MOST", 3)
    hosts(watched, range(4))  # in one message or, where looks are slow, in several
    watched.steps(lambda: len(set(receiver.events())) == 4 and {row[0] for row in messages(watched)} == {"sent"})
    monkeypatch.setattr("alerts.routes.TOGETHER_MS", 600_000)
    hosts(watched, range(4, 8))
    watched.steps(lambda: len(watched.titles("new-source")) == 8)
    watched.again()  # before they are in a message
    watched.ahead += 600_000
    watched.steps(lambda: len(set(receiver.events())) == 8)
    assert len(receiver.events()) == 8


def test_of_what_waits_for_a_channel_that_is_down_only_names_are_remembered(watched, receiver):
    receiver.answers = [Answer(503, (("Retry-After", "3600"),))]
    watched.see(1)
    watched.steps(lambda: receiver.requests)
    hosts(watched, range(2, 12), sample="x" * 1900)
    watched.steps(lambda: len(watched.titles("new-source")) == 11)
    assert len(pickle.dumps(watched.alerts._outbox._waiting)) < 2000

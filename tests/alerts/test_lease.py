"""One process works at a time, and another goes on when it ends."""

from alerts import lease as lease_
from alerts.lease import Lease


def lease(client, owner: str, *, alone: bool = False) -> Lease:
    made = Lease(owner, alone=alone)
    made.client = client
    return made


def test_the_first_works_and_the_second_waits(client):
    first, second = lease(client, "a"), lease(client, "b")
    assert first.hold(0, 0)[0] is not None
    assert second.hold(0, 0) == (None, False)
    assert 14 < first.left() <= 15
    assert second.left() <= 0
    assert first.hold(0, 0)[1] is False


def test_when_it_ends_the_other_takes_over_what_was_handed_on(client):
    first, second = lease(client, "a"), lease(client, "b")
    began = first.hold(0, 0)[0].began
    first.hold(7000, 3)
    first.release(9000, 4)
    assert first.left() <= 0
    term, fresh = second.hold(1, 1)
    assert (term.began, term.looked, term.messages, fresh) == (began, 9000, 4, True)


def test_when_it_is_dead_the_other_takes_over_after_the_term(client, monkeypatch):
    first, second, third = lease(client, "a"), lease(client, "b"), lease(client, "c")
    first.hold(0, 0)
    monkeypatch.setattr(lease_, "SECONDS", 0.0)  # the term is over
    monkeypatch.setattr(second, "left", lambda: 1.0)
    monkeypatch.setattr(third, "left", lambda: 1.0)
    assert second._newest().owner == "a"
    stale = third._newest()  # two see the same end
    assert second.hold(0, 0)[0] is not None
    third._take(stale, 0, 0)
    assert third._newest().owner == "b"


def test_who_has_the_store_alone_needn_t_wait_for_a_dead_ones_term(client):
    lease(client, "a").hold(0, 0)
    assert lease(client, "b", alone=True).hold(0, 0)[0] is not None


def test_a_long_gap_begins_a_new_watch(client):
    lease(client, "a").hold(0, 0)
    client.command("ALTER TABLE alert_owners UPDATE taken = taken - 120 WHERE 1 SETTINGS mutations_sync = 1")
    term, _ = lease(client, "b").hold(0, 0)
    assert term.awake > term.began


def test_a_term_whose_row_a_killed_server_lost_is_passed_over(client, monkeypatch):
    lease(client, "a").hold(0, 0)
    first = lease(client, "b")
    first._insert(2, "nobody", first._newest(), 0, 0)
    client.command("ALTER TABLE alert_owners DELETE WHERE epoch = 2 SETTINGS mutations_sync = 1")
    other = lease(client, "c", alone=True)
    assert other.hold(0, 0)[0] is None
    other._tried_at -= 40  # s
    assert other.hold(0, 0)[0].epoch == 3

"""What the sites file says of alerts: for all sites, and for one over it; it is kept out of what is stored."""

from datetime import UTC, datetime

import msgspec
import pytest

from alerts.quiet import quiet_until
from schema.alerting import Alerting
from schema.sites import BadSites, load_sites


def load(tmp_path, text: str):
    path = tmp_path / "sites.toml"
    path.write_text(text)
    return load_sites(path)


def test_a_sites_own_rules_stand_over_those_for_all(tmp_path):
    found = load(tmp_path, """
        [alerts]
        webhooks = ["https://hooks.example/all"]
        min_trust = 60
        [sites.shop.alerts]
        min_trust = 70
        noise = true
        [sites.blog]
    """).alerting  # fmt: skip
    assert (found("shop").min_trust, found("shop").noise, found("shop").webhooks) == (
        70, True, ("https://hooks.example/all",),
    )  # fmt: skip
    assert (found("blog").min_trust, found("blog").noise) == (60, False)


def test_rules_for_all_alone_leave_every_label_a_site(tmp_path):
    found = load(tmp_path, "[alerts]\nmin_trust = 60\n")
    assert found.known("anything")
    assert found.alerting("anything").min_trust == 60


def test_webhooks_are_in_no_table_that_is_stored(tmp_path):
    found = load(
        tmp_path, '[sites.shop]\nsample = 0.5\n[sites.shop.alerts]\nwebhooks = ["https://h.example/hunter2"]\n'
    )
    assert "hunter2" not in msgspec.json.encode(found.table).decode()


@pytest.mark.parametrize("text, says", [
    ("[alerts]\nquiet = ['25:00-07:00']", "write hours as 22:00-07:00"),
    ("[alerts]\nquiet = ['22:00-22:00']", "write hours as 22:00-07:00"),
    ("[alerts]\nquiet = ['00:00-24:00']", "quiet covers the whole day"),
    ("[alerts]\nquiet = ['22:00-07:00', '07:00-22:00']", "quiet covers the whole day"),
    ("[alerts]\ntimezone = 'Berlin'", "such as Europe/Berlin"),
    ("[alerts]\ntimezone = '../etc/passwd'", "such as Europe/Berlin"),
    ("[sites.shop.alerts]\noff = ['new']", "the kinds are new-source"),
    ("[sites.shop.alerts]\nmin_trust = 101", "[sites.shop.alerts]: Expected `int` <= 100"),
    ("[sites.shop.alerts]\nqiet = []", "unknown field `qiet`"),
    ("[sites.shop]\nalerts = 1", "[sites.shop.alerts] should be a table"),
    ("alerts = 1", "[alerts]: Expected `object`"),
])  # fmt: skip
def test_what_is_wrong_is_one_sentence_that_names_the_place(tmp_path, text, says):
    with pytest.raises(BadSites) as wrong:
        load(tmp_path, text)
    assert says in str(wrong.value)


def until(now: str, *quiet: str, zone: str = "Europe/Berlin") -> str | None:
    found = quiet_until(Alerting(quiet=quiet, timezone=zone), datetime.fromisoformat(now))
    return found and found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize("now, quiet, ends", [
    ("2026-07-01T21:30+00:00", ("22:00-07:00",), "2026-07-02T05:00"),  # 23:30 in Berlin
    ("2026-07-02T04:59+00:00", ("22:00-07:00",), "2026-07-02T05:00"),
    ("2026-07-02T05:00+00:00", ("22:00-07:00",), None),
    ("2026-07-01T10:30+00:00", ("12:00-13:00",), "2026-07-01T11:00"),
    ("2026-07-01T21:30+00:00", ("22:00-24:00", "00:00-08:00"), "2026-07-02T06:00"),
    ("2026-10-24T21:30+00:00", ("22:00-07:00",), "2026-10-25T06:00"),  # clocks go back in that night
    ("2026-03-28T22:30+00:00", ("22:00-07:00",), "2026-03-29T05:00"),  # and forth
])  # fmt: skip
def test_quiet_hours_end_by_the_clock_on_the_wall(now, quiet, ends):
    assert until(now, *quiet) == ends


def test_a_day_that_is_quiet_all_over_ends_somewhere():
    assert until("2026-07-01T10:00+00:00", "00:00-24:00") is not None

"""The load profiles as functions of time, without Locust."""

import pytest

from loadtest.load.limits import Limits, Look
from loadtest.load.profiles import PROFILES, Profile, Stage, Thresholds

STEPS = Profile("steps", "", (Stage(10, 10), Stage(30, 20, ramp=True), Stage(5, 10)), Thresholds(0.01, 100, 200), True)


def test_there_are_six_profiles_and_each_has_its_thresholds():
    assert list(PROFILES) == ["smoke", "average", "stress", "spike", "soak", "breakpoint"]
    for profile in PROFILES.values():
        assert 0 <= profile.thresholds.errors < 1
        assert 0 < profile.thresholds.p95 <= profile.thresholds.p99


@pytest.mark.parametrize("at, rate", [(0, 10), (9.9, 10), (10, 10), (20, 20), (29.9, 29.9), (30, 5), (39.9, 5)])
def test_a_stage_holds_its_rate_or_ramps_to_it_from_the_one_before(at, rate):
    assert STEPS.rate(at) == pytest.approx(rate)


def test_a_profile_is_over_after_its_last_stage():
    assert STEPS.seconds == 40
    assert STEPS.rate(40) is None
    assert STEPS.users(40) is None


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_same_moment_has_the_same_users_and_at_least_one(profile):
    moments = [profile.seconds * part / 50 for part in range(50)]
    users = [profile.users(at) for at in moments]
    assert users == [profile.users(at) for at in moments]
    assert min(users) >= 1
    assert profile.users(profile.seconds) is None


def test_the_average_is_constant_after_its_ramp():
    average = PROFILES["average"]
    assert average.users(0) == 1
    assert {average.users(at) for at in range(30, 300)} == {50}


def test_a_spike_is_ten_times_the_usual_at_once_and_goes_back():
    assert [PROFILES["spike"].users(at) for at in (59, 60, 119, 120)] == [50, 500, 500, 50]


def test_stress_rises_and_comes_back_to_see_the_recovery():
    rates = [stage.rate for stage in PROFILES["stress"].stages]
    assert rates[:-1] == sorted(rates[:-1])
    assert rates[-1] < rates[0]


def test_a_soak_takes_an_hour_unless_it_is_told_less():
    soak = PROFILES["soak"]
    assert soak.seconds == 3600
    assert soak.lasting(5).seconds == pytest.approx(300)
    assert soak.lasting(5).users(299) == soak.users(0)


def test_another_time_keeps_the_stages_in_proportion():
    assert [stage.seconds for stage in STEPS.lasting(1).stages] == [15, 30, 15]


def test_a_breakpoint_only_rises():
    steps = [stage.rate for stage in PROFILES["breakpoint"].stages]
    assert steps == sorted(set(steps))
    assert [profile.name for profile in PROFILES.values() if profile.seeks_limit] == ["breakpoint"]


def look(at: float, asked: float, failing: float = 0, p95: float = 10, p99: float = 20) -> Look:
    return Look(at, asked, 100, failing, p95, p99)


@pytest.mark.parametrize(
    "bad, why", [({"failing": 5}, "5.0% of the requests failed"), ({"p95": 150}, "p95 was"), ({"p99": 250}, "p99 was")]
)
def test_a_limit_is_where_a_threshold_stays_broken_and_names_the_step_before(bad, why):
    limits = Limits(STEPS)
    assert not any(limits.look(look(at, 50)) for at in range(5))
    assert not any(limits.look(look(at, 100)) for at in range(5, 10))
    assert [limits.look(look(at, 150, **bad)) for at in range(10, 13)] == [False, False, True]
    assert (limits.found.asked, limits.found.held) == (150, 100)
    assert limits.found.why.startswith(why)


def test_one_slow_moment_is_no_limit():
    limits = Limits(STEPS)
    assert not any(limits.look(look(at, 50, p95=999 if at % 3 == 0 else 10)) for at in range(30))
    assert limits.found is None


def test_a_profile_that_seeks_no_limit_goes_on_whatever_happens():
    limits = Limits(PROFILES["stress"])
    assert not any(limits.look(look(at, 50, p95=99_999)) for at in range(10))
    assert len(limits.looks) == 10

"""`alerts test` sends a sample to every channel and says what became of it; wrong channels stop the start."""

import pytest

from tests.support.receiver import Answer, Receiver
from tests.support.stages import command


@pytest.fixture
def receiver():
    with Receiver() as made:
        yield made


def test_a_sample_goes_to_every_channel_those_of_sites_too(receiver, tmp_path):
    with Receiver() as own:
        sites = tmp_path / "sites.toml"
        sites.write_text(f'[sites.shop.alerts]\nwebhooks = ["{own.url}"]\n')
        said = command("alerts", "test", webhooks=receiver.url, sites=sites, console_url="https://csp.example")
        assert said.returncode == 0, said.stderr
        assert said.stdout.count(": sent\n") == 2
        assert "/hook" not in said.stdout
        for one in (receiver, own):
            [request] = one.taken()
            assert request.json["test"] is True
            assert request.json["events"][0]["link"] == "https://csp.example/violations?site=sample"


def test_one_that_fails_is_told_and_the_others_get_theirs_all_the_same(receiver):
    with Receiver() as fails:
        fails.answers = [Answer(403)]
        said = command("alerts", "test", webhooks=f"{fails.url},{receiver.url}")
        assert said.returncode == 1
        assert "failed: answered 403" in said.stdout
        assert len(receiver.taken()) == 1


def test_without_a_channel_it_says_what_to_set():
    said = command("alerts", "test")
    assert said.returncode == 1
    assert "set SENTINEL_WEBHOOKS" in said.stdout


def test_the_stage_is_for_a_server():
    said = command("alerts")
    assert said.returncode == 1
    assert "`csp-sentinel run` sends alerts itself" in said.stderr


def test_a_wrong_channel_in_the_sites_file_is_one_sentence_without_its_secret(tmp_path):
    sites = tmp_path / "sites.toml"
    sites.write_text('[alerts]\nwebhooks = ["slack://hunter2"]\n')
    said = command("alerts", "test", sites=sites)
    assert said.returncode == 1
    assert "[alerts]: webhooks has slack://***, which should be https://" in said.stderr
    assert "hunter2" not in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1

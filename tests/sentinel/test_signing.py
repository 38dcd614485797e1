"""`csp-sentinel sign`: a URL that the collector takes for signed, and sentences where there can be none."""

import os
import re
import time
from pathlib import Path

import pytest

from schema.signing import Signature, checked_key
from schema.sites import BadSites, load_sites
from sentinel.cli import main

KEY = "a-key-of-the-shop-0123456789abcdef"


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    file = tmp_path / "sites.toml"
    file.write_text(f'[sites.shop]\nsigning_keys = ["{KEY}", "{KEY[::-1]}"]\n[sites.open]\n')
    return file


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["sign", *arguments])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.mark.parametrize(
    "more, start, environment, seconds",
    [
        ([], "/csp/report/shop?k=", "", 365 * 86_400),
        (["--environment", "production"], "/csp/report/shop?k=", "production", 365 * 86_400),
        (["--expires", "30m", "--url", "https://csp.example/"], "https://csp.example/csp/report/shop?k=", "", 1800),
        (
            ["--expires", "2w", "--url", "http://[::1]:8080/x"],
            "http://[::1]:8080/x/csp/report/shop?k=",
            "",
            14 * 86_400,
        ),
    ],
)
def test_it_prints_the_url_alone_and_the_collector_takes_it(sites, capsys, more, start, environment, seconds):
    code, out, err = ran(capsys, "--sites", str(sites), "--site", "shop", *more)
    assert code == 0
    assert re.fullmatch(re.escape(start) + r"[A-Za-z0-9._-]{30,80}\n", out)
    signer, query = load_sites(sites).signers["shop"], out.strip().partition("?")[2].encode()
    assert signer.check(query, time.time()) == Signature("valid", environment)
    assert signer.check(query, time.time() + seconds - 60).outcome == "valid"
    assert signer.check(query, time.time() + seconds + 60).outcome == "expired"
    assert KEY not in out + err


def test_a_date_is_its_start(sites, capsys):
    year = time.gmtime().tm_year + 1
    code, _, err = ran(capsys, "--sites", str(sites), "--site", "shop", "--expires", f"{year}-11-25")
    assert code == 0
    assert f"until {year}-11-25T00:00:00Z" in err


def test_it_makes_keys_that_the_sites_file_may_hold(capsys):
    code, out, _ = ran(capsys, "--new-key")
    assert (code, checked_key(out.strip())) == (0, out.strip())


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (["--site", "open"], 1, "has no signing_keys: `csp-sentinel sign --new-key` makes one"),
        (["--site", "other"], 1, "has no [sites.other]"),
        (["--site", "Shop"], 2, "a site's label has"),
        (["--site", "shop", "--environment", "Pro duction"], 2, "an environment has"),
        (["--site", "shop", "--expires", "soon"], 2, "'soon' is neither a time from now"),
        (["--site", "shop", "--expires", "2020-01-01"], 2, "is not in the future"),
        (["--site", "shop", "--expires", "9999w"], 2, "more than ten years"),
        (["--site", "shop", "--url", "csp.example"], 2, "the collector's URL is like"),
        (["--site", "shop", "--url", "https://csp.example/?a=1"], 2, "the collector's URL is like"),
        (["--site", "shop", "--url", "https://csp.example/a;b"], 2, "the collector's URL is like"),
        (["--site", "shop", "--url", "https://csp.example/a b"], 2, "the collector's URL is like"),
        (["--site", "shop", "--url", "https://me:pw@csp.example"], 2, "the collector's URL is like"),
    ],
)
def test_what_it_cannot_sign_it_says_in_a_sentence(sites, capsys, arguments, code, sentence):
    found, out, err = ran(capsys, "--sites", str(sites), *arguments)
    assert (found, out) == (code, "")
    assert sentence in err
    assert KEY not in err


def test_without_a_sites_file_it_says_where_keys_stand(capsys, monkeypatch):
    monkeypatch.delenv("SENTINEL_SITES", raising=False)
    assert ran(capsys, "--site", "shop")[::2] == (
        1, "csp-sentinel: the keys stand in the sites file: name it with --sites or SENTINEL_SITES\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    "table, sentence",
    [
        ('signing_keys = ["s3cret"]', "holds one that has 6 characters; it needs 32 to 256"),
        ('signing_keys = ["s3cret s3cret s3cret s3cret s3cret"]', "has blanks"),
        ('signing_keys = "s3cret"', "is a list of texts"),
        ("signing_keys = []", "is a list of texts"),
        ("signing_keys = [1]", "is no text"),
        ('require_signature = "mark"', "needs signing_keys too"),
        (f'signing_keys = ["{KEY}"]\nrequire_signature = "yes"', "require_signature is mark or refuse, not 'yes'"),
        ('signing_key = "s3cret"', "unknown field"),
    ],
)
def test_a_sites_file_with_wrong_keys_is_refused_without_showing_them(tmp_path, table, sentence):
    file = tmp_path / "sites.toml"
    file.write_text(f"[sites.shop]\n{table}\n")
    with pytest.raises(BadSites) as refused:
        load_sites(file)
    assert sentence in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert KEY not in str(refused.value)


def test_a_command_called_from_python_leaves_no_folder_of_metrics_named(capsys):
    ran(capsys, "sign", "--new-key")
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ

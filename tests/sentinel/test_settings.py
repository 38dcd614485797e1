"""Settings: where they come from, which of them wins, and the one sentence a wrong one gets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.says import SAYS
from sentinel.settings import Settings, WrongSetting, read, render, table

PROVIDER = {
    "SENTINEL_OIDC_ISSUER": "https://login.example/realms/main",
    "SENTINEL_OIDC_CLIENT_ID": "console",
    "SENTINEL_OIDC_CLIENT_SECRET": "s",
    "SENTINEL_OIDC_EDITORS": "@A.example, Team",
}


def wrong(environ: dict[str, str], file: Path | None = None, flags: dict[str, object] | None = None) -> str:
    with pytest.raises(WrongSetting) as raised:
        read(environ, file, flags or {})
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert len(sentence) < 300
    return sentence


def sentence_or_nothing(environ: dict[str, str]) -> str:
    try:
        read(environ, None, {})
    except WrongSetting as error:
        return str(error)
    return ""


def written(tmp_path: Path, text: str | bytes, name: str = "settings.env") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class TestWhatWins:
    def test_without_any_the_defaults_hold(self) -> None:
        settings = read({}, None, {}).settings
        assert settings == Settings()
        assert (settings.log, settings.store, settings.durability) == (None, None, "disk")
        assert (settings.port, settings.console_port, settings.console_host) == (8080, 8081, "127.0.0.1")
        assert settings.spool_max_bytes == 2 * 1024**3
        assert settings.max_body_bytes == 256 * 1024
        assert 1 <= settings.workers <= 8

    def test_flags_win_over_environment_over_file_over_defaults(self, tmp_path: Path) -> None:
        file = written(tmp_path, "SENTINEL_PORT=1\nSENTINEL_OPS_PORT=1\nSENTINEL_CONSOLE_PORT=1\n")
        environ = {"SENTINEL_PORT": "2", "SENTINEL_OPS_PORT": "2"}
        loaded = read(environ, file, {"port": 3, "workers": None})
        ports = loaded.settings.port, loaded.settings.ops_port, loaded.settings.console_port
        assert ports == (3, 2, 1)
        names = ("port", "ops_port", "console_port", "host")
        assert [loaded.sources[name] for name in names] == ["flag", "environment", f"file {file}", "default"]

    def test_an_empty_text_is_not_set(self, tmp_path: Path) -> None:
        file = written(tmp_path, "SENTINEL_PORT=9000")
        assert read({"SENTINEL_PORT": "", "SENTINEL_HOST": " "}, file, {}).settings.port == 9000

    def test_a_wrong_text_is_told_also_where_another_wins(self) -> None:
        assert "eighty" in wrong({"SENTINEL_PORT": "eighty"}, flags={"port": 80})

    def test_the_environment_may_name_the_file(self, tmp_path: Path) -> None:
        file = written(tmp_path, 'data_dir = "/var/lib/sentinel"', "settings.toml")
        assert read({"SENTINEL_SETTINGS": str(file)}, None, {}).settings.data_dir == Path("/var/lib/sentinel")

    def test_other_programs_variables_and_flags_are_passed_over(self) -> None:
        environ = {"PATH": "/bin", "SENTRY_DSN": "x", "SENTINELONE_HOST": "x", "PORT": "no"}
        assert read(environ, None, {"command": "run"}).settings == Settings()

    def test_settings_are_frozen(self) -> None:
        with pytest.raises(AttributeError):
            read({}, None, {}).settings.port = 1  # type: ignore[misc]


class TestNames:
    @pytest.mark.parametrize(
        "name, meant",
        [
            ("SENTINEL_PROT", "SENTINEL_PORT"),
            ("SENTINEL_DATADIR", "SENTINEL_DATA_DIR"),
            ("SENTINEL_RETENTION", "SENTINEL_RETENTION_DAYS"),
            ("SENTINEL_SPOOL_MAX", "SENTINEL_SPOOL_MAX_BYTES"),
            ("SENTINAL_PORT", "SENTINEL_PORT"),
            ("sentinel_port", "SENTINEL_PORT"),
            ("Sentinel_Console_Host", "SENTINEL_CONSOLE_HOST"),
        ],
    )
    def test_a_misspelt_one_is_told_what_was_meant(self, name: str, meant: str) -> None:
        sentence = wrong({name: "7"})
        assert f"{name}=7" in sentence
        assert f"did you mean {meant}?" in sentence

    def test_one_like_no_other_is_told_where_the_names_stand(self) -> None:
        assert "`csp-sentinel settings` lists" in wrong({"SENTINEL_XYZZY": "7"})

    def test_a_file_is_held_to_the_same_names(self, tmp_path: Path) -> None:
        assert "SENTINEL_PORT?" in wrong({}, written(tmp_path, "SENTINEL_PROT=1"))
        assert "SENTINEL_PORT?" in wrong({}, written(tmp_path, "prot = 1", "s.toml"))

    def test_a_file_cannot_name_another_file(self, tmp_path: Path) -> None:
        assert "--settings" in wrong({}, written(tmp_path, "SENTINEL_SETTINGS=other.env"))


class TestValues:
    @pytest.mark.parametrize(
        "text", ["eighty", "-1", "65536", "８０８０", "8_080", "+80", "80.0", "nan", "1e3", "0x50", "9" * 5000, "80 80"]
    )
    def test_a_port_is_a_whole_number(self, text: str) -> None:
        sentence = wrong({"SENTINEL_PORT": text})
        assert sentence.startswith(f"SENTINEL_PORT={text[:79]}")
        assert "a whole number from 0 to 65535" in sentence

    @pytest.mark.parametrize("port", [0, 1, 65535])
    def test_port_0_and_the_ends_are_ports(self, port: int) -> None:
        assert read({"SENTINEL_PORT": str(port)}, None, {}).settings.port == port

    @pytest.mark.parametrize(
        "text, number",
        [("2GiB", 2 << 30), ("512MiB", 512 << 20), ("64KiB", 64 << 10), ("64 kib", 64 << 10), ("70000", 70000)],
    )
    def test_sizes_take_binary_units(self, text: str, number: int) -> None:
        assert read({"SENTINEL_SPOOL_MAX_BYTES": text}, None, {}).settings.spool_max_bytes == number

    @pytest.mark.parametrize("text", ["2GB", "1.5GiB", "GiB", "-1", "0", "٢GiB", "9999999TiB", "2GiBs"])
    def test_other_sizes_are_told_how_sizes_look(self, text: str) -> None:
        assert "512MiB" in wrong({"SENTINEL_SPOOL_MAX_BYTES": text})

    def test_any_other_log_is_told_the_right_one(self) -> None:
        assert "should be spool:" in wrong({"SENTINEL_LOG": "spool"})

    def test_a_log_acknowledgement_needs_a_log_that_gives_one(self) -> None:
        sentence = wrong({"SENTINEL_DURABILITY": "log"})
        assert "SENTINEL_LOG=spool:" in sentence
        environ = {"SENTINEL_DURABILITY": "log", "SENTINEL_LOG": "kafka://broker?acks=1"}
        assert read(environ, None, {}).settings.durability == "log"

    def test_choices_are_listed(self) -> None:
        assert "memory, disk or log" in wrong({"SENTINEL_DURABILITY": "ram"})
        assert read({"SENTINEL_LOG_LEVEL": "DEBUG"}, None, {}).settings.log_level == "debug"

    @pytest.mark.parametrize("host", ["http://a", "a:80", "a b", "-a", "a/b", "1.2.3.4.5:1", "[::1", "ä.example"])
    def test_a_host_stands_alone(self, host: str) -> None:
        assert "without scheme and port" in wrong({"SENTINEL_HOST": host})

    @pytest.mark.parametrize("host, kept", [("::", "::"), ("[::1]", "::1"), ("collector.example", "collector.example")])
    def test_hosts_are_names_and_addresses(self, host: str, kept: str) -> None:
        assert read({"SENTINEL_HOST": host}, None, {}).settings.host == kept

    def test_webhooks_are_web_addresses_with_commas(self) -> None:
        hooks = read({"SENTINEL_WEBHOOKS": "https://a.example/1, http://b.example:8/2,"}, None, {}).settings.webhooks
        assert hooks == ("https://a.example/1", "http://b.example:8/2")
        for text in ("ftp://a.example", "a.example", "http://", "http://a:x", "http://[a", "alertmanager://"):
            assert "http://" in wrong({"SENTINEL_WEBHOOKS": text})
        assert "with commas" in wrong({"SENTINEL_WEBHOOKS": ","})

    def test_webhooks_may_be_alertmanagers_and_what_apprise_knows(self) -> None:
        urls = ("alertmanager://am:9093", "alertmanagers://u:p@am/prefix", "slack://TTTTTTTTT/BBBBBBBBB/" + "c" * 24)
        assert read({"SENTINEL_WEBHOOKS": ",".join(urls)}, None, {}).settings.webhooks == urls
        sentence = wrong({"SENTINEL_WEBHOOKS": "slack://hunter2"})
        assert "hunter2" not in sentence
        assert "SENTINEL_WEBHOOKS=slack://***" in sentence

    @pytest.mark.parametrize(
        "text, origin",
        [
            ("https://CSP.example/", "https://csp.example"),
            ("https://csp.example:443", "https://csp.example"),
            ("http://[::1]:8081", "http://[::1]:8081"),
        ],
    )
    def test_a_public_address_is_kept_as_browsers_write_it(self, text: str, origin: str) -> None:
        assert (
            read({"SENTINEL_CONSOLE_URL": text, "SENTINEL_COLLECTOR_URL": text}, None, {}).settings.collector_url
            == origin
        )

    @pytest.mark.parametrize("text", ["csp.example", "https://", "https://a/b", "https://a;script-src *", "https://a b",
                                      "ftp://a", "https://a:0", "https://a:99999", "https://a?b", "https://a,b",
                                      "https://u@a", "https://[a]", "https://ä.example"])  # fmt: skip
    def test_what_else_an_address_may_be_is_none(self, text: str) -> None:
        for name in ("SENTINEL_CONSOLE_URL", "SENTINEL_COLLECTOR_URL"):
            assert wrong({name: text})

    @pytest.mark.parametrize("text", ["http://login.example", "login.example", "https://a?b", "https://a#b", "https://",
                                      "https://u@a", "https://a:x", "https://[a"])  # fmt: skip
    def test_an_issuer_is_asked_by_https(self, text: str) -> None:
        assert "should be like https://" in wrong(PROVIDER | {"SENTINEL_OIDC_ISSUER": text})

    @pytest.mark.parametrize("text", [",", "a@", "a@b@c", "a b@c.example", "@", "a@ü.example"])
    def test_people_are_addresses_domains_and_groups(self, text: str) -> None:
        assert "with commas" in wrong(PROVIDER | {"SENTINEL_OIDC_EDITORS": text})

    def test_control_characters_are_no_value(self, tmp_path: Path) -> None:
        sentence = wrong({}, written(tmp_path, r'data_dir = "a\u0000\u001b[31m"', "s.toml"))
        assert "control characters" in sentence
        assert "\x1b" not in sentence

    def test_a_home_is_found_and_a_missing_one_told(self) -> None:
        assert read({"SENTINEL_DATA_DIR": "~/reports"}, None, {}).settings.data_dir == Path.home() / "reports"
        assert "home" in wrong({"SENTINEL_DATA_DIR": "~no-such-user/reports"})

    @given(st.sampled_from(sorted(SAYS)), st.text(st.characters(exclude_characters="\0")))
    def test_any_text_is_a_value_or_one_sentence(self, field: str, text: str) -> None:
        sentence = sentence_or_nothing({f"SENTINEL_{field.upper()}": text})
        assert sentence.isprintable()
        assert not sentence or f"SENTINEL_{field.upper()}" in sentence


class TestSecrets:
    def test_a_console_for_other_machines_needs_a_token(self) -> None:
        for host in ("0.0.0.0", "::", "10.0.0.5", "console.example", "127.1", "::ffff:10.0.0.5"):
            sentence = wrong({"SENTINEL_CONSOLE_HOST": host})
            assert f"SENTINEL_CONSOLE_HOST={host}" in sentence
            assert "SENTINEL_CONSOLE_TOKEN" in sentence
            assert read(
                {"SENTINEL_CONSOLE_HOST": host, "SENTINEL_CONSOLE_TOKEN": "t0ken"}, None, {}
            ).settings.console_host

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"])
    def test_loopback_needs_none(self, host: str) -> None:
        assert read({"SENTINEL_CONSOLE_HOST": host}, None, {}).settings.console_token == ""

    def test_or_a_provider(self) -> None:
        assert read({"SENTINEL_CONSOLE_HOST": "0.0.0.0"} | PROVIDER, None, {}).settings.oidc_editors == (
            "@a.example",
            "Team",
        )

    @pytest.mark.parametrize(
        "environ, says",
        [
            ({"SENTINEL_CONSOLE_VIEWER_TOKEN": "v"}, "set SENTINEL_CONSOLE_TOKEN too"),
            ({"SENTINEL_CONSOLE_VIEWER_TOKEN": "v", "SENTINEL_CONSOLE_TOKEN": "v"}, "make it another one"),
            (PROVIDER | {"SENTINEL_OIDC_CLIENT_SECRET": ""}, "SENTINEL_OIDC_ISSUER needs SENTINEL_OIDC_CLIENT_SECRET"),
            ({"SENTINEL_OIDC_VIEWERS": "*"}, "SENTINEL_OIDC_VIEWERS needs SENTINEL_OIDC_ISSUER and"),
            (PROVIDER | {"SENTINEL_OIDC_EDITORS": ""}, "set SENTINEL_OIDC_EDITORS or SENTINEL_OIDC_VIEWERS"),
        ],
    )
    def test_half_a_login_is_told_what_it_lacks(self, environ: dict[str, str], says: str) -> None:
        assert says in wrong(environ)

    def test_no_sentence_and_no_listing_shows_a_secret(self) -> None:
        secret = "hunter2"
        for environ in (
            {"SENTINEL_CONSOLE_TOKEN": f"two {secret}"},
            {"SENTINEL_CONSOLE_TOKN": secret},
            {"SENTINEL_CONSOLE_SECRET": secret},
            {"SENTINEL_CONSOLE_VIEWER_TOKEN": secret},
            {"SENTINEL_CONSOLE_VIEWER_TOKEN": secret, "SENTINEL_CONSOLE_TOKEN": secret},
            {"SENTINEL_OIDC_CLIENT_SECRET": secret},
            {"SENTINEL_OIDC_ISSUER": f"http://me:{secret}@login.example"},
            {"SENTINEL_CONSOLE_URL": f"https://me:{secret}@csp.example"},
            {"SENTINEL_PASSWORD": secret},
            {"SENTINEL_DB": f"clickhouse://me:{secret}@db/x"},
            {"SENTINEL_LOG": f"kafka://a/t?sasl_password={secret}"},
            {"SENTINEL_WEBHOOKS": f"htps://hooks.example/T0/{secret}"},
            {"SENTINEL_WEBHOOKS": f"me:{secret}@hooks.example"},
            {"SENTINEL_WEBHOOKS": f"slack://{secret}"},
            {"SENTINEL_WEBHOOK_SECRET": secret},
        ):
            assert secret not in wrong(environ)
        environ = {"SENTINEL_CONSOLE_TOKEN": secret, "SENTINEL_WEBHOOKS": f"https://me:{secret}@h.example/{secret}"}
        environ |= PROVIDER | {"SENTINEL_OIDC_CLIENT_SECRET": secret, "SENTINEL_CONSOLE_SECRET": secret * 5}
        environ |= {"SENTINEL_CONSOLE_VIEWER_TOKEN": f"{secret}-too"}
        assert secret not in render(*read(environ, None, {}))

    def test_a_chat_services_host_is_shown_and_its_path_is_not(self) -> None:
        shown = render(*read({"SENTINEL_WEBHOOKS": "https://hooks.example/T0/B0,http://b.example"}, None, {}))
        assert "SENTINEL_WEBHOOKS=https://hooks.example/***,http://b.example  # environment" in shown


class TestTable:
    def test_every_field_has_its_words(self) -> None:
        assert tuple(SAYS) == Settings.__struct_fields__
        for row in table():
            assert row.meaning.endswith("."), row
            assert row.type, row

    def test_a_default_is_a_value_the_reader_takes(self) -> None:
        for row in table():
            if row.default and row.name != "SENTINEL_WORKERS":
                assert read({row.name: row.default}, None, {}).settings == Settings()

    def test_rows_hold_name_type_default_unit_meaning(self) -> None:
        rows = {row.name: row for row in table()}
        assert rows["SENTINEL_MAX_BODY_BYTES"][1:4] == ("size", "262144", "bytes")
        assert rows["SENTINEL_DURABILITY"].type == "memory | disk | log"
        assert "with commas between" in rows["SENTINEL_WEBHOOKS"].meaning

    def test_the_listing_names_value_and_source(self) -> None:
        shown = render(*read({"SENTINEL_PORT": "9000"}, None, {"workers": "3"}))
        assert "SENTINEL_PORT=9000  # environment\n" in shown
        assert "SENTINEL_WORKERS=3  # flag\n" in shown
        assert "SENTINEL_LOG=spool:  # default\n" in shown


@pytest.mark.parametrize("name", sorted(SAYS.keys() - {"data_dir", "sites", "noise"}))
def test_bytes_that_are_no_text_are_refused_with_a_sentence(name: str):
    """Found by fuzzing: a webhook with such a byte in it ended in a traceback."""
    assert "should be text in UTF-8" in wrong({f"SENTINEL_{name.upper()}": "https://hooks.example/\udc80"})


def test_a_file_may_be_called_by_bytes_that_are_no_text():
    assert read({"SENTINEL_DATA_DIR": "/srv/\udc80"}, None, {}).settings.data_dir == Path("/srv/\udc80")

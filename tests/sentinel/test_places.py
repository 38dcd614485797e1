"""The URLs of Kafka and ClickHouse: what each part means, and that a wrong one is told without its password."""

from pathlib import Path

import pytest

from log.places import KafkaPlace
from schema.places import ClickHousePlace
from tests.support.places import clickhouse, kafka, wrong


class TestKafka:
    def test_a_host_is_enough(self) -> None:
        assert kafka("kafka://broker") == KafkaPlace(brokers=("broker:9092",))
        assert kafka("KAFKA://broker/").topic == "csp-violations"

    def test_the_defaults_are_those_of_a_topic_that_survives_a_broker(self) -> None:
        place = kafka("kafka://broker")
        assert (place.partitions, place.replication, place.min_isr, place.retention_ms) == (48, 3, 2, 86_400_000)
        assert (place.acks, place.group, place.mechanism, place.tls) == ("all", "csp-sentinel", "", False)

    def test_everything_can_be_written(self) -> None:
        place = kafka(
            "kafkas://me:secret@a.example:9093,b.example,[::1]:9,[fe80::2]/csp.reports?partitions=6&replication=5"
            "&min_isr=3&retention=7d&acks=1&security=SCRAM-SHA-512&ca=/etc/ca.pem&group=blue"
        )
        assert place == KafkaPlace(
            brokers=("a.example:9093", "b.example:9092", "[::1]:9", "[fe80::2]:9092"),
            topic="csp.reports",
            tls=True,
            user="me",
            password="secret",
            mechanism="SCRAM-SHA-512",
            ca="/etc/ca.pem",
            acks="1",
            group="blue",
            partitions=6,
            replication=5,
            min_isr=3,
            retention_ms=7 * 86_400_000,
            given=frozenset({"partitions", "replication", "min_isr", "retention"}),
        )
        assert place.dead_topic == "csp.reports-dead"

    def test_it_is_known_what_of_the_topics_shape_was_written(self) -> None:
        assert kafka("kafka://a?partitions=48&acks=all").given == {"partitions"}
        assert kafka("kafka://a").given == frozenset()

    @pytest.mark.parametrize(
        "text, ms", [("60s", 60_000), ("1m", 60_000), ("24H", 86_400_000), ("3650d", 315_360_000_000)]
    )
    def test_retention_is_a_number_and_a_unit(self, text: str, ms: int) -> None:
        assert kafka(f"kafka://a?retention={text}").retention_ms == ms

    @pytest.mark.parametrize("text", ["24", "h", "1.5h", "-1", "59s", "3651d", "24 h", "1w", "٢h", "9" * 30 + "d", ""])
    def test_other_retentions_are_told_how_they_look(self, text: str) -> None:
        assert "retention should be" in wrong(f"kafka://a?retention={text}")
        assert "24h or 7d" in wrong(f"kafka://a?retention={text}")

    @pytest.mark.parametrize(
        "name, text", [("partitions", "0"), ("partitions", "10001"), ("partitions", "x"), ("replication", "21"),
                       ("replication", ""), ("min_isr", "0"), ("partitions", "+3"), ("partitions", "９")]
    )  # fmt: skip
    def test_numbers_have_their_ranges(self, name: str, text: str) -> None:
        assert f"{name} should be a whole number from 1 to" in wrong(f"kafka://a?{name}={text}")

    def test_no_more_replicas_are_asked_for_than_there_are(self) -> None:
        assert "min_isr should be from 1 to 3" in wrong("kafka://a?min_isr=4")
        assert "min_isr should be from 1 to 1" in wrong("kafka://a?replication=1&min_isr=2")
        assert kafka("kafka://a?replication=1").min_isr == 1

    @pytest.mark.parametrize("text, acks", [("all", "all"), ("-1", "all"), ("ALL", "all"), ("1", "1")])
    def test_acks_are_all_or_one(self, text: str, acks: str) -> None:
        assert kafka(f"kafka://a?acks={text}").acks == acks

    @pytest.mark.parametrize("text", ["0", "2", "none", ""])
    def test_acks_that_would_lose_reports_are_refused_with_the_reason(self, text: str) -> None:
        assert "would lose reports" in wrong(f"kafka://a?acks={text}")

    @pytest.mark.parametrize("topic", [".", "..", "a/b", "a b", "tópico", "a%2Db", "t/", "a" * 245, "a:b"])
    def test_a_topic_keeps_kafkas_rule(self, topic: str) -> None:
        assert "the topic should be" in wrong(f"kafka://a/{topic}")

    def test_a_topic_leaves_room_for_its_dead_letters(self) -> None:
        assert len(kafka(f"kafka://a/{'t' * 244}").dead_topic) == 249

    @pytest.mark.parametrize(
        "hosts", ["", ",", "a,", ",a", "a,,b", "a:", "a:0", "a:65536", "a:x", "::1", "[::1", "[a]", "[1.2.3.4]", "a b",
                  "-a", "a:1:2", "ä.example", "[::1]9", "a:９", "a, b"]
    )  # fmt: skip
    def test_hosts_are_names_and_addresses_with_commas(self, hosts: str) -> None:
        assert "a host should be" in wrong(f"kafka://{hosts}/t")

    @pytest.mark.parametrize(
        "url", ["kafka", "kafka:", "kafka:broker", "kafka:/a", "kafak://a", "http://a", "spool:/x"]
    )
    def test_another_form_is_told_both(self, url: str) -> None:
        sentence = wrong(url)
        assert "should be spool: or kafka://host:9092/topic (kafkas:// for TLS)" in sentence


class TestSecurity:
    @pytest.mark.parametrize(
        "security, mechanism",
        [("", "PLAIN"), ("plain", "PLAIN"), ("Scram-Sha-256", "SCRAM-SHA-256"), ("scram-sha-512", "SCRAM-SHA-512"),
         ("sasl_plaintext", "PLAIN")],
    )  # fmt: skip
    def test_a_user_is_asked_by_a_mechanism(self, security: str, mechanism: str) -> None:
        query = f"?security={security}" if security else ""
        assert kafka(f"kafka://me:secret@a/t{query}").mechanism == mechanism

    def test_kafkas_protocol_names_are_taken_where_they_agree(self) -> None:
        assert kafka("kafka://a?security=PLAINTEXT") == kafka("kafka://a")
        assert kafka("kafkas://a?security=SSL") == kafka("kafkas://a")
        assert kafka("kafkas://me:secret@a?security=SASL_SSL") == kafka("kafkas://me:secret@a")

    @pytest.mark.parametrize(
        "url, right",
        [
            ("kafka://a?security=ssl", "kafkas://host"),
            ("kafkas://a?security=plaintext", "kafka://host"),
            ("kafka://u:p@a?security=plaintext", "kafka://host"),
            ("kafka://u:p@a?security=sasl_ssl", "kafkas://user:password@host"),
            ("kafka://a?security=sasl_plaintext", "kafka://user:password@host"),
            ("kafka://a?security=scram-sha-256", "kafka://user:password@host"),
            ("kafka://a?security=gssapi", "plain, scram-sha-256, scram-sha-512"),
            ("kafka://a?ca=/etc/ca.pem", "kafkas://"),
            ("kafkas://a?ca=", "the path of a PEM file"),
            ("clickhouse://a?ca=/etc/ca.pem", "clickhouses://"),
        ],
    )
    def test_what_contradicts_the_rest_is_told_what_goes_with_it(self, url: str, right: str) -> None:
        assert right in wrong(url)

    def test_user_and_password_belong_together(self) -> None:
        for url in ("kafka://me@a", "kafka://me:@a"):
            assert "a user needs a password" in wrong(url)
        for url in ("kafka://:secret@a", "kafka://@a", "clickhouse://:secret@a/d"):
            assert "a user before the password" in wrong(url)

    def test_user_and_password_stand_once(self) -> None:
        sentence = wrong("kafka://me:hunter2@a,me:hunter2@b/t")
        assert "once, before the first host" in sentence
        assert "hunter2" not in sentence

    def test_a_home_is_found(self) -> None:
        assert kafka("kafkas://a?ca=~/ca%20+.pem").ca == str(Path.home() / "ca +.pem")


class TestParameters:
    @pytest.mark.parametrize(
        "name, meant",
        [("partition", "partitions"), ("PARTITIONS", "partitions"), ("min.isr", "min_isr"), ("min-isr", "min_isr"),
         ("replication_factor", "replication"), ("retention_ms", "retention"), ("ack", "acks"), ("part", "partitions")],
    )  # fmt: skip
    def test_a_misspelt_one_is_told_what_was_meant(self, name: str, meant: str) -> None:
        sentence = wrong(f"kafka://a?{name}=3")
        assert f"there is no parameter {name} (did you mean {meant}?)" in sentence
        assert "there are partitions, replication, min_isr, retention, acks, security, ca, group" in sentence

    def test_one_like_no_other_is_told_which_there_are(self) -> None:
        assert "there is no parameter xyzzy; there are cluster, ca" in wrong("clickhouse://a/d?xyzzy")
        assert "there is no parameter; there are cluster, ca" in wrong("clickhouse://a/d?&")

    def test_one_given_twice_is_refused_by_name(self) -> None:
        assert "partitions is given twice" in wrong("kafka://a?partitions=3&acks=1&partitions=3")

    def test_a_group_is_a_plain_name(self) -> None:
        assert "group should be" in wrong("kafka://a?group=a%20b")

    @pytest.mark.parametrize("url", ["kafka://a/t#x", "kafka://a/t?group=%zz", "kafka://a/100%", "clickhouse://a/d#"])
    def test_signs_that_mean_something_else_are_told_how_to_write_them(self, url: str) -> None:
        assert "%40 %2F %3F %23 %25" in wrong(url)


class TestClickHouse:
    def test_a_host_is_enough(self) -> None:
        assert clickhouse("clickhouse://db") == ClickHousePlace(host="db")
        assert clickhouse("clickhouse://db/") == ClickHousePlace(
            host="db", port=8123, user="default", database="default"
        )

    def test_everything_can_be_written(self) -> None:
        place = clickhouse("ClickHouses://me:se%2Fcret@[::1]:9/csp_1?cluster=east-1.a&ca=/etc/ca.pem")
        assert place == ClickHousePlace(
            host="::1", port=9, tls=True, user="me", password="se/cret", database="csp_1", cluster="east-1.a",
            ca="/etc/ca.pem",
        )  # fmt: skip

    def test_tls_has_a_port_of_its_own(self) -> None:
        assert clickhouse("clickhouses://db/csp").port == 8443

    def test_a_user_needs_no_password(self) -> None:
        assert (clickhouse("clickhouse://me@db").user, clickhouse("clickhouse://me@db").password) == ("me", "")

    @pytest.mark.parametrize("database", ["1a", "a-b", "a.b", "a/b", "a b", "ä", "a`", "a'--", "d/", "%61"])
    def test_a_database_is_an_identifier(self, database: str) -> None:
        assert "the database should be" in wrong(f"clickhouse://db/{database}")

    @pytest.mark.parametrize("cluster", ["", "1a", "a b", "a'", "{cluster}", "ä", "a%0A"])
    def test_a_cluster_is_a_name(self, cluster: str) -> None:
        assert "cluster" in wrong(f"clickhouse://db/d?cluster={cluster}").partition("): ")[2]

    def test_one_host_is_named(self) -> None:
        assert "should name one host" in wrong("clickhouse://a,b/d")

    @pytest.mark.parametrize("url", ["clickhouse", "clickhouse:db", "clickhouse+http://db"])
    def test_another_form_is_told_both(self, url: str) -> None:
        assert "should be chdb: or clickhouse://host:8123/database (clickhouses:// for TLS)" in wrong(url)

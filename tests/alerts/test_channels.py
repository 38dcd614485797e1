"""Each kind of channel gets a message as it takes them, and no secret of its URL is shown anywhere."""

import contextlib
import email
import json
import logging
import logging.handlers
import shutil
import socketserver
import subprocess
import threading
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from alerts.channel import Failed
from alerts.channels import key_of, masked, open_channel
from alerts.events import Event
from alerts.message import compose
from alerts.sample import sample
from alerts.webhook import signature
from tests.support.ports import free_ports
from tests.support.receiver import Answer, is_genuine

SECRETS = (
    "https://me:hunter2@hooks.example/services/hunter2?k=hunter2", "slack://hunter2/hunter2/hunter2",
    "mailto://me:hunter2@example.org", "alertmanager://me:hunter2@am.example:9093", "http://hunter2:x",
)  # fmt: skip


@pytest.mark.parametrize("url", SECRETS)
def test_a_channels_name_and_key_hold_no_secret(url):
    assert "hunter2" not in masked(url) + key_of(url)


def test_a_host_is_shown_where_it_is_none():
    assert masked("https://hooks.example:8443/T0/B0") == "https://hooks.example:8443/***"
    assert masked("alertmanager://am:9093") == "alertmanager://am:9093"


def test_the_signature_covers_time_and_body(receiver):
    open_channel(receiver.url, "s3cret").send(sample("https://csp.example"))
    [request] = receiver.taken()
    assert request.signed_by("s3cret")
    assert not request._replace(body=request.body + b" ").signed_by("s3cret")
    assert not request.signed_by("another")
    assert request.json["test"] is True


@pytest.mark.parametrize("header", [
    None, "", "t", "t=,v1=", "t=1", "v1=aa,t=x", "t=1,t=1,v1=é", f"t={'9' * 5000},v1={'a' * 64}", "t=²,v1=" + "a" * 64,
])  # fmt: skip
def test_the_check_in_the_docs_takes_no_odd_header(header):
    assert is_genuine("s3cret", header, b"{}") is False


def test_the_check_in_the_docs_takes_no_old_message():
    old = str(int(time.time()) - 301)
    assert not is_genuine("s3cret", f"t={old},v1={signature('s3cret', old, b'{}')}", b"{}")


def test_without_a_secret_there_is_no_signature(receiver):
    open_channel(receiver.url).send(sample("https://csp.example"))
    assert "x-sentinel-signature" not in receiver.taken()[0].headers


@pytest.mark.parametrize("answer, says", [
    (Answer(500), "answered 500"), (Answer(301, (("Location", "http://127.0.0.1:1/"),)), "answered 301"),
    (Answer(slowly=3), "no answer within"),
])  # fmt: skip
def test_why_it_failed_is_told_without_the_url(receiver, monkeypatch, answer, says):
    monkeypatch.setattr("alerts.webhook.SECONDS", 1.0)
    receiver.answers = [answer]
    with pytest.raises(Failed, match=says) as failed:
        open_channel(receiver.url).send(sample(""))
    assert "/hook" not in str(failed.value)


def test_nobody_there_is_told():
    with pytest.raises(Failed, match="can't be reached: Connection refused"):
        open_channel(f"http://127.0.0.1:{free_ports(1)[0]}/x").send(sample(""))


@pytest.fixture
def alertmanager(tmp_path):
    """A real one; its address."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("needs Alertmanager (Debian: prometheus-alertmanager)")
    (tmp_path / "config.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    [port] = free_ports(1)
    process = subprocess.Popen(
        [program, f"--config.file={tmp_path}/config.yml", f"--storage.path={tmp_path}", "--cluster.listen-address=",
         f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"127.0.0.1:{port}"
    ends = time.monotonic() + 30
    while True:
        try:
            asked(f"http://{address}/-/ready")
            break
        except OSError:
            assert time.monotonic() < ends
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(10)


def asked(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def test_alertmanager_has_an_alert_an_event_also_when_it_is_sent_twice(alertmanager):
    message, channel = sample("https://csp.example"), open_channel(f"alertmanager://{alertmanager}")
    channel.send(message)
    channel.send(message)
    [alert] = json.loads(asked(f"http://{alertmanager}/api/v2/alerts"))
    labels = {"alertname": "CSPTest", "site": "sample", "blocked": "cdn.evil.example", "directive": "script-src-elem"}
    assert labels.items() <= alert["labels"].items()
    assert alert["annotations"]["page"] == "https://www.shop.example/cart"
    assert alert["generatorURL"] == "https://csp.example/violations?site=sample"
    assert alert["status"]["state"] == "active"


def test_alertmanager_has_labels_and_link_of_each_event_of_a_big_message_and_how_many_more(alertmanager):
    events = [
        Event(kind="returned", site="shop", directive="img-src", blocked=f"h{number}.example", time=0, title="again",
              evidence={"path": f"/violations?blocked_host=h{number}.example", "trust": 100})
        for number in range(60)
    ]  # fmt: skip
    message = compose("its-id", 0, events, "https://csp.example", others_of=["shop"] * 5)
    open_channel(f"alertmanager://{alertmanager}").send(message)
    told = json.loads(asked(f"http://{alertmanager}/api/v2/alerts"))
    more = [alert for alert in told if alert["labels"]["alertname"] == "CSPMoreAlerts"]
    each = [alert for alert in told if alert not in more]
    assert [alert["annotations"]["summary"] for alert in more] == ["and 5 more"]
    assert len({alert["labels"]["blocked"] for alert in each}) == 60
    labels = {"alertname": "CSPSourceReturned", "site": "shop", "directive": "img-src"}
    for alert in each:
        assert alert["labels"].items() >= labels.items()
        assert alert["generatorURL"].endswith(f"/violations?blocked_host={alert['labels']['blocked']}")


def test_what_alertmanager_refuses_is_told(alertmanager):
    with pytest.raises(Failed, match="answered 404") as failed:
        open_channel(f"alertmanager://{alertmanager}/nowhere").send(sample("https://csp.example"))
    assert not failed.value.refused


class Mailbox(socketserver.StreamRequestHandler):
    """As much SMTP as a client needs."""

    mails: ClassVar[list[str]] = []

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.mails.append(body.decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


def test_mail_by_apprise_has_the_title_as_its_subject_and_the_evidence_as_text():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"mailto://127.0.0.1:{server.server_address[1]}?from=csp@shop.example&to=team@shop.example&format=text"
        open_channel(url).send(sample("https://csp.example"))
        server.shutdown()
    mail = email.message_from_string(Mailbox.mails[-1])
    subject = str(email.header.make_header(email.header.decode_header(mail["Subject"])))
    assert subject.startswith("sample: script-src-elem blocked cdn.evil.example")
    body = "".join(part.get_payload(decode=True).decode() for part in mail.walk() if not part.is_multipart())
    assert "first page: https://www.shop.example/cart" in body
    assert "https://csp.example/violations?site=sample" in body


def test_a_service_that_refuses_is_told_with_its_status_and_its_words_are_in_no_log(receiver):
    seen = logging.handlers.BufferingHandler(1000)
    logging.getLogger().addHandler(seen)
    receiver.answers = [Answer(403)]
    host = receiver.url.removeprefix("http://")
    with pytest.raises(Failed, match="answered 403"):
        open_channel(f"json://{host}?k=hunter2").send(sample(""))
    logging.getLogger().removeHandler(seen)
    assert not seen.buffer


def as_json(receiver) -> str:
    return receiver.url.replace("http://", "json://")


def test_a_services_redirect_is_a_failure(receiver):
    receiver.answers = [Answer(301, (("Location", receiver.url),))]
    with pytest.raises(Failed, match="answered 301"):
        open_channel(as_json(receiver)).send(sample(""))
    assert len(receiver.requests) == 1


def test_of_a_services_answer_that_never_ends_the_beginning_is_read(receiver):
    receiver.answers = [Answer(endless=0)]
    open_channel(as_json(receiver)).send(sample(""))


def test_a_service_has_a_deadline_and_its_url_is_in_no_process_list(receiver, monkeypatch):
    monkeypatch.setattr("alerts.others.SECONDS", 4.0)
    receiver.answers = [Answer(endless=0.1)]
    secret = uuid.uuid4().hex
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(open_channel(f"{as_json(receiver)}?k={secret}").send, sample(""))
        receiver.wait_for()
        processes = [told for path in Path("/proc").glob("[0-9]*/cmdline") if (told := read(path))]
        with pytest.raises(Failed, match="no answer within 4 s"):
            sending.result()
    assert any("alerts.apart" in told for told in processes)
    assert not any(secret in told for told in processes)


def read(path: Path) -> str:
    with contextlib.suppress(OSError):  # it has ended
        return path.read_bytes().decode(errors="replace")
    return ""


class Talker(socketserver.StreamRequestHandler):
    """A mail server whose greeting never ends."""

    def handle(self):
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"220-and more\r\n" * 1000)


def test_a_mail_server_that_never_ends_takes_bounded_time_and_memory(monkeypatch):
    monkeypatch.setattr("alerts.others.SECONDS", 4.0)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"mailto://127.0.0.1:{server.server_address[1]}?from=csp@shop.example&to=team@shop.example"
        with pytest.raises(Failed, match=r"no answer within|MemoryError"):
            open_channel(url).send(sample(""))
        server.shutdown()

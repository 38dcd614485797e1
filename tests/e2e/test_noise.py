"""Changed noise rules over a running program: first tried, then applied to what is stored, while reports come in."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from schema.clickhouse import open_chdb
from schema.migrate import migrate
from schema.noise_files import packaged
from tests.support.program import PROGRAM, Program
from tests.support.store import START, elsewhere, insert, violation
from tests.support.waiting import wait_for

RULES = """
version = "2030-01-01"
[[rule]]
id = "our-widget"
category = "injected"
reason = "Our partner's widget, which every page loads."
host = "widget.example"
directives = ["script-src"]
"""
PAGES = 40


def report(page: int, host: str) -> bytes:
    blocked = "chrome-extension" if host == "extension" else f"https://{host}/w.js"
    said = {"document-uri": f"https://shop.example/{page}", "effective-directive": "script-src-elem"}
    return json.dumps({"csp-report": said | {"blocked-uri": blocked}}).encode()


def noise(program: Program, *arguments: object) -> dict:
    found = subprocess.run(
        [PROGRAM, "noise", *map(str, arguments), "--data-dir", program.data_dir, "--json"],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def by_rule(program: Program) -> Counter:
    found: Counter = Counter()
    for line in program.read("/api/export?format=ndjson").splitlines():
        row = json.loads(line)
        found[row["noise_rule"]] += row["reports"]
    return found


def test_rules_are_tried_and_applied_beside_a_running_program(tmp_path: Path):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    with Program(tmp_path, "--workers", "1") as program:
        for page in range(PAGES):
            for host in ("widget.example", "fine.example", "extension"):
                assert program.post(report(page, host), "/csp/report/shop") == 204
        program.settle(3 * PAGES, "stored")
        before = by_rule(program)
        assert before == {"": 2 * PAGES, "extension-scheme": PAGES}

        shown = noise(program, "test", rules)
        lines = {line["rule"]: line for line in shown["rules"]}
        assert (shown["version"], shown["reports"], shown["changed"]) == ("2030-01-01", 3 * PAGES, 2 * PAGES)
        assert lines["our-widget"]["gained"] == {"reports": PAGES, "violations": PAGES}
        assert lines["extension-scheme"]["lost"] == {"reports": PAGES, "violations": PAGES}
        assert lines["our-widget"]["examples"][0]["blocked_url"] == "https://widget.example/w.js"
        assert by_rule(program) == before  # nothing was written

        stop = threading.Event()
        sent = send_until(stop, program)
        done = noise(program, "apply", rules)
        stop.set()
        sent[0].join()
        later = sent[1]
        program.settle(3 * PAGES + later["n"], "stored")
        assert done["moved"] >= 2 * PAGES
        noise(program, "apply", rules)  # those that came in meanwhile were labelled by the old rules
        found = by_rule(program)
        assert found == {"our-widget": PAGES + later["n"], "": 2 * PAGES}
        totals = {name: program.get(f"/api/totals?noise={name}")["reports"] for name in ("all", "only", "none")}
        assert totals == {"all": 3 * PAGES + later["n"], "only": PAGES + later["n"], "none": 2 * PAGES}
        series = Counter()
        for item in program.get("/api/series?by=noise&step=60")["items"]:
            assert item["reports"] > 0
            series[item["key"]] += item["reports"]
        assert series == {"injected": totals["only"], "": totals["none"]}
        ledger = program.get("/api/ledger")
        assert ledger["balanced"]
        assert ledger["stored"] == totals["all"]

        assert noise(program, "apply")["changes"]  # back to the rules in use
        assert by_rule(program) == {"extension-scheme": PAGES, "": 2 * PAGES + later["n"]}
        assert program.stop() == 0


def send_until(stop: threading.Event, program: Program) -> tuple[threading.Thread, dict]:
    count = {"n": 0}

    def send() -> None:
        while not stop.is_set():
            assert program.post(report(count["n"] % PAGES, "widget.example"), "/csp/report/shop") == 204
            count["n"] += 1
            time.sleep(0.01)

    thread = threading.Thread(target=send)
    thread.start()
    return thread, count


def test_a_changed_rules_file_is_followed_at_sighup_and_a_wrong_one_is_told(tmp_path: Path):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.replace("widget.example", "x.example"))
    with Program(tmp_path, "--workers", "1", "--noise", str(rules)) as program:
        assert program.post(report(1, "widget.example")) == 204
        program.settle(1, "stored")
        rules.write_text(RULES.replace("host", "hots"))
        for pid in program.pids():
            os.kill(pid, signal.SIGHUP)
        wait_for("it says what is wrong", lambda: "hots is no key of a rule; host is meant?" in program.log())
        rules.write_text(RULES)
        for pid in program.pids():
            os.kill(pid, signal.SIGHUP)
        wait_for("the rule holds", lambda: post_and_see(program) == "our-widget")


def post_and_see(program: Program) -> str:
    before = program.get("/api/ledger")["stored"]
    assert program.post(report(before, "widget.example")) == 204
    program.settle(before + 1, "stored")
    found = program.get(f"/api/violations?q={before}&limit=1")["items"]
    return next((item["noise_rule"] for item in found if item["document_url"].endswith(f"/{before}")), "")


KEYS = 30_000


def fill(folder: Path) -> int:
    """Violations of a week of 10-minute windows, two thirds of which the rules will call noise."""
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        rows = [
            violation(number, at=START - number % 700 * 600 + 30, reports=1 + number % 3, blocked_host=host,
                      blocked_url=f"https://{host}/w.js", noise_version=packaged().version)
            for number in range(KEYS)
            for host in [("widget.example", "fine.example", "widget.example")[number % 3]]
        ]  # fmt: skip
        for start in range(0, KEYS, 5000):
            insert(client, rows[start : start + 5000])
        return sum(row.reports for row in rows)


def sums(folder: Path) -> dict[str, dict[str, int]]:
    """By table and label, after whoever opens the store has completed what was left."""
    from processor.batches import finish

    with open_chdb(folder) as engine:
        client = engine.client()
        finish(client)
        return {
            table: dict(client.query(
                f"SELECT noise, sum(reports) AS n FROM {table} GROUP BY noise HAVING n != 0").result_rows)
            for table in ("violations", "minutes", "sources")
        }  # fmt: skip


def test_kill_9_in_the_middle_of_it_loses_and_doubles_nothing(tmp_path: Path):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    store = tmp_path / "data" / "store"
    whole = elsewhere(fill, store)
    command = [PROGRAM, "noise", "apply", rules, "--data-dir", tmp_path / "data"]
    noisy = sum(1 + number % 3 for number in range(KEYS) if number % 3 != 1)
    chance = random.Random()
    parts = 0
    for _ in range(5):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_parts(running, store, chance.randrange(3, 17))
        running.kill()
        running.wait()
        found = elsewhere(sums, store)
        assert found["violations"] == found["minutes"] == found["sources"]
        assert sum(found["violations"].values()) == whole
        parts += 0 < found["violations"].get("injected", 0) < noisy
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)
    found = elsewhere(sums, store)
    assert found["violations"] == found["minutes"] == found["sources"] == {"injected": noisy, "": whole - noisy}
    assert parts, "no kill came in the middle"


def wait_for_parts(running: subprocess.Popen, store: Path, count: int) -> None:
    """Each insert makes one in each of its tables; a batch is seven."""
    before, new = parts_of(store), set()
    ends = time.monotonic() + 60
    while running.poll() is None and len(new) < count and time.monotonic() < ends:
        new |= parts_of(store) - before
        time.sleep(0.002)


def parts_of(store: Path) -> set[str]:
    return {str(path) for path in store.glob("chdb/store/*/*/*_*_*_*")}

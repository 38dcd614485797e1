"""`csp-sentinel match` and `parse` as a program sees them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.waiting import is_readable

COMMAND = [str(Path(sys.executable).parent / "csp-sentinel")]
QUESTION = {
    "policy": "default-src 'self'; script-src 'nonce-a'",
    "document": "https://example.test/",
    "directive": "img-src",
    "request": {"url": "https://a.b/x.png"},
}


def run(command: str, *lines, **environ) -> list[dict]:
    sent = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    done = subprocess.run(
        [*COMMAND, command], input=sent, capture_output=True, timeout=60, check=True, env={**os.environ, **environ}
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_question_gets_an_answer():
    assert run("match", QUESTION) == [
        {
            "allowed": False,
            "directive": "default-src",
            "why": "img-src falls back to default-src 'self'; the host differs",
        }
    ]
    free = {**QUESTION, "directive": "base-uri"}
    found = run("match", free)[0]
    assert (found["allowed"], found["directive"]) == (True, None)


def test_a_policy_is_shown_as_browsers_read_it():
    policy = "IMG-src  self A.b; img-src c; x-y; font-src ü, base-uri 'none'"
    found = run("parse", {"policy": policy})[0]
    assert found["directives"] == [["img-src", ["self", "A.b"]], ["x-y", []], ["base-uri", ["'none'"]]]
    assert all(problem.keys() == {"where", "what"} for problem in found["problems"])
    assert {problem["where"] for problem in found["problems"]} == {"policy", "img-src", "x-y", "font-src"}
    assert run("parse", {"policy": "default-src 'self'"}) == [
        {"directives": [["default-src", ["'self'"]]], "problems": []}
    ]


BAD = [
    b"",
    b"   ",
    b"nonsense",
    b"{",
    b"[]",
    b"7",
    b"null",
    b'"text"',
    b"{}",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"[" * 200_000,
    {"policy": 1},
]
BAD_QUESTIONS = [
    {**QUESTION, "request": None},
    {**QUESTION, "request": {}},
    {**QUESTION, "request": []},
    {**QUESTION, "request": {"url": 7}},
    {**QUESTION, "request": {"url": "/relative"}},
    {**QUESTION, "request": {"url": "http://"}},
    {**QUESTION, "request": {"url": "https://a.b", "redirected": "yes"}},
    {**QUESTION, "request": {"inline": True, "inline_type": "nonsense"}},
    {**QUESTION, "request": {"ancestors": "https://a.b"}},
    {**QUESTION, "directive": ""},
    {**QUESTION, "directive": None},
    {**QUESTION, "document": None},
    {**QUESTION, "policy": ["a"]},
]


@pytest.mark.parametrize("command, bad", [("match", BAD + BAD_QUESTIONS), ("parse", BAD)])
def test_a_bad_line_gets_an_error_in_its_place_and_the_rest_goes_on(command, bad):
    answers = run(command, *[line for each in bad for line in (each, QUESTION)])
    assert len(answers) == 2 * len(bad)
    for error, answer in zip(answers[::2], answers[1::2], strict=True):
        assert error.keys() == {"error"}
        assert error["error"]
        assert "error" not in answer


def test_null_in_a_request_is_absent_and_what_is_not_known_is_ignored():
    request = {"url": "https://example.test/x", "nonce": None, "ancestors": None, "method": "GET"}
    assert run("match", {**QUESTION, "request": request, "more": 1})[0]["allowed"]


def test_an_overlong_line_is_refused_and_the_next_one_answered():
    long = b'{"policy": "' + b"x" * (17 * 1024 * 1024) + b'"}'
    answers = run("parse", long, {"policy": "img-src *"}, long)
    assert ["error" in answer for answer in answers] == [True, False, True]


def test_order_and_number_are_kept_over_many_lines():
    lines = [{"policy": f"d{n}"} for n in range(20_000)]
    assert [answer["directives"][0][0] for answer in run("parse", *lines)] == [f"d{n}" for n in range(20_000)]


def test_without_a_line_there_is_no_answer():
    assert run("match") == []


def test_whoever_writes_one_line_and_waits_gets_its_answer():
    with subprocess.Popen([*COMMAND, "match"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for _ in range(3):
            process.stdin.write(json.dumps(QUESTION).encode() + b"\n")
            process.stdin.flush()
            assert is_readable(process.stdout, 30)
            assert json.loads(process.stdout.readline())["allowed"] is False
        process.stdin.write(json.dumps(QUESTION).encode()[:20])
        process.stdin.flush()
        process.stdin.write(json.dumps(QUESTION).encode()[20:])
        process.stdin.close()
        assert json.loads(process.stdout.readline())["allowed"] is False
        assert process.wait(30) == 0


def test_a_reader_that_goes_away_makes_no_noise():
    line = '{"policy": "img-src *"}'
    script = f"yes '{line}' 2>/dev/null | {{ {COMMAND[0]} parse; echo $? >&2; }} | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=60, check=True)
    assert done.stderr == b"1\n"
    assert len(done.stdout.splitlines()) == 1


def test_ctrl_c_ends_it_without_a_traceback():
    with subprocess.Popen(
        [*COMMAND, "match"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()  # it is up
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b""


def test_no_settings_are_asked_and_nothing_is_made(tmp_path):
    environ = {"SENTINEL_PORT": "nonsense", "SENTINEL_DATA_DIR": str(tmp_path / "none"), "TMPDIR": "/nowhere"}
    assert run("match", QUESTION, **environ)[0]["allowed"] is False
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["match", "parse"])
def test_help_teaches_with_an_example_that_runs(command):
    text = subprocess.run([*COMMAND, command, "--help"], capture_output=True, check=True, timeout=60).stdout.decode()
    example = text.partition("example:\n")[2].strip()
    shown = subprocess.run(
        ["bash", "-c", example],
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert "error" not in json.loads(shown.stdout)


def test_a_lone_surrogate_is_answered_as_the_replacement_character():
    """JavaScript's strings may hold one, and JSON can write it."""
    policy = "script-src 'sha256-g9VEzMIjwFfSv4DT8qMpgsMsPA244mdIINpQZHg/sJc='"
    question = {**QUESTION, "policy": policy, "directive": "script-src-elem"}
    [answer] = run("match", {**question, "request": {"inline": True, "parser_inserted": True, "text": "\ud800"}})
    assert answer["allowed"] is True
    assert run("parse", {"policy": "img-src \ud800; font-src a"})[0]["directives"] == [["font-src", ["a"]]]


def test_answers_are_ascii_so_that_no_text_in_them_ends_a_line():
    sent = json.dumps({"policy": "x\u2028y a"}).encode()
    done = subprocess.run([*COMMAND, "parse"], input=sent, capture_output=True, timeout=60, check=True)
    assert done.stdout.isascii()
    assert len(done.stdout.decode().splitlines()) == 1


def test_a_closed_standard_input_is_an_empty_one():
    done = subprocess.run(f"{COMMAND[0]} match <&-", shell=True, capture_output=True, timeout=60, check=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

"""`match` and `parse`: a policy and a question in, an answer out, a line for a line (docs/matching.md)."""

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import msgspec

from csp.inline import INLINE_TYPES
from csp.lint import problems
from csp.match import Request, decide
from csp.others import OTHER_CHECKS
from csp.policy import parse_list
from csp.urls import read_url

_LONGEST_LINE = 16 * 1024 * 1024
_CHUNK = 1 << 18
_TOO_LONG = b"\n"  # stands for such a line: no line holds one

Answer = Callable[[Any], dict[str, Any]]


class Unanswerable(Exception):
    """Says in a sentence what is wrong with a line."""


class _Question(msgspec.Struct):
    policy: str
    document: str
    directive: str
    request: Request


class _Policy(msgspec.Struct):
    policy: str


def match_line(read: Any) -> dict[str, Any]:
    if isinstance(read, dict) and isinstance(read.get("request"), dict):  # null is absent
        read = {**read, "request": {name: value for name, value in read["request"].items() if value is not None}}
    asked = msgspec.convert(read, _Question)
    _check(asked)
    decision = decide(parse_list(asked.policy), asked.document, asked.directive.strip(), asked.request)
    return {"allowed": decision.allowed, "directive": decision.directive, "why": decision.why}


def _check(asked: _Question) -> None:
    """A question nobody can answer gets no answer: the library would take the absent for what matches nothing."""
    request = asked.request
    if not asked.directive.strip():
        raise Unanswerable("directive is empty; it takes the effective directive's name, such as img-src")
    if request.inline_type and request.inline_type not in INLINE_TYPES:
        raise Unanswerable(f"request.inline_type is none of: {', '.join(sorted(INLINE_TYPES))}")
    if request.url and not request.inline and read_url(request.url) is None:
        raise Unanswerable("request.url is no absolute URL")
    if request == Request() and asked.directive not in OTHER_CHECKS:
        raise Unanswerable("request says nothing of what was requested; it takes url, inline, eval, wasm or ancestors")


def parse_line(read: Any) -> dict[str, Any]:
    text = msgspec.convert(read, _Policy).policy
    directives = [directive for policy in parse_list(text) for directive in policy.directives]
    found = problems(text)
    return {"directives": directives, "problems": [{"where": where, "what": what} for where, what in found]}


def run(answer: Answer) -> int:
    """Whoever writes a line and waits gets an answer: everything is flushed before the next read can block."""
    if sys.stdin is None:  # closed by the shell
        return 0
    answers = sys.stdout.buffer
    for lines in _read_lines(sys.stdin.buffer):
        for line in lines:
            # In ASCII: a line separator of Unicode's inside a text would end the line for some readers.
            answers.write(json.dumps(_answer(answer, line), separators=(",", ":")).encode() + b"\n")
        answers.flush()
    return 0


def _answer(answer: Answer, line: bytes) -> dict[str, Any]:
    try:
        return answer(_decode(line))
    except Unanswerable as error:
        return {"error": str(error)}
    except msgspec.ValidationError as error:
        return {"error": str(error).replace("`", "")}


def _decode(line: bytes) -> Any:
    if line == _TOO_LONG:
        raise Unanswerable(f"the line is longer than {_LONGEST_LINE} bytes")
    if not line.strip():
        raise Unanswerable("the line is empty; each takes one JSON object")
    try:
        return msgspec.json.decode(line)
    except RecursionError:
        raise Unanswerable("the line is nested too deeply") from None
    except msgspec.DecodeError as error:
        return _with_lone_surrogates(line, error)
    except ValueError as error:  # bytes that are no UTF-8
        raise Unanswerable(f"the line is no JSON: {error}") from None


def _with_lone_surrogates(line: bytes, why: msgspec.DecodeError) -> Any:
    """Half a surrogate pair, escaped, is JSON, and a JavaScript string may hold one; msgspec refuses it."""
    if _SURROGATE.search(line):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(line)
    raise Unanswerable(f"the line is no JSON: {why}") from None


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _read_lines(source: BinaryIO) -> Iterator[list[bytes]]:
    """As many as there are at once; the last one may lack its line feed. Of an overlong one nothing is kept."""
    begun: list[bytes] = []  # pieces of a line whose end has not come
    length = 0
    while chunk := source.read1(_CHUNK):  # type: ignore[attr-defined]
        first, *others = chunk.split(b"\n")
        length += len(first)
        if length <= _LONGEST_LINE:
            begun.append(first)
        else:
            begun = [_TOO_LONG]
        if others:
            *complete, rest = others
            yield [b"".join(begun), *complete]
            begun, length = [rest], len(rest)
    if length:
        yield [b"".join(begun)]

"""What a request to ClickHouse's HTTP interface asks for, run on chDB."""

import contextlib
import email
import email.policy
import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import chdb
import lz4.frame  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# ClickHouse's exceptionCodeToHTTPStatus; any other code is a 500.
_BAD_REQUEST = (6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441)
_NOT_FOUND = (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511)
_STATUS = {
    **dict.fromkeys(_BAD_REQUEST, 400),
    **dict.fromkeys(_NOT_FOUND, 404),
    **dict.fromkeys((192, 193, 497, 512, 516), 403),
    **dict.fromkeys((76, 209, 439), 503),
    48: 501, 159: 408, 194: 401, 229: 413, 381: 411,
}  # fmt: skip


class Refusal(Exception):
    """What ClickHouse answers instead of a result: the number and the text of a DB::Exception."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")
        self.code = code
        self.status = _STATUS.get(code, 500)


@dataclass(frozen=True)
class Statement:
    """One statement and what holds for it; `rows` are what follows an INSERT's FORMAT, in `rows_format`."""

    sql: bytes
    rows_format: str = ""
    rows: bytes = b""
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    result_format: str = ""  # where the statement names none

    @property
    def inserts_into(self) -> str:
        """The table's bare name; empty where this is no insert."""
        found = _INSERT.match(self.sql)
        return found["table"].strip(b'`"').decode() if found else ""


@dataclass(frozen=True)
class Result:
    """`format` is empty where the statement has no result, as DDL; `summary` is what X-ClickHouse-Summary says."""

    body: bytes
    format: str
    summary: Mapping[str, str]


_NAME = rb'(?:`[^`]+`|"[^"]+"|\w+)'
_INSERT = re.compile(
    rb"\s*INSERT\s+INTO\s+(?!FUNCTION\b)(?:TABLE\s+)?(?:%b\.)?(?P<table>%b)" % (_NAME, _NAME), re.IGNORECASE
)
# The rows begin after the format's name and at most one line end (ParserInsertQuery).
_ROWS_FOLLOW = re.compile(
    rb"(?P<insert>%b\s*(?:\([^)]*\))?\s*(?:SETTINGS\s[^\n]*?)?)\s*\bFORMAT\s+(?P<format>\w+)[ \t\f]*\r?\n?"
    % _INSERT.pattern.replace(b"?P<table>", b"?:"),
    re.IGNORECASE,
)
_NAMED_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)
_SETTING = re.compile(r"[A-Za-z_]\w*")
_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_VERSION = re.compile(r"\s*\(version [^)]*\)+\s*\Z")


def split(text: bytes) -> dict[str, Any]:
    """The statement, and apart from it the rows of an INSERT: the fields of a Statement that come from the text."""
    found = _ROWS_FOLLOW.match(text)
    if found:
        return {"sql": found["insert"], "rows_format": found["format"].decode(), "rows": text[found.end() :]}
    return {"sql": text}


def run(path: str, statement: Statement) -> Result:
    """Raises Refusal with ClickHouse's own number and text."""
    with _refusals(), contextlib.closing(_connect(path)) as connection:
        # A connection of its own, 1 ms: settings and the database hold for this statement only.
        for name, value in statement.settings.items():
            if not _SETTING.fullmatch(name):
                raise Refusal(115, f"Unknown setting '{name}'. (UNKNOWN_SETTING)")
            connection.query(f"SET {name} = '{_escaped(value)}'")
        if statement.database:
            connection.query(f"USE `{_escaped(statement.database, '`')}`")
        return _insert(connection, statement) if statement.rows_format else _query(connection, statement)


def _connect(path: str) -> Any:
    return chdb.connect(path)  # type: ignore[no-untyped-call]


def _escaped(text: str, quote: str = "'") -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # chDB's errors, and those of its inserts
        text = str(error)
        code = _CODE.search(text)
        if code is None:
            raise Refusal(1001, f"std::exception: {text} (STD_EXCEPTION)") from error
        raise Refusal(int(code[1]), _VERSION.sub("", text[code.end() :])) from error


def _insert(connection: Any, statement: Statement) -> Result:
    with connection.send_insert(statement.sql.decode(), statement.rows_format) as inserter:
        if statement.rows:
            inserter.append(statement.rows)
        done = inserter.finish()
    return Result(b"", "", _summary(written_rows=done.rows_written, written_bytes=done.bytes_written))


def _query(connection: Any, statement: Statement) -> Result:
    named = _NAMED_FORMAT.search(statement.sql)
    wanted = named[1].decode() if named else statement.result_format or "TabSeparated"
    # Without rows only the line of names tells a result from none (the client asks X-ClickHouse-Format).
    asked = "TabSeparatedWithNames" if wanted == "TabSeparated" else wanted
    answer = connection.query(statement.sql, asked, params=dict(statement.parameters))
    body = answer.bytes() or b""
    summary = _summary(read_rows=answer.rows_read(), read_bytes=answer.bytes_read())
    if named or asked == wanted:
        return Result(body, wanted, summary)
    return Result(body.partition(b"\n")[2], wanted if body else "", summary)


def _summary(**counted: int) -> dict[str, str]:
    names = ("read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows")
    return {name: str(counted.get(name, 0)) for name in names}


def head(result: Result) -> dict[str, str]:
    """What clients read of a result's head."""
    named = {"X-ClickHouse-Format": result.format} if result.format else {}
    return {"X-ClickHouse-Summary": json.dumps(result.summary), **named}


def form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a multipart/form-data body: parameters, as those of the URL."""
    found = {}
    whole = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    for part in whole.iter_parts():
        if part.get_filename():
            raise Refusal(48, "External tables are not supported here. (NOT_IMPLEMENTED)")
        text: Any = part.get_payload(decode=True)  # bytes, where the part isn't of parts itself
        found[str(part.get_param("name", header="content-disposition"))] = text.decode()
    return found


def unpacked(body: bytes, encoding: str) -> bytes:
    """A request's body as it was before Content-Encoding."""
    try:
        match encoding:
            case "" | "identity":
                return body
            case "gzip":
                return gzip.decompress(body)
            case "deflate":
                return zlib.decompress(body)
            case "zstd":
                return zstd.decompress(body)
            case "lz4":
                return _unpacked_lz4(body)
    except (OSError, EOFError, RuntimeError, zlib.error, zstd.ZstdError) as error:
        raise Refusal(271, f"Cannot decompress: {error}. (CANNOT_DECOMPRESS)") from error
    raise Refusal(48, f"Unknown compression method '{encoding}'. (NOT_IMPLEMENTED)")


def _unpacked_lz4(body: bytes) -> bytes:
    """The client writes a frame a block, and the library reads one."""
    found = []
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        found.append(frame.decompress(body))
        if not frame.eof:
            raise EOFError("the last frame is cut short")
        body = frame.unused_data or b""
    return b"".join(found)

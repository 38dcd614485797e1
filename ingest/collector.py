"""The collector's decisions: from a whole request to an answer. No I/O but the spool's; `settled` waits for Kafka."""

import re
from collections.abc import Callable, Sequence
from time import monotonic, time
from typing import Any

from ingest.answers import (
    ACCEPTED,
    NO_ROOM,
    NOT_FOUND,
    NOT_READY,
    OK,
    ONLY_GET,
    PREFLIGHT,
    REFUSED,
    UNCONFIRMED,
    Answer,
)
from ingest.limits import Bucket, Cells, Clients, of_sites, together, turned_away
from ingest.spool import Spool
from ingest.tally import Tally
from ingest.told import Told, site_of
from ingest.unwritten import Unwritten
from log.protocols import LogFull
from schema.delivery import COUNT, KEPT_BYTES, KIND, RATE_LIMIT, SITE, USER_AGENT_BYTES, Kind
from schema.reasons import Reason
from schema.report import Unreadable, count
from schema.signing import Signature
from schema.sites import Sites

# Types no browser sends a report with. Anything else is judged by the body's shape.
_NO_REPORT = re.compile(
    rb"\s*(?:application/x-www-form-urlencoded|multipart/|image/|audio/|video/|font/)", re.IGNORECASE
)
_USUAL_TYPES = {b"application/csp-report", b"application/reports+json"}
MOST_UNFINISHED = 48 * 1024 * 1024  # bytes that a worker holds of bodies that come or wait for Kafka, all together
REQUEST_SECONDS = 20  # for a whole request to come
Post = tuple[bytes | None, Told]  # its body, None if its network is over the limit; what it says beside
_Fields = tuple[Any, ...]  # of a Delivery
_REPORTS, _LIMITED = Kind.REPORTS, Kind.LIMITED  # to look up a member takes nine times as long as a name (Python 3.11)
_NOT_KEPT = {Reason.GONE, Reason.CLIENT_LIMIT, Reason.BUSY}  # nothing is wrong with them
_AS_GONE = {Reason.TOO_LARGE, Reason.INCOMPLETE, Reason.BUSY, Reason.CLIENT_LIMIT}  # what else Chromium would repeat


class Collector:
    """One per worker. The adapters read bodies; everything they answer comes from here."""

    def __init__(
        self,
        spool: Spool,
        sites: Sites,
        max_body_bytes: int,
        *,
        workers: int = 1,
        client_rate: int = 0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """One of `workers`, which share the limits. `client_rate`: requests a second of a network; 0: any."""
        self.spool = spool
        self.max_body_bytes = max_body_bytes
        self.clients = Clients(client_rate / workers) if client_rate else None
        self._workers = workers
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self.use(sites)
        self.tally = Tally()
        self.unfinished = 0  # bytes of bodies that are held; the adapters let no more in than MOST_UNFINISHED
        self._unwritten = Unwritten()

    def use(self, sites: Sites) -> None:
        """From now on. Limits go on where they are, so that what they left out stays in the estimates."""
        self.sites = sites
        self._buckets = of_sites(sites, self._workers, self._buckets, self._clock())

    def is_over(self, address: str) -> bool:
        """Whether one more request is over the limit of the client's network."""
        return self.clients is not None and self.is_over_at(self.clients, self.clients.cells(address))

    def is_over_at(self, clients: Clients, cells: Cells) -> bool:
        """The same of a network that was looked up before."""
        return not clients.take(cells, self._clock())

    def accept(self, body: bytes, told: Told) -> Answer:
        """A whole POST to a report path."""
        return self.accept_all([(body, told)]).get(0, ACCEPTED)

    def accept_all(self, posts: Sequence[Post]) -> dict[int, Answer]:
        """Each as by `accept`, with one write for all; returns the answers other than ACCEPTED, by position.

        The write is what a report costs most.
        """
        self.tally.posts += len(posts)
        now = time()
        taken: dict[int, _Fields] = {}
        others: dict[int, Answer] = {}
        over: dict[str, list[int]] = {}
        for position, (body, told) in enumerate(posts):
            if body is None:
                over.setdefault(told.site, []).append(position)
                continue
            try:
                taken[position] = self._fields(now, body, told)
            except Unreadable as refusal:
                others[position] = self._record(refusal.reason, body, told.user_agent, told.site)
        try:
            self._keep(posts, taken)
        except LogFull:
            for position, fields in taken.items():  # what still fits alone is taken
                try:
                    self._keep(posts, {position: fields})
                except LogFull:
                    others[position] = self._turn_away(fields)
        for site, positions in over.items():  # one record for all: a flood leaves little in the spool
            answer = self._record(self.why(Reason.CLIENT_LIMIT, site), b"", b"", site, len(positions))
            others.update(dict.fromkeys(positions, answer))
        return others

    def _keep(self, posts: Sequence[Post], taken: dict[int, _Fields]) -> None:
        """Raises LogFull: nothing of it was kept or counted."""
        if taken:
            self.spool.append(*(together(taken.values()) if self._buckets and len(taken) > 1 else taken.values()))
        entries = size = limited = 0
        for position, fields in taken.items():
            entries += fields[COUNT]
            size += len(posts[position][0] or b"")
            if fields[KIND] is _LIMITED:
                limited += fields[COUNT]
        tally = self.tally
        tally.accepted += entries
        tally.accepted_bytes += size
        tally.limited += limited

    def _turn_away(self, fields: _Fields) -> Answer:
        self.tally.full += 1
        self.tally.refused[Reason.BUSY] += 1
        self.tally.turned_away["spool"] += fields[COUNT]
        if fields[SITE] in self._buckets:
            turned_away(self._buckets[fields[SITE]], fields)
        self._unwritten.add(fields[SITE], Reason.BUSY)
        return REFUSED[Reason.BUSY]

    def _fields(self, now: float, body: bytes, told: Told) -> _Fields:
        """Of the Delivery. Raises Unreadable."""
        site = told.site
        signature = self._signature(site, told.query, now) if site in self.sites.signers else None
        entries = self._entries(body, told.content_type, site)
        bucket, left_out = self._buckets.get(site), 0
        if bucket is not None:
            found = bucket.take(entries, self._clock())
            if found is None:  # in the spool too, so that a kill forgets no count
                return (int(now * 1000), site, _LIMITED, entries, b"", b"", RATE_LIMIT)
            left_out = found
        return (int(now * 1000), site, _REPORTS, entries, told.user_agent, body, *told.last_fields(signature, left_out))

    async def settled(self, body: bytes, answer: Answer) -> Answer:
        """The answer that `accept` gave to `body`, when what it promises holds."""
        if answer is ACCEPTED and self.spool.waits:
            reports = count(body)
            self.tally.accepted -= reports  # until Kafka has them
            self.tally.accepted_bytes -= len(body)
            self.unfinished += len(body)  # its adapter has it
            confirmed = True  # who hung up does not hear it, and Kafka will have them
            try:
                confirmed = await self.spool.confirmed()
            finally:
                self.unfinished -= len(body)
                if confirmed:
                    self.tally.accepted += reports
                    self.tally.accepted_bytes += len(body)
                else:
                    self.tally.turned_away["unconfirmed"] += reports
            return answer if confirmed else UNCONFIRMED
        return answer

    def _entries(self, body: bytes, content_type: bytes | None, site: str) -> int:
        if not site:
            raise Unreadable(Reason.BAD_SITE)
        if self.sites.table is not None:
            if not self.sites.known(site):
                raise Unreadable(Reason.UNKNOWN_SITE)
            if self.sites.get(site).gone:
                raise Unreadable(Reason.GONE)
        if content_type is not None and content_type not in _USUAL_TYPES and _NO_REPORT.match(content_type):
            raise Unreadable(Reason.WRONG_TYPE)
        if len(body) > self.max_body_bytes:
            raise Unreadable(Reason.TOO_LARGE)
        return count(body)

    def _signature(self, site: str, query: bytes, now: float) -> Signature:
        found = self.sites.signers[site].check(query, now)
        if found.outcome != "valid" and self.sites.get(site).require_signature == "refuse":
            raise Unreadable(Reason.GONE if self.sites.get(site).gone else Reason.UNSIGNED)
        return found

    def refuse(self, reason: Reason, body: bytes, user_agent: bytes | None, site: str, method: str = "POST") -> Answer:
        """A request that an adapter could not read to its end; `body` is what came, `method` empty if not known."""
        self.tally.count(method)
        reason = self.why(reason, site)
        if reason is Reason.BUSY:
            self.tally.turned_away["bodies"] += 1
        return self._record(reason, body, (user_agent or b"")[:USER_AGENT_BYTES], site)

    def why(self, reason: Reason, site: str) -> Reason:
        """What a request is refused for: of a site that is gone, for that."""
        return Reason.GONE if reason in _AS_GONE and self.sites.get(site).gone else reason

    def _record(self, reason: Reason, body: bytes, user_agent: bytes, site: str, requests: int = 1) -> Answer:
        """Refusals go the same way as reports, so that the ledger has them and a kill forgets none."""
        self.tally.refused[reason] += requests
        label = site if self.sites.known(site) else ""
        kept = b"" if reason in _NOT_KEPT else body[:KEPT_BYTES]
        try:
            self.spool.append((int(time() * 1000), label, Kind.REFUSAL, requests, user_agent, kept, reason.value))
        except LogFull:
            self._unwritten.add(label, reason, requests)
        return REFUSED[reason]

    def answer(self, method: str, path: str) -> Answer:
        """Everything but a POST to a report path."""
        site = site_of(path)
        if site is None:
            if path not in {"/health", "/ready"}:
                return NOT_FOUND
            if method not in {"GET", "HEAD"}:
                return ONLY_GET
            return NOT_READY if path == "/ready" and self.spool.full else OK
        if method == "OPTIONS":
            return self.preflight(site)
        return self.refuse(Reason.WRONG_METHOD, b"", None, site, method)

    def preflight(self, site: str) -> Answer:
        self.tally.preflights += 1
        return PREFLIGHT if site else REFUSED[Reason.BAD_SITE]

    def problems(self) -> list[str]:
        return [NO_ROOM] if self.spool.full else []

    def tend(self) -> None:
        """Called about once a second: what was counted goes to the metrics, and turned-away reports to the ledger."""
        self.tally.publish()
        self.spool.tend()
        self._unwritten.write(self.spool)

"""`forget`: what is stored of a site or of URLs goes, here or in the program that has the store open."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from processor.forget import forget as forgotten
from processor.forget import found
from processor.urls import read_url
from schema.clickhouse import StoreInUse
from schema.forgetting import Wanted
from schema.mutations import MutationFails
from schema.server import Server
from schema.sites import LABEL
from schema.store import Store
from schema.tables import check
from sentinel.errands import Errand, ask_holder
from sentinel.explained import CannotStart, explained
from sentinel.opening import open_in_process
from sentinel.settings import Settings
from sentinel.snapshot import remove_left
from sentinel.store_server import explaining_server

Ask = Callable[[str], Iterator[dict[str, Any]]]
"""What to do, "look" or "forget" → its steps."""


def forget(settings: Settings, given: argparse.Namespace) -> int:
    """Exit code 0 when nothing of it is stored any more, or with --dry-run; 1 when more came in meanwhile."""
    wanted = _wanted(given)
    with explained(), _place(settings, wanted) as ask:
        rows = next(ask("look"))["tables"]
        _show(rows, wanted)
        if given.dry_run or not rows:
            return 0
        _confirm(given)
        done = _run(ask("forget"))
    if settings.store is None:
        remove_left(settings.data_dir)
    if left := done["left"]:
        print(f"{left:,} reports of it came in meanwhile and are stored: when no more come, run this again",
              file=sys.stderr)  # fmt: skip
        return 1
    _tell_rest(settings, clean=done["clean"])
    return 0


def _wanted(given: argparse.Namespace) -> Wanted:
    if not given.site and not given.url:
        raise CannotStart("what is to be forgotten? --site SITE, --url URL, or both: URLs of that site")
    if given.site and not LABEL.fullmatch(given.site):
        raise CannotStart(f"--site {given.site}: a label has lower-case letters, digits and hyphens, at most 63")
    urls, beginnings = set(), set()
    for url in given.url or ():
        whole = url.rstrip("*").split("#")[0]
        bare, _, query = whole.partition("?")
        if "://" not in bare:
            raise CannotStart(f"--url {url}: a whole URL is asked for, such as https://shop.example/page")
        if url.endswith("*"):
            beginnings |= {whole, _beginning(whole)}
        if query or not url.endswith("*"):
            names = tuple(pair.partition("=")[0] for pair in query.split("&"))
            urls |= {whole, read_url(whole, names).text}  # as it is stored: without secrets in its path
    return Wanted(given.site or "", tuple(sorted(urls)), tuple(sorted(beginnings)))


def _beginning(text: str) -> str:
    """As URLs that begin so are stored. Its last part may go on: it is no host, port or secret yet."""
    head, slash, last = text.partition("?")[0].rpartition("/")
    rest = last + text[len(head + slash + last) :]
    if head.endswith("/"):  # of the two before the host
        return head.lower() + slash + rest.lower()
    return read_url(head + slash).text + rest


@contextlib.contextmanager
def _place(settings: Settings, wanted: Wanted) -> Iterator[Ask]:
    """Raises CannotStart."""
    with contextlib.ExitStack() as stack:
        store: Store
        if settings.store is not None:
            stack.enter_context(explaining_server(settings.store))
            store = stack.enter_context(contextlib.closing(Server(settings.store)))
            check(store)
        else:
            if not (settings.data_dir / "store" / "chdb").is_dir():
                raise CannotStart(f"there is no store in the data dir {settings.data_dir}")
            try:
                store = stack.enter_context(open_in_process(settings)).engine
            except StoreInUse:
                yield lambda what: ask_holder(settings.data_dir, "forget", what=what, wanted=list(wanted))
                return
        yield lambda what: _steps(store, what, wanted)


def on_errand(store: Store, after: Callable[[], None]) -> Errand:
    """For who has the store open; `after` some of it or all has gone."""

    def errand(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        try:
            yield from _steps(store, asked["what"], msgspec.convert(asked["wanted"], Wanted))
        finally:  # also where it fails or is given up in the middle: some of it has gone by then
            if asked["what"] == "forget":
                after()

    return errand


def _steps(store: Store, what: str, wanted: Wanted) -> Iterator[dict[str, Any]]:
    if what == "forget":
        try:
            yield from forgotten(store, wanted)
        except MutationFails as error:
            raise CannotStart(str(error)) from error
        return
    client = store.client()
    try:
        yield {"tables": found(client, wanted)}
    finally:
        client.close()


def _show(rows: dict[str, int], wanted: Wanted) -> None:
    what = " and ".join(filter(None, [
        f"the site {wanted.site}" if wanted.site else "",
        ", ".join([*wanted.urls, *(f"{its}*" for its in wanted.beginnings)]),
    ]))  # fmt: skip
    if not rows:
        print(f"nothing is stored of {what}")
        return
    print(f"stored of {what}, in rows:")
    for table, count in sorted(rows.items()):
        print(f"  {table:<34} {count:>12,}")
    print("The numbers of the ledger stay: how many reports there were, by site and minute.")


def _confirm(given: argparse.Namespace) -> None:
    """Where somebody sits at a terminal. A script that names URLs has said what it wants."""
    if given.yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        if given.url:
            return
        raise CannotStart("nothing was deleted: there is nobody to ask about a whole site; --yes deletes it")
    if input("Delete it for good? Type yes: ").strip().lower() != "yes":
        raise CannotStart("nothing was deleted")


def _run(steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    last: dict[str, Any] = {"clean": False, "left": 0}
    words = {
        "rows": "looking",
        "reports": "taking {:,} reports out of the counts",
        "parts": "rewriting, {:,} parts to go",
    }
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
                  console=Console(stderr=True), disable=not sys.stderr.isatty()) as shown:  # fmt: skip
        task = shown.add_task("looking", total=None)
        for last in steps:
            for name, text in words.items():
                if name in last:
                    shown.update(task, description=text.format(last[name]))
    return last


def _tell_rest(settings: Settings, *, clean: bool) -> None:
    print("forgotten: it is in no table any more")
    if settings.store is not None:
        print("ClickHouse removes the files of before within some 8 minutes (old_parts_lifetime).")
    elif not clean:
        print("Some files of before are still being read: ClickHouse removes them within some 8 minutes.")
    where = "the spool" if settings.log is None else "the spools and in Kafka"
    print(f"What is still in {where} comes in afterwards: when it is stored, run this again. Backups, "
          f"and what is in {settings.data_dir / 'broken'}, are yours to delete.")  # fmt: skip

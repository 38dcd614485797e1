"""`noise apply` where the store is open: steps for whoever watches, and at the end the tidying."""

from collections.abc import Callable, Iterator
from typing import Any

from processor.relabel import Step, relabel
from processor.tidy import tidy
from schema.noise_files import parsed
from schema.server import Server
from schema.sites import Sites
from schema.store import Store


def applied(store: Store, sites: Callable[[], Sites], rules: str | None) -> Iterator[dict[str, Any]]:
    """`rules` is the text of a rules file, None for those in use. Raises BadRules, ClickHouseError."""
    asked = sites()
    if rules is not None:
        asked = Sites(asked.table, parsed(rules, "the rules file"))
    step = None
    for step in relabel(store, asked):
        yield {"looked": step.looked, "of": step.of, "moved": step.moved}
    yield {"tidying": True}
    client = store.client()
    try:
        with store.moving:  # it asks for mutations
            tidy(client, store.place if isinstance(store, Server) else None)
    finally:
        client.close()
    if step is not None:
        yield _done(step)


def _done(step: Step) -> dict[str, Any]:
    changes = [{"from": old, "to": new, "reports": reports} for (old, new), reports in step.changes.most_common()]
    return {"done": True, "looked": step.looked, "moved": step.moved, "changes": changes}

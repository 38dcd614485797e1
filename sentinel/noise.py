"""`csp-sentinel noise`: what the rules are, what changed ones would do, and labelling what is stored by them."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from processor.noise import noise
from schema.clickhouse import StoreInUse
from schema.noise_files import load_rules, packaged
from schema.sites import Sites
from schema.tables import check
from sentinel import stored_lines
from sentinel.beside import ask_console
from sentinel.explained import CannotStart, explained
from sentinel.in_force import files
from sentinel.noise_apply import applied
from sentinel.opening import open_store
from sentinel.settings import Settings
from sentinel.shadow import Shadow
from sentinel.store_server import explaining_server


def noise_(settings: Settings, given: argparse.Namespace) -> int:
    """The action's exit code."""
    actions: dict[str, Callable[[Settings, argparse.Namespace], None]] = {"list": _list, "test": _test, "apply": _apply}
    with explained():
        actions[given.action](settings, given)
    return 0


def _list(settings: Settings, given: argparse.Namespace) -> None:
    sites = _sites(settings, given.rules)
    rules = [("", rule) for rule in (sites.rules or packaged()).rules]
    rules += [(label, rule) for label, site in (sites.table or {}).items() for rule in site.noise]
    if given.json:
        names = ("id", "category", "reason", "documented")
        _print_json([{"site": site} | {name: getattr(rule, name) for name in names} for site, rule in rules])
        return
    table = Table("rule", "category", "reason", title=f"version {(sites.rules or packaged()).version}")
    for site, rule in rules:
        table.add_row(Text(f"{rule.id} (site {site})" if site else rule.id), rule.category, Text(rule.reason))
    Console().print(table)


def _test(settings: Settings, given: argparse.Namespace) -> None:
    sites = _sites(settings, given.rules)
    shadow = Shadow()
    with _progress() as progress, stored_lines.opened(settings) as (total, found):
        task = progress.add_task("looking at what is stored", total=total)
        for violation in found:
            shadow.add(violation, noise(violation, sites.get(violation.site), sites.rules))
            progress.update(task, completed=shadow.reports)
    told = {"version": (sites.rules or packaged()).version} | shadow.told()
    if given.json:
        _print_json(told)
    else:
        _show(told)


def _apply(settings: Settings, given: argparse.Namespace) -> None:
    text = _text(given.rules)
    done = None
    with _progress() as progress:
        task = progress.add_task("labelling", total=None)
        for step in _steps(settings, text):
            if "error" in step:
                raise CannotStart(f"{step['error']}; nothing is lost, run it again")
            if "of" in step:
                progress.update(task, completed=step["looked"], total=step["of"])
            elif "tidying" in step:
                progress.update(task, description="tidying up")
            done = step if step.get("done") else None
    if done is None:
        raise CannotStart("it was cut off before its end; nothing is lost, run it again")
    if given.json:
        _print_json(done)
        return
    table = Table("from rule", "to rule", "reports", title=f"{done['moved']:,} reports have another label")
    for change in done["changes"]:
        table.add_row(change["from"] or "no noise", change["to"] or "no noise", f"{change['reports']:,}")
    Console().print(table if done["changes"] else "nothing to do: every label is as the rules say")


def _steps(settings: Settings, text: str | None) -> Iterator[dict[str, Any]]:
    """From the store itself, or of the program that has it open."""
    try:
        with open_store(settings) as store:
            yield from _here(settings, store, text)
    except StoreInUse:
        with ask_console(settings, "/api/noise/apply", {"rules": text}) as answer:
            for line in answer:
                yield json.loads(line)


def _here(settings: Settings, store: Any, text: str | None) -> Iterator[dict[str, Any]]:
    if settings.store is None:
        yield from applied(store, lambda: files(settings), text)
        return
    with explaining_server(settings.store):
        check(store)
        yield from applied(store, lambda: files(settings), text)


def _sites(settings: Settings, path: Path | None) -> Sites:
    sites = files(settings)
    return Sites(sites.table, load_rules(path)) if path is not None else sites


def _text(path: Path | None) -> str | None:
    """Of a rules file that was checked."""
    if path is None:
        return None
    load_rules(path)
    return path.read_text()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _print_json(found: Any) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False))


def _show(found: dict[str, Any]) -> None:
    title = f"{found['changed']:,} of {found['reports']:,} reports would have another label by {found['version']}"
    table = Table("rule", "category", title=title)
    for name in ("reports now", "then", "violations now", "then", "gained", "lost"):
        table.add_column(name, justify="right")
    for line in found["rules"]:
        counts = [line[side][what] for what in ("reports", "violations") for side in ("now", "then")]
        counts += [line[side]["reports"] for side in ("gained", "lost")]
        style = "bold" if line["gained"]["reports"] or line["lost"]["reports"] else "dim"
        table.add_row(
            Text(line["rule"] or "no noise"), line["category"], *(f"{count:,}" for count in counts), style=style
        )
    console = Console()
    console.print(table)
    for line in found["rules"]:
        for example in line["examples"]:
            if example["gained"]:
                console.print(_example(line["rule"], example), soft_wrap=True)


def _example(rule: str, example: dict[str, Any]) -> Text:
    """One line; what a report says is shown as text, without control characters."""
    said = f"{example.get('effective_directive', '')} {example.get('blocked_url', '')}"
    for name, words in (("document_url", "on"), ("source_file", "from"), ("sample", "sample")):
        if name in example:
            said += f", {words} {example[name]}"
    shown = "".join(char if char.isprintable() else " " for char in said)
    return Text(f"{example['other'] or 'no noise'} → {rule or 'no noise'}: {example['reports']:,} of {shown}")

"""The figures as a person reads them in a terminal."""

from rich.table import Table

from loadtest.bench.figures import Figure, rounded
from loadtest.bench.targets import TARGETS, verdict

_MET = {True: "[green]met[/]", False: "[red]not met[/]", None: ""}


def table(figures: list[Figure]) -> Table:
    """With footnotes, because a figure without its conditions misleads."""
    notes = list(dict.fromkeys(figure.note for figure in figures if figure.note))
    made = Table(caption="\n".join(f"{number}  {note}" for number, note in enumerate(notes, 1)), caption_justify="left")
    for name, side in (("figure", "left"), ("median", "right"), ("least…most", "right"), ("unit", "left"),
                       ("target", "right"), ("", "left"), ("note", "right")):  # fmt: skip
        made.add_column(name, justify=side)  # type: ignore[arg-type]
    for figure in figures:
        note = str(notes.index(figure.note) + 1) if figure.note else ""
        target = str(TARGETS.get(figure.key, ""))
        made.add_row(figure.name, *_shown(figure), figure.unit, target, _MET[verdict(figure)], note)
    return made


def _shown(figure: Figure) -> tuple[str, str]:
    if figure.value is None:
        return "-", ""
    if len(figure.rounds) < 2:
        return rounded(figure.value), ""
    return rounded(figure.value), f"{rounded(min(figure.rounds))}…{rounded(max(figure.rounds))}"

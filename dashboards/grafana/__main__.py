"""Writes `json/*.json` from the descriptions in this folder."""

import json
from pathlib import Path

from dashboards.grafana import health, offenders, overview

FOLDER = Path(__file__).with_name("json")


def written() -> dict[str, str]:
    """The files' text by name."""
    found = {"overview": overview.DASHBOARD, "offenders": offenders.DASHBOARD, "health": health.DASHBOARD}
    return {
        f"{name}.json": json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n" for name, dashboard in found.items()
    }


if __name__ == "__main__":
    for name, text in written().items():
        (FOLDER / name).write_text(text)

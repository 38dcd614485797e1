"""What this process's metrics say."""

from prometheus_client import REGISTRY


def figure(name: str, **labels: str) -> float:
    """0 where it was never counted."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Since:
    """How much figures have grown since this was made."""

    def __init__(self, *names: str, **labels: str) -> None:
        self._labels = labels
        self._before = {name: figure(name, **labels) for name in names}

    def grown(self) -> list[float]:
        return [figure(name, **self._labels) - before for name, before in self._before.items()]

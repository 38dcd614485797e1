"""What a channel is to whoever sends to it. No sentence here quotes what may be a secret."""

from typing import Protocol

from alerts.message import Message


class Failed(Exception):
    """A sentence why. `after`: seconds the other side asks to wait; `refused`: it will never take this message."""

    def __init__(self, sentence: str, *, after: float | None = None, refused: bool = False) -> None:
        super().__init__(sentence)
        self.after = after
        self.refused = refused


class Channel(Protocol):
    """`key` tells it from others wherever it is kept, `name` is for people, `kind` for metrics."""

    key: str
    name: str
    kind: str

    def send(self, message: Message) -> None:
        """Some seconds at most, in a thread. Raises Failed."""

"""Locust's users and shapes. Importing Locust patches the whole process: only the locustfile and its events do."""

import random
import time
from typing import ClassVar

from locust import LoadTestShape, User, task

from loadtest.load.profiles import PROFILES, Profile
from loadtest.load.run import Run
from loadtest.load.sender import Sender


class Crowd(User):
    """Browsers that together send one post a second at scale 1, at even distances, whatever the server does."""

    sender: ClassVar[Sender]  # of this process
    rate: ClassVar[float] = 1.0  # posts a second

    def on_start(self) -> None:
        self._due = time.perf_counter() + random.random() / self.rate  # noqa: S311  (so that users don't keep step)

    def wait_time(self) -> float:
        """Seconds until the next is due: the moments do not move, whenever the last one was really sent."""
        self._due += 1 / self.rate
        return max(0.0, self._due - time.perf_counter())

    @task
    def post(self) -> None:
        self.sender.send(self._due)


class ProfileShape(LoadTestShape):
    """A profile as Locust asks for it, once a second."""

    abstract = True
    profile: ClassVar[Profile]

    def __init__(self, minutes: float = 0) -> None:
        """`minutes`: instead of the profile's own time, unless it is 0."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.lasting = self.profile.lasting(minutes) if minutes else self.profile
        self.run: Run | None = None  # once it has begun

    def tick(self) -> tuple[int, float] | None:
        at: float = self.get_run_time()  # type: ignore[no-untyped-call]
        users = self.lasting.users(at)
        if users is None or (self.run is not None and self.run.looked(users, at)):
            return None
        return users, users


class Smoke(ProfileShape):
    profile = PROFILES["smoke"]


class Average(ProfileShape):
    profile = PROFILES["average"]


class Stress(ProfileShape):
    profile = PROFILES["stress"]


class Spike(ProfileShape):
    profile = PROFILES["spike"]


class Soak(ProfileShape):
    profile = PROFILES["soak"]


class Breakpoint(ProfileShape):
    profile = PROFILES["breakpoint"]


SHAPES: dict[str, type[ProfileShape]] = {
    shape.profile.name: shape for shape in (Smoke, Average, Stress, Spike, Soak, Breakpoint)
}

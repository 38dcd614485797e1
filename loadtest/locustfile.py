"""The load profiles for Locust itself: `locust -f loadtest/locustfile.py --load-profile average --host URL …`.

`make load` starts all of it; this is for Locust's own command, on one machine or with workers on many.
"""

import loadtest.load.events  # noqa: F401  (its listeners)
from loadtest.load.users import Average, Crowd

__all__ = ["Average", "Crowd"]  # Locust wants to see one shape; the one that was asked for takes its place

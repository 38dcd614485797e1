"""Traffic, benchmarks and what they are compared with. A user of the other rooms; only tests import it."""

"""Traffic, benchmarks and the capacity model. A user of the other rooms; only `capacity` is imported by one."""

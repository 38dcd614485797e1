"""Traffic, benchmarks and the capacity model. A user of the other rooms; one imports `capacity` and `traffic`."""

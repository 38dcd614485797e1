"""The traffic that browsers make: one model for the benchmarks, the load profiles and `csp-sentinel demo`. Pure."""

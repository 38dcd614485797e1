"""The capacity model and the burst simulation, behind `csp-sentinel plan`. It imports nothing else of ours."""

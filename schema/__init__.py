"""What the stages agree on: reports, deliveries, violations, the tables. Imports nothing of ours."""

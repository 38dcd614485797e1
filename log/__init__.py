"""The durable log between collector and processor; on one machine, files."""

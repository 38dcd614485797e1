"""Load profiles for Locust, and the check that what was answered 204 is stored."""

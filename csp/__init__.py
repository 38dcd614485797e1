"""Content Security Policy Level 3: reading a policy, and what it allows. Pure: no files, no network, no settings."""

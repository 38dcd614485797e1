"""How a person reaches what listens."""

import pytest

from sentinel.listening import address_url


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("0.0.0.0", "localhost"), ("::", "localhost"), ("me.example",) * 2],
)
def test_an_address_is_shown_as_it_is_reached_on_its_own_machine(host, shown):
    assert address_url(host, 8082) == f"http://{shown}:8082"

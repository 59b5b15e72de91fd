"""Whose key it is, as far as that can be told without asking anybody."""

import pytest

from thenvoi_bridge.bridge.endpoint import Endpoint, Side, sides_of


@pytest.mark.parametrize(
    ("key", "sides"),
    [
        ("thnv_a_id_secret", ("agent",)),
        ("thnv_u_id_secret", ("human",)),
        ("band_a_id_secret", ("agent",)),
        ("band_u_id_secret", ("human",)),
        ("thnv_a_id_se_cret", ("agent",)),
        ("thnv_1234567890_abcdef", ("agent", "human")),
        ("thnv_a", ("agent", "human")),
        ("a", ("agent", "human")),
        ("", ("agent", "human")),
    ],
)
def test_a_prefix_tells_whose_key_it_is_and_a_legacy_key_may_be_either(
    key: str, sides: tuple[Side, ...]
) -> None:
    assert sides_of(key) == sides


def test_an_endpoint_does_not_show_its_keys() -> None:
    shown = repr(Endpoint("http://x", agent_key="thnv_a_secret", user_key="thnv_u_secret"))
    assert "http://x" in shown
    assert "secret" not in shown

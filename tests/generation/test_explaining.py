"""What a member reads of an error is of that error."""

from __future__ import annotations

import pytest

from conversations.chainhub import errors
from conversations.generation import explaining

UNKNOWN = explaining.sentence_for(errors.ChainHubError(kind="nobody has heard of it"))


@pytest.mark.parametrize(
    "kind",
    [
        *("connection_refused", "connect_timeout", "first_byte_timeout", "connection_lost"),
        *("name_not_resolved", "tls_failed", "proxy_failed"),
    ],
)
def test_every_way_of_not_getting_through_has_a_sentence_of_its_own(kind: str) -> None:
    assert explaining.sentence_for(errors.ConnectionFailed(kind=kind)) != UNKNOWN

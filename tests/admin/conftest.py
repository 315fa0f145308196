from __future__ import annotations

import pytest

from conversations.models import GatewayKey
from tests import factories
from tests.admin.panel import SECRET


@pytest.fixture
def key(db: None) -> GatewayKey:
    return factories.gateway_key("Team", secret=SECRET)

"""When the same request may be sent again by itself. Who sends it, and records it, is the engine."""

import random

from conversations.chainhub.errors import ChainHubError, RateLimited

SECONDS = (1.0, 4.0)
RATE_LIMIT_SECONDS = (5.0, 20.0)

# A gateway that asks for more is better answered by a person's Retry.
LONGEST_WAIT = 60.0

# Never less than the schedule or Retry-After asks for, and not all clients at the same moment.
_JITTER = 0.25
_random = random.SystemRandom()


def delay_before(
    attempt: int, error: ChainHubError, *, retry_after: float | None = None, scale: float = 1.0
) -> float | None:
    """Return the seconds to wait before attempt number `attempt`, after `error` ended the one before it.

    The first attempt is 1, so the first retry is 2 and the last is 3. None: do not send it again by itself.
    `scale` shortens the waits for tests and for the practice gateway.
    """
    retry = attempt - 1
    if not error.retryable or not 1 <= retry <= min(error.max_retries, len(SECONDS)):
        return None
    schedule = RATE_LIMIT_SECONDS if isinstance(error, RateLimited) else SECONDS
    asked = error.retry_after if retry_after is None else retry_after
    wait = schedule[retry - 1] if asked is None else min(max(asked, 0.0), LONGEST_WAIT)
    return wait * _random.uniform(1.0, 1.0 + _JITTER) * scale

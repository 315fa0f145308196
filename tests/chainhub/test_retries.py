import pickle

import pytest

from conversations.chainhub import errors
from conversations.chainhub.retries import delay_before

DOWN = errors.GatewayUnavailable(retryable=True)
LIMITED = errors.RateLimited(retryable=True)
ONCE = errors.UnknownModel(retryable=True, max_retries=1)


@pytest.mark.parametrize(
    ("attempt", "error", "seconds"),
    [
        (1, DOWN, None),
        (2, DOWN, 1),
        (3, DOWN, 4),
        (4, DOWN, None),
        (2, LIMITED, 5),
        (3, LIMITED, 20),
        (4, LIMITED, None),
        (2, ONCE, 1),
        (3, ONCE, None),
        (2, errors.ConnectionFailed(), 1),
        (2, errors.ConnectionFailed(sent=True), None),
        (2, errors.ConnectionFailed(retryable=False), None),
        (2, errors.StreamBroken(), None),
        (2, errors.Cancelled(), None),
        (2, errors.RequestRefused(), None),
    ],
)
def test_the_schedule(attempt, error, seconds):
    for _ in range(50):
        delay = delay_before(attempt, error)

        if seconds is None:
            assert delay is None
        else:
            assert seconds <= delay <= seconds * 1.25


@pytest.mark.parametrize(("asked", "seconds"), [(7, 7), (0, 0), (-5, 0), (3600, 60)])
def test_retry_after_is_honoured_within_bounds(asked, seconds):
    from_header = errors.RateLimited(retryable=True, retry_after=float(asked))

    for delay in (delay_before(2, DOWN, retry_after=asked), delay_before(2, from_header)):
        assert seconds <= delay <= seconds * 1.25


def test_tests_need_not_wait():
    assert delay_before(3, LIMITED, scale=0) == 0
    assert 0.005 <= delay_before(2, LIMITED, scale=0.001) <= 0.00626


def test_not_everybody_comes_back_at_the_same_moment():
    assert len({delay_before(2, DOWN) for _ in range(20)}) > 10


ALL = [
    errors.ChainHubError,
    errors.Cancelled,
    errors.ConnectionFailed,
    errors.StreamBroken,
    errors.StreamRefused,
    errors.UnreadableReply,
    errors.StatusError,
    errors.KeyRejected,
    errors.QuotaExhausted,
    errors.UnknownModel,
    errors.WrongAddress,
    errors.RateLimited,
    errors.RequestRefused,
    errors.GatewayUnavailable,
]


@pytest.mark.parametrize("error_class", ALL)
def test_every_error_can_be_stored_and_sent(error_class):
    error = error_class("words " * 1000, request_id="r")
    error.sign(request_id="other", secret="a")

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert (copy.message, copy.kind, copy.request_id) == (error.message, error.kind, "r")
    assert len(str(error)) == 2000
    assert error.kind.replace("_", "").islower()


def test_every_kind_is_told_apart():
    assert len({error_class.kind for error_class in ALL}) == len(ALL)

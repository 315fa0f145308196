"""What can go wrong between us and the gateway.

ChainHubError
  Cancelled             the person stopped it
  ConnectionFailed      no answer at all: name, refused, reset, timed out
  StreamBroken          the answer began and stopped before its end
  StreamRefused         the gateway reported an error inside an answer that began well
  UnreadableReply       an answer that we cannot decode
  StatusError           an HTTP status of 400 or more
    KeyRejected         401, 403
      QuotaExhausted    402, 403 with a code that speaks of quota
    UnknownModel        404 and 503 for a model that nobody serves
    WrongAddress        404 for the address itself
    RateLimited         429
    RequestRefused      400, 413, other 4xx, and the 500s that blame the request
      ReasoningRefused  400 for OpaqueItems: the same request without them may pass, once
    GatewayUnavailable  408, 500 and above; 401 of the gateway's own upstream

`refusals.py` chooses among them; the engine reads `retryable`, `may_be_billed` and `another_key_may_help`,
never a class.
"""

MESSAGE_LIMIT = 2_000

# A secret shorter than this could be an ordinary word, and blanking it would only spoil the text.
SHORTEST_SECRET = 6

REDACTED = "[redacted]"


def redact(text: str, secret: str) -> str:
    """Blank out `secret`: gateways quote the key that they refuse."""
    if len(secret) < SHORTEST_SECRET:
        return text
    return text.replace(secret, REDACTED)


class ChainHubError(Exception):
    """Base class.

    `kind` is what gets stored. `retryable` promises that nothing can have been billed, so the same request
    may be sent again by itself, at most `max_retries` times. `may_be_billed` says that the gateway may have
    worked. `another_key_may_help` says that the key or its address is at fault, or the moment, and not the
    request: where nothing can have been billed, the same request may be sent with another key at once.
    """

    kind = "chainhub_error"
    retryable = False
    may_be_billed = False
    another_key_may_help = False
    max_retries = 2

    def __init__(self, message: str = "", *, kind: str = "", request_id: str = "") -> None:
        super().__init__(message)
        # Cut to the limit when it is signed: a key that a cut went through could not be found any more.
        self.message = message[: 2 * MESSAGE_LIMIT]
        self.request_id = request_id
        self.retry_after: float | None = None
        if kind:
            self.kind = kind

    def __str__(self) -> str:
        return self.message

    def sign(self, *, request_id: str, secret: str) -> None:
        """Note whose answer failed, and blank the key out of the gateway's words."""
        self.request_id = self.request_id or request_id
        self.message = redact(self.message, secret)[:MESSAGE_LIMIT]
        # `args` is what repr() and tracebacks of some loggers print.
        self.args = (self.message,)


class Cancelled(ChainHubError):
    """The person stopped it. What was made until then may be billed."""

    kind = "cancelled"
    may_be_billed = True


class ConnectionFailed(ChainHubError):
    """No answer at all. `sent`: the request may have reached the gateway, so it may be paid for."""

    kind = "connection_refused"
    another_key_may_help = True

    def __init__(
        self,
        message: str = "",
        *,
        kind: str = "",
        request_id: str = "",
        sent: bool = False,
        timed_out: bool = False,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message, kind=kind, request_id=request_id)
        self.sent = sent
        self.timed_out = timed_out
        self.may_be_billed = sent
        # A connection that was never made cost nothing. Some of them (a bad certificate) are hopeless all the
        # same.
        self.retryable = not sent if retryable is None else retryable


class StreamBroken(ChainHubError):
    """The answer began and stopped before its end: what came is only a part."""

    kind = "stream_broken"
    may_be_billed = True


class StreamRefused(ChainHubError):
    """The gateway reported an error inside an answer whose status was 200."""

    kind = "stream_refused"
    may_be_billed = True

    def __init__(
        self, message: str = "", *, type: str = "", code: str = "", kind: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message, kind=kind, request_id=request_id)
        self.type = type
        self.code = code


class UnreadableReply(ChainHubError):
    """An answer that we cannot decode: HTML, not JSON, too long, or JSON that makes no sense."""

    kind = "unreadable_reply"
    another_key_may_help = True
    may_be_billed = True

    def __init__(
        self, message: str = "", *, kind: str = "", request_id: str = "", may_be_billed: bool = True
    ) -> None:
        super().__init__(message, kind=kind, request_id=request_id)
        self.may_be_billed = may_be_billed


class StatusError(ChainHubError):
    """The gateway answered with a status of 400 or more; `message` is in its own words."""

    kind = "status_error"

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str = "",
        type: str = "",
        request_id: str = "",
        retryable: bool = False,
        may_be_billed: bool = False,
        max_retries: int = 2,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status = status
        self.code = code
        self.type = type
        self.retryable = retryable
        self.may_be_billed = may_be_billed
        self.max_retries = max_retries
        self.retry_after = retry_after


class KeyRejected(StatusError):
    """The key is missing, unknown, expired, used up, or not allowed to do this."""

    kind = "key_rejected"
    another_key_may_help = True


class QuotaExhausted(KeyRejected):
    """The balance does not cover the estimated cost; a smaller `max_tokens` may pass."""

    kind = "quota_exhausted"


class UnknownModel(StatusError):
    """Nobody serves this model, at least not for this key."""

    kind = "unknown_model"
    another_key_may_help = True


class WrongAddress(StatusError):
    """There is no such endpoint: most likely the base URL is not the gateway's."""

    kind = "wrong_address"
    another_key_may_help = True


class RateLimited(StatusError):
    kind = "rate_limited"
    another_key_may_help = True


class RequestRefused(StatusError):
    """The request is at fault; sending it again would fail again."""

    kind = "request_refused"


class ReasoningRefused(RequestRefused):
    """The upstream will not have reasoning back that it, or another one, has made.

    Not retryable, since the same request would fail again; but with `ChatRequest.without_opaque` it may pass,
    and nothing was billed. A StreamRefused has the same `kind` where the refusal came with status 200.
    """

    kind = "reasoning_refused"


class GatewayUnavailable(StatusError):
    kind = "gateway_unavailable"
    another_key_may_help = True

"""One gateway, one key: opens answers, lists models, asks for the balance. Every call is one HTTP request."""

import json
from collections.abc import Callable
from typing import TypeVar

from conversations.chainhub import catalog, prices, refusals, strict_json
from conversations.chainhub.addresses import UnusableBaseUrl, UnusableSetting, normalise_base_url
from conversations.chainhub.answers import Answer
from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.catalog import Balance, CatalogModel
from conversations.chainhub.connections import Timeouts
from conversations.chainhub.errors import (
    ChainHubError,
    RequestRefused,
    StatusError,
    UnreadableReply,
    WrongAddress,
)
from conversations.chainhub.exchange import Call, Caller, Reply, send
from conversations.chainhub.messages import ChatRequest
from conversations.chainhub.prices import PriceTable
from conversations.chainhub.redacting import redact_values
from conversations.chainhub.wires import Wire, chat_completions

__all__ = [
    "Answer",
    "Balance",
    "Cancellation",
    "CatalogModel",
    "ChainHub",
    "Timeouts",
    "UnusableBaseUrl",
    "UnusableSetting",
    "normalise_base_url",
]

Found = TypeVar("Found")

BODY_BYTES = 64 * 1024 * 1024
# Six hundred models are a quarter of a megabyte.
PRICES_BYTES = 8 * 1024 * 1024
LIST_TIMEOUTS = Timeouts(connect=10, sending=10, first_byte=30, idle=30)
BALANCE_TIMEOUTS = Timeouts(connect=5, sending=5, first_byte=5, idle=5)


class ChainHub:
    """A client that any number of threads may share: it keeps a key and a TLS context, and no connections.

    Nothing is retried here: the engine keeps a row per request, and asks `retries.delay_before()`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        proxy: str | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        """`ca_bundle`: a file of certificate authorities to trust instead of the public ones.

        Raise UnusableSetting for an address, a key or a proxy that cannot work.
        """
        self.base_url = normalise_base_url(base_url)
        self.timeouts = timeouts
        if not api_key or not api_key.isascii() or not api_key.isprintable():
            raise UnusableSetting("The key is empty or holds characters that cannot be sent.")
        if proxy and not proxy.lower().startswith(("http://", "https://")):
            raise UnusableSetting("The proxy's address must begin with http:// or https://.")
        self._caller = Caller(api_key, proxy=proxy, ca_bundle=ca_bundle)

    def open_answer(
        self,
        request: ChatRequest,
        *,
        wire: Wire = chat_completions,
        cancellation: Cancellation | None = None,
        timeouts: Timeouts | None = None,
    ) -> Answer:
        """Send the question and return its answer as soon as the gateway's headers came.

        Raise StatusError, ConnectionFailed, UnreadableReply or Cancelled; reading the answer may raise any
        ChainHubError.
        """
        cancellation = cancellation or Cancellation()
        try:
            body = json.dumps(wire.build(request), allow_nan=False).encode()
        except (TypeError, ValueError):
            raise RequestRefused("The request holds a value that JSON cannot express.") from None
        reply = send(
            Call(self.base_url + wire.PATH, body),
            caller=self._caller,
            timeouts=timeouts or self.timeouts,
            cancellation=cancellation,
        )
        return Answer(reply, wire=wire, secret=self._caller.api_key, cancellation=cancellation)

    def models(self) -> list[CatalogModel]:
        """Return what this key may use, in the gateway's order.

        Raise WrongAddress where there is no model list, UnreadableReply for a page or a list that is none.
        """
        try:
            return self._get("/v1/models", LIST_TIMEOUTS, catalog.models_in)
        except StatusError as error:
            if error.status != 404:
                raise
            raise WrongAddress(
                "There is no model list at this address: is it the gateway's?",
                status=404,
                request_id=error.request_id,
            ) from None

    def balance(self) -> Balance | None:
        """Return what is left, or None if the gateway does not say. Ask every few minutes at most."""
        try:
            subscription = self._get("/v1/dashboard/billing/subscription", BALANCE_TIMEOUTS, dict)
            usage = self._get("/v1/dashboard/billing/usage", BALANCE_TIMEOUTS, dict)
        except ChainHubError:
            return None
        return catalog.balance_in(subscription, usage)

    def prices(self) -> PriceTable:
        """Return the gateway's price table. It is public: the key stays here.

        Raise WrongAddress where there is none, UnreadableReply for a page or anything else that is no table.
        """
        return self._get_public("/api/pricing", prices.table_in)

    def currency(self) -> str:
        """Return the currency that the gateway's site says it counts in, or "" where it tells none.

        Raises as `prices` does: not every gateway has that address.
        """
        return self._get_public("/api/status", prices.currency_in)

    def _get_public(self, path: str, read: Callable[[dict[str, object]], Found | None]) -> Found:
        try:
            return self._get(path, LIST_TIMEOUTS, read, is_public=True)
        except StatusError as error:
            if error.status != 404:
                raise
            raise WrongAddress("There is no such list.", status=404, request_id=error.request_id) from None

    def _get(
        self,
        path: str,
        timeouts: Timeouts,
        read: Callable[[dict[str, object]], Found | None],
        *,
        is_public: bool = False,
    ) -> Found:
        """Fetch a JSON object and return what `read` finds in it; nothing of this is billed.

        `is_public`: asked without the key, its fractions are read exactly, and a page is not taken for it.
        """
        reply = send(
            Call(self.base_url + path, with_key=not is_public),
            caller=self._caller,
            timeouts=timeouts,
            cancellation=Cancellation(),
        )
        try:
            if is_public and reply.content_type and "json" not in reply.content_type:
                raise UnreadableReply("The reply is a page, not a list.")
            limit = PRICES_BYTES if is_public else BODY_BYTES
            found = read(self._object_in(reply, limit, exact=is_public))
            if found is None:
                raise UnreadableReply("The reply does not hold what was asked for.")
            return found
        except ChainHubError as error:
            error.sign(request_id=reply.request_id, secret=self._caller.api_key)
            error.may_be_billed = False
            raise
        finally:
            reply.close()

    def _object_in(self, reply: Reply, limit: int, *, exact: bool) -> dict[str, object]:
        try:
            body = strict_json.load_object(reply.read(limit), exact=exact)
        except strict_json.NotJson:
            raise UnreadableReply("The gateway answered with something that is not JSON.") from None
        # Names of models are stored and shown: none may hold the key.
        body = redact_values(body, self._caller.api_key)
        if complaint := refusals.complaint_in(body):
            # The account routes report their errors with status 200.
            raise RequestRefused(
                complaint.message, status=reply.status, code=complaint.code, type=complaint.type
            )
        return body

"""The practice models: one table of name, what it does, how."""

from __future__ import annotations

from dataclasses import dataclass

from conversations.practice import calling, cutting, scripts
from conversations.practice.calling import friendly
from conversations.practice.scripts import breaking, faulty, refusing, replying
from conversations.practice.speaking import Script
from conversations.practice.steps import End, Ending, Manner

_HTML = "text/html; charset=utf-8"
_BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_CONSOLE = (
    '<!doctype html><html lang="zh"><head><title>New API</title></head>'
    '<body><div id="root"></div></body></html>'
)
_ERROR_WITH_200 = (
    '{"error":{"message":"upstream failed","type":"upstream_error","param":"","code":"bad_response"}}'
)
_PLAIN = Manner()


@dataclass(frozen=True)
class PracticeModel:
    name: str
    about: str
    script: Script
    manner: Manner = _PLAIN

    @property
    def thinks(self) -> bool:
        """By its name, since that is all that a client has to guess from."""
        return "think" in self.name

    @property
    def only_responses(self) -> bool:
        """Whether it is served on the Responses wire alone."""
        return self.name.startswith("practice-responses")


_TABLE: tuple[tuple[str, str, Script, Manner], ...] = (
    ("-chat", "answers, and says what it was sent", friendly, _PLAIN),
    ("-picture", "answers with a picture inside the text", scripts.picture, _PLAIN),
    ("-thinking", "thinks aloud first (reasoning_content)", calling.thinking, _PLAIN),
    ("-think-tags", "thinks inside <think> tags in the text", scripts.thinking_in_tags, _PLAIN),
    ("-tools", "calls all tools that the question asks for, or two, at once; then answers from their results",
     calling.calling_in_parallel, _PLAIN),
    ("-rounds", 'two tool calls in each of three rounds ("5 rounds" for more), then an answer',
     calling.in_rounds, _PLAIN),
    ("-tool-loop", "never stops calling a tool", calling.in_a_loop, _PLAIN),
    ("-bad-arguments", "broken JSON as arguments first, right ones after the complaint",
     calling.with_bad_arguments, _PLAIN),
    ("-empty-arguments", "a tool call with nothing as arguments", calling.with_empty_arguments, _PLAIN),
    ("-shared-index", "two tool calls under the same index", calling.with_a_shared_index, _PLAIN),
    ("-slow-arguments", "arguments of tool calls that take seconds to come",
     calling.with_slow_arguments, _PLAIN),
    ("-responses", "answers on the Responses wire", friendly, _PLAIN),
    ("-responses-thinking", "thinks first, on the Responses wire", calling.thinking, _PLAIN),
    ("-responses-thinking-forgets", "takes none of its reasoning back, on the Responses wire",
     scripts.forgetting, _PLAIN),
    ("-responses-tools", "calls tools at once, on the Responses wire", calling.calling_in_parallel, _PLAIN),
    ("-responses-steady", "200 numbered tokens, on the Responses wire", scripts.steady, _PLAIN),
    ("-slow-start", "says nothing for five seconds, then answers", scripts.slow_start, _PLAIN),
    ("-steady", "200 numbered tokens, one every 20 ms; the question may say otherwise",
     scripts.steady, _PLAIN),
    ("-very-long", "thousands of tokens, fast", scripts.very_long, _PLAIN),
    ("-length", "stops at the length limit", scripts.too_long, _PLAIN),
    ("-continue-exact", 'is cut ("after 57 characters"; "drop" loses the stream), and then goes on exactly',
     cutting.cut_and(cutting.going_on), _PLAIN),
    ("-continue-repeat", "is cut, and then says its last words again", cutting.cut_and(cutting.repeating),
     _PLAIN),
    ("-continue-restart", "is cut, and then starts over", cutting.cut_and(cutting.starting_over), _PLAIN),
    ("-continue-apology", "is cut, and then apologizes first", cutting.cut_and(cutting.apologizing), _PLAIN),
    ("-hostile-markdown", "an answer that tries to run scripts in the page", scripts.hostile, _PLAIN),
    ("-400", "the upstream refuses the request",
     refusing(400, "Invalid value: 'foo'.", kind="invalid_request_error", code="invalid_value",
              param="messages[0].role"), _PLAIN),
    ("-401", "the key is not accepted", refusing(401, "无效的令牌", param=None), _PLAIN),
    ("-401-upstream", "the gateway's own upstream key failed",
     refusing(401, "Incorrect API key provided.", kind="invalid_request_error", code="invalid_api_key"),
     _PLAIN),
    ("-quota", "the balance is too low",
     refusing(403, "用户额度不足, 剩余额度: ＄0.000000", code="insufficient_user_quota"), _PLAIN),
    ("-403", "the key may not do this",
     refusing(403, "您的 IP 不在令牌允许访问的列表中", code="access_denied", param=None), _PLAIN),
    ("-413", "the request is too large",
     refusing(413, "http: request body too large", code="read_request_body_failed"), _PLAIN),
    ("-429", "too many requests, with an empty body", replying(429, "text/plain; charset=utf-8", ""), _PLAIN),
    ("-500-request", "a 500 that blames the request",
     refusing(500, "field messages is required", code="invalid_request"), _PLAIN),
    ("-500", "a 500 that may pass",
     refusing(500, "do request failed: EOF", code="do_request_failed"), _PLAIN),
    ("-503", "the gateway is overloaded",
     refusing(503, "system cpu overloaded", code="system_cpu_overloaded"), _PLAIN),
    ("-502-html", "a proxy's page: bad gateway", replying(502, _HTML, _BAD_GATEWAY), _PLAIN),
    ("-504-html", "a proxy's page: gateway time-out",
     replying(504, _HTML, _BAD_GATEWAY.replace("502 Bad Gateway", "504 Gateway Time-out")), _PLAIN),
    ("-html-200", "status 200 with a page instead of an answer", replying(200, _HTML, _CONSOLE), _PLAIN),
    ("-200-error", "status 200 with an error instead of an answer",
     replying(200, "application/json", _ERROR_WITH_200), _PLAIN),
    ("-refuse-twice", "503 to the first two requests with the same text, then answers",
     scripts.refusing_twice, _PLAIN),
    ("-no-answer", "takes the request and never sends a byte", scripts.never, _PLAIN),
    ("-silence", "stops in the middle and keeps the connection open",
     breaking("and then nothing more comes", End(Ending.SILENT)), _PLAIN),
    ("-error-chunk", "an error as a chunk of the stream, then [DONE]",
     breaking("and then an error comes as a chunk", faulty(bare=False), End(Ending.DONE)), _PLAIN),
    ("-failed", "a response that failed in the middle (on the chat wire: an error as a chunk)",
     breaking("and then it fails", faulty(failed=True), End(Ending.EOF)), _PLAIN),
    ("-bare-error", "an error as a bare line of JSON inside the stream",
     breaking("and then an error comes on a bare line", faulty(bare=True), End(Ending.EOF)), _PLAIN),
    ("-cut", "the connection closes in the middle of the stream",
     breaking("and then the connection closes", End(Ending.CUT)), _PLAIN),
    ("-cut-politely", "the stream ends without an end marker, the connection in good order",
     breaking("and then the body just ends", End(Ending.EOF)), _PLAIN),
    ("-reset", "the connection is reset in the middle of the stream",
     breaking("and then the connection is reset", End(Ending.RESET)), _PLAIN),
    ("-done-only", "usage and [DONE] without a finish_reason",
     breaking("and then the end is missing"), _PLAIN),
    ("-restart", "starts over inside the stream, under a new id", scripts.restarting, _PLAIN),
    ("-ping", "comments (: PING) before and between the chunks", friendly, Manner(pings=True)),
    ("-crlf", "lines end with CR LF", friendly, Manner(crlf=True)),
    ("-split", "every byte is its own write, also inside a character", scripts.in_many_scripts,
     Manner(byte_by_byte=True)),
    ("-usage-last", "usage on the last chunk with text", friendly, Manner(usage_on_last=True)),
    ("-empty-choices", "chunks without choices in between", friendly, Manner(empty_choices=True)),
    ("-json", "one JSON object although a stream was asked for", friendly, Manner(streams=False)),
    ("-stream", "a stream although one JSON object was asked for", friendly, Manner(streams=True)),
    ("-no-end", "all of the text, and then the last event is missing", friendly, Manner(ends=False)),
    ("-no-usage", "no usage, even if asked for", friendly, Manner(usage=False)),
)  # fmt: skip

MODELS: dict[str, PracticeModel] = {
    f"practice{suffix}": PracticeModel(f"practice{suffix}", about, script, manner)
    for suffix, about, script, manner in _TABLE
}

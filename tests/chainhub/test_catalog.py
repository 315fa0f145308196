import pytest

from conversations.chainhub.catalog import (
    CatalogModel,
    choose_default,
    guess_thinking,
    guess_vision,
    is_chat_model,
    wire_for,
)

CHAT = """
    gpt-4o gpt-4.1-mini gpt-5 gpt-5-codex gpt-5-search-api o1 o3-mini o4-mini codex-mini-latest gpt-oss-120b
    chatgpt-4o-latest gpt-4-all claude-sonnet-4-5-20250929 claude-3-7-sonnet-20250219-thinking
    gemini-2.5-pro gemini-3-flash-preview deepseek-chat deepseek-r1 deepseek-v3.2-speciale deepseek-ocr
    qwen3-235b-a22b qwen-vl-max qwen3-coder-plus qwq-32b qvq-max grok-4-fast kimi-k2 moonshot-v1-128k
    glm-4.6v MiniMax-M2 ERNIE-4.0-8K SparkDesk-v3.5 llama-3.2-11b-vision-instruct meta-llama/llama-4-scout
    mistral-large-latest doubao-seed-1-6-vision-250815 phi-4 longcat-flash-chat seed-oss-36b-instruct
    MAI-DS-R1 gemma-7b-it
"""

NOT_CHAT = """
    gpt-image-1 dall-e-3 gpt-4o-image-vip sora_image sora-2 gemini-2.5-flash-image grok-4-image flux-pro
    flux.1-kontext-dev doubao-seedream-4-0-250828 doubao-seededit-3-0-i2i-250628 qwen-image-edit-2509
    fal-ai/nano-banana jimeng-4.0 stability-ai/sdxl mj_imagine tts-1-hd gpt-4o-mini-tts whisper-1
    gpt-4o-transcribe gpt-4o-audio-preview gpt-realtime-2025-08-28 text-embedding-3-small Embedding-V1
    text-ada-001 davinci-002 babbage-002 text-moderation-stable BAAI/bge-reranker-v2-m3 veo3.1 kling-video
    runwayml-gen4_turbo luma_video_api wan2.5-i2v-preview suno_music riffusion/riffusion gpt-4-gizmo-*
    gemini-2.5-pro-thinking-*
"""


@pytest.mark.parametrize("name", CHAT.split())
def test_a_name_that_chats(name):
    assert is_chat_model(CatalogModel(name))
    assert is_chat_model(CatalogModel(name, ()))


@pytest.mark.parametrize("name", NOT_CHAT.split())
def test_a_name_that_does_not_chat(name):
    assert not is_chat_model(CatalogModel(name))


@pytest.mark.parametrize(
    ("name", "types", "chats"),
    [
        ("flux-that-chats", ("image-generation", "openai"), True),
        ("claude-x", ("anthropic", "openai"), True),
        ("o3-pro", ("openai-response",), True),
        ("o3-pro", ("openai-response-compact",), False),
        ("flux-pro", ("image-generation",), False),
        ("gpt-4-gizmo-*", ("openai",), False),
    ],
)
def test_the_gateways_word_wins_over_the_name(name, types, chats):
    assert is_chat_model(CatalogModel(name, types)) is chats


@pytest.mark.parametrize(
    ("names", "sees"),
    [
        (
            "gpt-4o gpt-4.1-mini gpt-5 o3 o4-mini claude-3-haiku-20240307 claude-opus-4 gemini-2.5-pro",
            True,
        ),
        (
            "qwen-vl-max qwen2.5-vl-7b-instruct glm-4.6v grok-4 llama-3.2-11b-vision-instruct deepseek-ocr",
            True,
        ),
        ("gpt-4 gpt-3.5-turbo o1-mini o3-mini deepseek-chat qwen-plus glm-4.6 kimi-k2 grok-3", False),
        ("gpt-4o-search-preview", False),
        # A name that says nothing.
        ("test-model acme/brand-new", True),
    ],
)
def test_who_sees_pictures(names, sees):
    assert [name for name in names.split() if guess_vision(name) is not sees] == []


@pytest.mark.parametrize(
    ("names", "thinks"),
    [
        (
            "gpt-5 o1 o3-mini o4-mini deepseek-r1 deepseek-reasoner gemini-2.5-pro claude-sonnet-4-5",
            True,
        ),
        ("claude-3-7-sonnet-20250219 grok-4 glm-4.6 kimi-k2-thinking qwen3-235b-a22b-thinking-2507", True),
        ("gpt-4o gpt-5-chat-latest claude-3-haiku-20240307 deepseek-chat gemini-2.0-flash kimi-k2", False),
        ("gemini-2.5-flash-nothinking grok-4-1-fast-non-reasoning qwen3-next-80b-a3b-instruct", False),
    ],
)
def test_who_thinks(names, thinks):
    assert [name for name in names.split() if guess_thinking(name) is not thinks] == []


@pytest.mark.parametrize(
    ("names", "types", "wire"),
    [
        ("gpt-4.1 gpt-5 o3 claude-sonnet-4-5 deepseek-chat", None, "chat_completions"),
        ("gpt-4.1 gpt-5", (), "chat_completions"),
        ("gpt-5 o3 practice", ("openai-response", "openai"), "chat_completions"),
        ("practice-responses o3", ("openai-response",), "responses"),
        (
            "o1-pro o3-pro o3-pro-2025-06-10 codex-mini-latest codex-mini-2025-05-16 gpt-5-pro gpt-5.2-pro "
            "gpt-5-codex gpt-5-codex-high gpt-5.1-codex-max o3-deep-research o4-mini-deep-research",
            ("openai",),
            "responses",
        ),
        ("o3-pro-all o1-pro-all gpt-5-pro-all gpt-5-chat gpt-5-prompt my-o3-pro", None, "chat_completions"),
    ],
)
def test_which_wire_a_model_uses(names, types, wire):
    assert [name for name in names.split() if wire_for(CatalogModel(name, types)) != wire] == []


def test_a_default_is_a_known_model_or_the_first():
    assert choose_default(["zeta", "gpt-4o", "gpt-4.1-mini"]) == "gpt-4.1-mini"
    assert choose_default(iter(["zeta", "alpha"])) == "zeta"
    assert choose_default([]) is None

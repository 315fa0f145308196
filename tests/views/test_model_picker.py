"""The list of models at the composer: few as the admins ordered them, hundreds by vendor, and once a page."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.auth.models import Group

from conversations.models import KeyModel, Model, ModelDefault
from conversations.services import vendors
from tests import factories

NAMES = ("gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro", "acme/large", "deepseek-chat", "zebra")


@pytest.fixture
def hundreds(db):
    key = factories.gateway_key()
    made = Model.objects.bulk_create(
        Model(name=f"{name}-{number:02}", is_enabled=True) for number in range(50) for name in NAMES
    )
    KeyModel.objects.bulk_create(KeyModel(key=key, model=model) for model in made)


def picker(page: str) -> str:
    return re.search(r'<select name="model" aria-label="Model">.*?</select>', page, re.DOTALL).group()


def selected(page: str) -> list[str]:
    return re.findall(r'<option value="([^"]+)"[^>]* selected', picker(page))


def test_few_models_stand_in_the_admins_order_without_groups(ada_client):
    for order, name in enumerate(("zebra", "gpt-4o", "claude-3-haiku")):
        factories.model(name, order=order)

    page = picker(ada_client.get("/").content.decode())

    assert re.findall(r'value="([^"]+)"', page) == ["zebra", "gpt-4o", "claude-3-haiku"]
    assert "<optgroup" not in page


def test_hundreds_are_grouped_by_vendor_and_written_once(ada_client, hundreds):
    page = ada_client.get("/").content.decode()

    labels = re.findall(r'<optgroup label="([^"]+)">', picker(page))
    assert sorted(labels) == ["Anthropic", "DeepSeek", "Google", "OpenAI", "Others", "acme"]
    assert labels[-1] == "Others"
    assert page.count('value="gpt-4o-07"') == 1
    assert picker(page).count("<option ") == 300


def test_questions_in_line_do_not_carry_the_whole_list_again(ada, ada_client, hundreds):
    turn = factories.ask(ada, model_name="gpt-4o-01")
    for _ in range(3):
        factories.in_line(ada, turn.conversation)

    page = ada_client.get(turn.conversation.get_absolute_url()).content.decode()

    assert page.count("data-all-models") == 3
    assert page.count("<option ") <= 310


def test_a_question_in_line_keeps_the_model_that_was_chosen_for_it(ada, ada_client, hundreds):
    turn = factories.ask(ada, model_name="gpt-4o-01")
    waiting = factories.in_line(ada, turn.conversation)
    type(waiting).objects.update(model_name="zebra-03")

    page = ada_client.get(turn.conversation.get_absolute_url()).content.decode()

    row = re.search(r"<select[^>]*data-all-models>(.*?)</select>", page, re.DOTALL).group(1)
    assert re.findall(r'value="([^"]+)"', row) == ["zebra-03"]


def test_one_begins_with_the_default_of_one_s_group(ada, ada_client, bob):
    factories.model("gpt-4o", is_default=True)
    model = factories.model("deep")
    group = Group.objects.create(name="Research")
    ada.groups.add(group)
    ModelDefault.objects.create(group=group, model=model)

    assert selected(ada_client.get("/").content.decode()) == ["deep"]


def test_a_conversation_whose_model_was_taken_away_goes_on_with_one_s_own_default(ada, ada_client):
    factories.model("gpt-4o", is_default=True)
    gone = factories.model("gone")
    turn = factories.ask(ada, model_name="gone")
    factories.end(turn)
    Model.objects.filter(pk=gone.pk).update(is_enabled=False)

    page = ada_client.get(turn.conversation.get_absolute_url()).content.decode()

    assert selected(page) == ["gpt-4o"]


def test_a_model_for_others_is_neither_shown_nor_taken(ada, ada_client):
    factories.model("gpt-4o", is_default=True)
    factories.model("deep").groups.add(Group.objects.create(name="Research"))

    assert "deep" not in picker(ada_client.get("/").content.decode())
    form = {"send_id": str(uuid.uuid4()), "text": "Hi", "model": "deep"}
    answer = ada_client.post("/send/", form)
    assert answer.status_code == 422
    assert "deep is not offered" in answer.content.decode()


def test_what_a_model_takes_is_told_in_a_line(ada_client):
    factories.model(
        "gpt-4o", description="Good <at> all", has_documents=True, has_tools=False, context_size=128000
    )

    page = picker(ada_client.get("/").content.decode())

    assert 'title="Good &lt;at&gt; all · Takes pictures, documents · 128 000 tokens"' in page
    assert "data-no-tools" in page


def test_another_model_of_hundreds_is_chosen_from_a_list(ada, ada_client, hundreds):
    turn = factories.ask(ada, model_name="gpt-4o-01")

    page = ada_client.get(f"/m/{turn.answer.public_id}/again/").content.decode()

    assert '<select name="model_name"' in page
    assert '<optgroup label="OpenAI">' in page


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("gpt-4o", "OpenAI"), ("o3-pro", "OpenAI"), ("chatgpt-4o-latest", "OpenAI"), ("codex-mini", "OpenAI"),
        ("claude-opus-4-1", "Anthropic"), ("anthropic/claude-3-haiku", "Anthropic"),
        ("gemini-2.5-pro", "Google"), ("gemma-3-27b", "Google"), ("qwen-plus", "Alibaba"),
        ("meta-llama/Llama-3-8b", "Meta"), ("Kimi-K2", "Moonshot"), ("grok-4", "xAI"),
        ("acme/large", "acme"), ("zebra", vendors.OTHERS), ("opus", vendors.OTHERS), ("/odd", vendors.OTHERS),
    ],
)  # fmt: skip
def test_a_name_tells_its_vendor(name, vendor):
    assert vendors.vendor_of(name) == vendor

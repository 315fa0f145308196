"""A key's model list after the first one: proposed, looked at, applied or not."""

from __future__ import annotations

import pytest

from conversations.models import AuditEntry, GatewayKey, KeyModel, Model, ModelProposal, ProposalState
from conversations.services import (
    catalog,
    gateway,
    key_settings,
    keys,
    model_lists,
    model_proposals,
    site_settings,
)
from conversations.services.errors import Refused
from tests import factories

MODELS = f"{factories.GATEWAY}/v1/models"


@pytest.fixture
def key(db, no_network):
    """A key that serves gpt-4o and old, by its first list."""
    key = factories.gateway_key("Team")
    tell(no_network, "gpt-4o", "old")
    catalog.sync_key(key)
    return key


def tell(no_network, *names: str, url: str = MODELS, **types: list[str]) -> None:
    entries = [{"id": name, "object": "model"} for name in names]
    entries += [{"id": name, "supported_endpoint_types": told} for name, told in types.items()]
    no_network.upsert("GET", url, json={"object": "list", "data": entries})


def served(key: GatewayKey) -> list[str]:
    return sorted(key.models.values_list("name", flat=True))


def enabled() -> set[str]:
    return set(Model.objects.filter(is_enabled=True).values_list("name", flat=True))


def proposed(key: GatewayKey, no_network, *names: str, **types: list[str]) -> ModelProposal:
    tell(no_network, *names, **types)
    catalog.sync_key(key)
    proposal = model_proposals.open_of(key)
    assert proposal is not None
    return proposal


def seen(proposal: ModelProposal) -> str:
    return model_lists.mark_of(model_proposals.differences(proposal))


def kinds(proposal: ModelProposal) -> dict[str, str]:
    return {row.name: row.kind.value for row in model_proposals.differences(proposal)}


# --- What is taken over by itself ------------------------------------------------------------------


def test_the_first_list_of_a_key_serves_at_once(key):
    assert served(key) == ["gpt-4o", "old"]
    assert enabled() == {"gpt-4o", "old"}
    assert not ModelProposal.objects.exists()


def test_a_later_list_changes_nothing_before_it_is_applied(key, no_network):
    tell(no_network, "gpt-4o", "new")

    result = catalog.sync_key(key)

    assert (result.new, result.gone, result.is_waiting) == (1, 1, True)
    assert "Nothing changes before it is applied" in result.sentence
    assert served(key) == ["gpt-4o", "old"]
    assert not Model.objects.filter(name="new").exists()
    assert kinds(model_proposals.open_of(key)) == {"new": "new", "old": "gone"}


def test_the_same_list_again_proposes_nothing(key):
    result = catalog.sync_key(key)

    assert not result.is_waiting
    assert "0 new, 0 gone" in result.sentence
    assert not ModelProposal.objects.exists()


@pytest.mark.parametrize("what", ["secret", "address"])
def test_the_first_list_after_another_secret_or_address_is_taken_over(key, no_network, what):
    if what == "secret":
        key_settings.change(key, changed=[], secret="sk-another-0123456789abcd")
        tell(no_network, "gpt-4o", "new")
    else:
        key.base_url = "http://other.test"
        key_settings.change(key, changed=["base_url"], secret=factories.SECRET)
        tell(no_network, "gpt-4o", "new", url="http://other.test/v1/models")

    catalog.sync_key(GatewayKey.objects.get())

    assert served(key) == ["gpt-4o", "new"]
    # The admins have chosen among these models before.
    assert "new" not in enabled()
    tell(no_network, "gpt-4o", url=f"{GatewayKey.objects.get().base_url}/v1/models")
    catalog.sync_key(GatewayKey.objects.get())
    assert served(key) == ["gpt-4o", "new"]


def test_another_gateway_with_none_of_the_models_is_usable_at_once(key, no_network):
    key_settings.change(key, changed=[], secret="sk-another-0123456789abcd")
    tell(no_network, "claude-sonnet-4-5", "dall-e-3")

    catalog.sync_key(GatewayKey.objects.get())

    assert [model.name for model in catalog.offered_models()] == ["claude-sonnet-4-5"]


def test_enabling_a_key_again_brings_no_model_that_nobody_has_seen(key, no_network):
    keys.disable(key)
    keys.enable(key)
    tell(no_network, "gpt-4o", "old", "new")

    catalog.sync_key(key)

    assert served(key) == ["gpt-4o", "old"]


def test_every_list_of_the_practice_gateway_is_taken_over(db, no_network):
    practice = keys.ensure_practice_key()
    gateway.set_practice_address("http://127.0.0.1:4321")
    url = "http://127.0.0.1:4321/v1/models"
    tell(no_network, "practice-echo", url=url)
    catalog.sync_key(practice)
    tell(no_network, "practice-echo", "practice-new", url=url)

    catalog.sync_key(practice)
    gateway.set_practice_address(None)

    assert served(practice) == ["practice-echo", "practice-new"]
    assert enabled() == {"practice-echo", "practice-new"}
    assert not AuditEntry.objects.filter(action="model.applied").exists()


def test_where_admins_want_it_lists_apply_by_themselves_and_new_models_come_disabled(key, no_network):
    site_settings.save({"apply_model_lists": True})
    tell(no_network, "gpt-4o", "new")

    result = catalog.sync_key(key, is_daily=True)

    assert not result.is_waiting
    assert served(key) == ["gpt-4o", "new"]
    assert "new" not in enabled()
    entry = AuditEntry.objects.filter(action="model.applied").latest("id")
    assert entry.changes == {"new": [None, "1: new"], "gone": [None, "1: old"]}


def test_a_failed_reading_keeps_everything_and_what_waits(key, no_network):
    proposal = proposed(key, no_network, "gpt-4o")
    no_network.upsert("GET", MODELS, status=502, body="bad gateway")

    result = catalog.sync_key(key)

    assert result.problem
    assert served(key) == ["gpt-4o", "old"]
    assert model_proposals.open_of(key) == proposal


def test_a_list_that_was_asked_for_with_the_old_secret_is_not_taken_over(key, no_network):
    def change(request):
        present = GatewayKey.objects.get()
        key_settings.change(present, changed=[], secret="sk-another-0123456789abcd")
        return 200, {}, '{"data": [{"id": "of-the-old-secret"}]}'

    no_network.remove("GET", MODELS)
    no_network.add_callback("GET", MODELS, callback=change)

    result = catalog.sync_key(key)

    assert "changed meanwhile" in result.problem
    assert served(key) == ["gpt-4o", "old"]
    # It is read again at once.
    assert GatewayKey.objects.get().synced_at is None


# --- What waits ------------------------------------------------------------------------------------


def test_a_newer_list_replaces_what_waits(key, no_network):
    first = proposed(key, no_network, "gpt-4o", "new")

    second = proposed(key, no_network, "gpt-4o", "newer")

    first.refresh_from_db()
    assert first.state == ProposalState.DISMISSED
    assert second.pk != first.pk
    with pytest.raises(Refused, match="decided already, or a newer list"):
        model_proposals.apply(first, by=None, seen=seen(first))


def test_what_waits_is_gone_when_nothing_differs_any_more(key, no_network):
    proposed(key, no_network, "gpt-4o")
    tell(no_network, "gpt-4o", "old")

    catalog.sync_key(key)

    assert model_proposals.open_of(key) is None


def test_what_an_admin_dismissed_does_not_come_back_daily_but_when_asked_for(key, ada, no_network):
    model_proposals.dismiss(proposed(key, no_network, "gpt-4o"), by=ada)

    assert not catalog.sync_key(key, is_daily=True).is_waiting
    assert model_proposals.open_of(key) is None
    assert catalog.sync_key(key).is_waiting
    assert model_proposals.open_of(key) is not None


def test_each_key_is_compared_with_its_own_list(key, no_network):
    other = factories.gateway_key("Other", base_url="http://other.test")
    no_network.get(
        "http://other.test/v1/models",
        json={"data": [{"id": "gpt-4o", "supported_endpoint_types": ["anthropic"]}]},
    )
    catalog.sync_key(other)
    assert Model.objects.get(name="gpt-4o").endpoint_types == ["anthropic"]

    assert not catalog.sync_key(key).is_waiting
    assert not catalog.sync_key(other).is_waiting


def test_only_ten_of_a_key_s_lists_are_kept(key, no_network):
    for number in range(13):
        tell(no_network, "gpt-4o", "old", f"new-{number}")
        catalog.sync_key(key)

    assert ModelProposal.objects.count() == 10
    assert model_proposals.open_of(key).listed[-1]["name"] == "new-12"


# --- Applying --------------------------------------------------------------------------------------


def test_applied_all_of_it_holds_and_new_models_come_disabled_but_for_those_that_are_ticked(
    key, ada, no_network
):
    proposal = proposed(key, no_network, "new-1", "new-2", **{"gpt-4o": ["openai", "openai-response"]})
    assert kinds(proposal) == {"gpt-4o": "changed", "new-1": "new", "new-2": "new", "old": "gone"}

    counts = model_proposals.apply(proposal, by=ada, seen=seen(proposal), enable=["new-2"])

    assert (counts.new, counts.changed, counts.gone) == (2, 1, 1)
    assert served(key) == ["gpt-4o", "new-1", "new-2"]
    assert {"new-1", "new-2"} & enabled() == {"new-2"}
    assert Model.objects.get(name="gpt-4o").endpoint_types == ["openai", "openai-response"]
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_by) == (ProposalState.APPLIED, ada)
    entry = AuditEntry.objects.filter(action="model.applied").latest("id")
    assert (entry.actor_name, entry.subject_name) == ("ada", "Team")
    assert entry.changes["new"] == [None, "2: new-1, new-2"]
    assert entry.changes["enabled"] == [None, "1: new-2"]
    assert not catalog.sync_key(key).is_waiting


def test_what_was_not_chosen_goes_on_waiting(key, ada, no_network):
    proposal = proposed(key, no_network, "gpt-4o", "new-1", "new-2")

    model_proposals.apply(proposal, by=ada, seen=seen(proposal), names=["new-1"])

    assert served(key) == ["gpt-4o", "new-1", "old"]
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.OPEN
    assert kinds(proposal) == {"new-2": "new", "old": "gone"}


def test_of_two_admins_at_once_one_wins(key, ada, bob, no_network):
    proposal = proposed(key, no_network, "gpt-4o", "new-1", "new-2")
    looked_at = seen(proposal)
    model_proposals.apply(proposal, by=ada, seen=looked_at, names=["new-1"])

    with pytest.raises(Refused, match="look at what differs now"):
        model_proposals.apply(proposal, by=bob, seen=looked_at, names=["new-2", "old"])
    assert served(key) == ["gpt-4o", "new-1", "old"]

    model_proposals.dismiss(proposal, by=ada)
    with pytest.raises(Refused, match="decided already"):
        model_proposals.apply(proposal, by=bob, seen=seen(proposal))
    with pytest.raises(Refused, match="decided already"):
        model_proposals.dismiss(proposal, by=bob)


def test_a_list_of_another_secret_is_not_applied(key, ada, no_network):
    proposal = proposed(key, no_network, "gpt-4o")
    key_settings.change(key, changed=[], secret="sk-another-0123456789abcd")

    with pytest.raises(Refused, match="read anew"):
        model_proposals.apply(proposal, by=ada, seen=seen(proposal))
    assert served(key) == ["gpt-4o", "old"]


def test_nothing_chosen_is_refused(key, ada, no_network):
    proposal = proposed(key, no_network, "gpt-4o")

    with pytest.raises(Refused, match="Choose at least one"):
        model_proposals.apply(proposal, by=ada, seen=seen(proposal), names=["made-up"])


def test_what_the_key_is_not_allowed_is_no_difference(key, no_network):
    proposal = proposed(key, no_network, "gpt-4o", "old", "new")
    GatewayKey.objects.update(only_models=["gpt-4o", "old"])

    assert kinds(ModelProposal.objects.get(pk=proposal.pk)) == {}


def test_a_model_added_by_hand_is_never_gone(key, no_network):
    factories.model("my-own", key=key)

    assert kinds(proposed(key, no_network, "gpt-4o")) == {"old": "gone"}


def test_a_model_added_by_hand_that_the_list_has_now_is_the_gateway_s_once_applied(key, ada, no_network):
    factories.model("my-own", key=key)
    proposal = proposed(key, no_network, "gpt-4o", "old", "my-own")
    assert kinds(proposal) == {"my-own": "changed"}
    assert not catalog.is_synced(Model.objects.get(name="my-own"))

    model_proposals.apply(proposal, by=ada, seen=seen(proposal))

    assert catalog.is_synced(Model.objects.get(name="my-own"))


def test_a_model_that_another_key_serves_keeps_what_was_set_of_it(key, ada, no_network):
    factories.model("shared", key=factories.gateway_key("Other"), display_name="Ours", endpoint_types=[])
    proposal = proposed(key, no_network, "gpt-4o", "old", "shared")

    model_proposals.apply(proposal, by=ada, seen=seen(proposal))

    shared = Model.objects.get(name="shared")
    assert (shared.display_name, shared.is_enabled) == ("Ours", True)
    assert KeyModel.objects.filter(model=shared).count() == 2


@pytest.mark.parametrize("count", [1, 600])
def test_applying_hundreds_takes_few_queries(key, ada, no_network, count, django_assert_max_num_queries):
    proposal = proposed(key, no_network, "gpt-4o", "old", *[f"new-{number}" for number in range(count)])
    with django_assert_max_num_queries(2):
        looked_at = seen(proposal)

    with django_assert_max_num_queries(34):
        model_proposals.apply(proposal, by=ada, seen=looked_at)

    assert len(served(key)) == 2 + count

"""The site's settings in the panel."""

from __future__ import annotations

import pytest
from django.test import Client

from conversations.models import AuditEntry, Setting
from conversations.services import site_settings
from conversations.services.errors import Refused

PAGE = "/admin/settings/"


def filled(**changed: object) -> dict[str, object]:
    """Return the page's form as a browser sends it; None and switches that are off are not sent."""
    values = site_settings.values() | changed
    return {name: value for name, value in values.items() if value not in (None, False)}


def test_a_switch_is_stored_told_and_on_record(staff_client: Client) -> None:
    assert 'name="temporary_conversations"' in staff_client.get(PAGE).content.decode()

    answer = staff_client.post(PAGE, filled(temporary_conversations=None), follow=True)

    assert "Saved: Temporary conversations" in answer.content.decode()
    assert site_settings.value_of(site_settings.TEMPORARY) is False
    entry = AuditEntry.objects.get(action="setting.changed")
    assert entry.changes == {"Temporary conversations": [True, False]}


def test_saving_the_same_again_changes_nothing(staff_client: Client) -> None:
    answer = staff_client.post(PAGE, filled(), follow=True)

    assert "Nothing was changed." in answer.content.decode()
    assert not AuditEntry.objects.filter(action="setting.changed").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("stored", ["yes", 1, [], {"a": 1}])
def test_what_cant_be_read_counts_as_the_default(stored: object) -> None:
    Setting.objects.create(name=site_settings.TEMPORARY.name, value=stored)

    assert site_settings.value_of(site_settings.TEMPORARY) is True
    assert site_settings.values()[site_settings.TEMPORARY.name] is True


@pytest.mark.django_db
def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(Refused):
        site_settings.save({site_settings.TEMPORARY.name: "perhaps"})

    assert not Setting.objects.filter(name=site_settings.TEMPORARY.name).exists()

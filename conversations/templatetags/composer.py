"""What the composer's form carries besides its words."""

from __future__ import annotations

from django import template

from conversations.models import User
from conversations.services import pending_sends

register = template.Library()


@register.simple_tag
def author_field(user: User) -> str:
    """Return the signed field that names the form's author, for a send that meets an ended sign-in."""
    return pending_sends.sign(user) if user.is_authenticated else ""

"""The sign-in form."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    """Django's own, with a sentence that does not tell which of the two was wrong."""

    error_messages = {
        "invalid_login": "This username and password don't belong together.",
        "inactive": "This username and password don't belong together.",
    }

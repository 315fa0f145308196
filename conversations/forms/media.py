"""What a person may attach."""

from __future__ import annotations

from django import forms


class UploadForm(forms.Form):
    file = forms.FileField(
        error_messages={
            "required": "No picture arrived. Choose it again.",
            "missing": "No picture arrived. Choose it again.",
            "invalid": "No picture arrived. Choose it again.",
            "empty": "This file is empty.",
        }
    )


class AddressForm(forms.Form):
    # Its rules are services.files.store_address's, so that no other door has other ones.
    url = forms.CharField(
        label="Picture address",
        error_messages={
            "required": "Write the address of a picture.",
            "null_characters_not_allowed": "This address holds a sign that no address may hold.",
        },
    )

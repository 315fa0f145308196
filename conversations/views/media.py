"""Pictures: in as drafts, out to those who may read what carries them."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.media import AddressForm, UploadForm
from conversations.models import Attachment
from conversations.services import access, files, stored_files
from conversations.services.errors import Refused
from conversations.services.pictures import THUMBNAIL_TYPE
from conversations.views.htmx import HtmxRequest, fragment


@fragment
@require_POST
def upload(request: HtmxRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _refuse(_first_error(form))
    picture = form.cleaned_data["file"]
    try:
        attachment = files.store_picture(request.user, upload=picture, name=picture.name)
    except Refused as refusal:
        return _refuse(str(refusal))
    return _draft(request, attachment)


@fragment
@require_POST
def attach_address(request: HtmxRequest) -> HttpResponse:
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _refuse(_first_error(form))
    try:
        attachment = files.store_address(request.user, form.cleaned_data["url"])
    except Refused as refusal:
        return _refuse(str(refusal))
    return _draft(request, attachment)


@require_safe
def attachment(request: HtmxRequest, public_id: UUID) -> FileResponse:
    return _bytes(access.attachment_for(request.user, public_id))


@require_safe
def thumbnail(request: HtmxRequest, public_id: UUID) -> FileResponse:
    return _bytes(access.attachment_for(request.user, public_id), thumbnail=True)


@fragment
@require_POST
def remove_attachment(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    attachment = access.attachment_for(request.user, public_id)
    try:
        files.remove_draft(request.user, attachment.public_id)
    except Refused as refusal:
        return _refuse(str(refusal))
    return HttpResponse(status=200)


def _draft(request: HtmxRequest, attachment: Attachment) -> HttpResponse:
    return render(request, "conversations/partials/_attachment.html", {"attachment": attachment}, status=201)


def _refuse(sentence: str) -> HttpResponse:
    return HttpResponse(sentence, status=422, content_type="text/plain; charset=utf-8")


def _first_error(form: forms.Form) -> str:
    return str(next(iter(form.errors.values()))[0])


def _bytes(attachment: Attachment, *, thumbnail: bool = False) -> FileResponse:
    """Answer with what is stored, so that no browser takes it for anything but a picture.

    Raises Http404 for an address, which holds no bytes, and where the storage has lost them.
    """
    opened = attachment.file and stored_files.open_picture(attachment.file, thumbnail=thumbnail)
    if not attachment.file or not opened:
        raise Http404
    stored, name = attachment.file, "" if thumbnail else attachment.name
    media_type = THUMBNAIL_TYPE if thumbnail else stored.media_type
    response = FileResponse(opened, filename=name, content_type=media_type)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store, private"
    return response

"""Where an upload ends: a file of gigabytes is not first written to the disk and then refused."""

from __future__ import annotations

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler


class BoundedUpload(FileUploadHandler):
    """Let go of what is more than a picture may have; what is left is over the limit, and refused in words.

    Stands in FILE_UPLOAD_HANDLERS before Django's own handlers.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._taken = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self._taken += len(raw_data)
        limit: int = settings.ATTACHMENT_MAX_BYTES
        if start > limit or self._taken > limit * settings.ATTACHMENT_MAX_PER_MESSAGE + self.chunk_size:
            return None
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None  # the handlers behind this one have the file

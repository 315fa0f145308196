"""Bytes on the disk: whole or not at all, once for everybody, and gone when nobody uses them."""

from __future__ import annotations

import errno
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.utils import timezone

from conversations.models import Attachment, StoredFile, User
from conversations.services import files, stored_files
from conversations.services.errors import Refused
from tests import factories
from tests.services.pictures import picture, store, written


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


class FullDisk(FileSystemStorage):
    """Writes a little, then has no room: for the first file, or only for the second one."""

    room = 0

    def _save(self, name, content):
        if self.room:
            self.room -= 1
            return super()._save(name, content)
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_two_people_with_the_same_picture_share_its_bytes(ada, bob, media):
    first, second, third = store(ada), store(bob), store(ada, name="again.png")

    assert first.file == second.file == third.file
    assert StoredFile.objects.count() == 1
    assert len(written(media)) == 2


def test_bytes_that_were_lost_come_back_with_the_next_upload(ada, media):
    first = store(ada)
    for path in written(media):
        path.unlink()

    second = store(ada)

    assert second.file == first.file
    second.file.refresh_from_db()
    assert stored_files.is_whole(second.file)
    assert len(written(media)) == 2


@pytest.mark.parametrize("room", [0, 1])
def test_a_full_disk_leaves_nothing_behind(ada, media, settings, room, caplog):
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "tests.services.test_stored_files.FullDisk"}
    }
    default_storage.room = room

    with pytest.raises(Refused, match="could not store this picture"):
        store(ada)

    assert not written(media)
    assert not StoredFile.objects.exists()
    assert not Attachment.objects.exists()
    assert "No space left on device" in caplog.text


def test_a_row_that_cannot_be_written_leaves_no_bytes(ada, media, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("the database is away")

    monkeypatch.setattr(Attachment.objects, "create", refuse)

    with pytest.raises(RuntimeError):
        store(ada)

    assert not written(media)
    assert not StoredFile.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_picture_at_the_same_moment_is_one_file(media, settings):
    settings.ATTACHMENT_MAX_DRAFTS = 3
    people = [factories.person(name) for name in ("ada", "bob", "cleo", "dan")]
    barrier = threading.Barrier(4)
    made: list[Attachment] = []

    def upload(person: User) -> None:
        try:
            barrier.wait()
            made.append(store(person, picture("PNG", (300, 300))))
        finally:
            connection.close()

    threads = [threading.Thread(target=upload, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 4
    assert StoredFile.objects.count() == 1
    assert len(written(media)) == 2
    assert stored_files.is_whole(StoredFile.objects.get())


def test_files_that_nobody_uses_go_after_an_hour_with_their_bytes(ada, media):
    used, unused, fresh = (store(ada, picture("PNG", (side, side))) for side in (20, 30, 40))
    StoredFile.objects.exclude(pk=fresh.file.pk).update(created_at=timezone.now() - timedelta(hours=2))
    unused.delete()
    fresh.delete()

    assert files.remove_unused_files() == 1

    assert set(StoredFile.objects.all()) == {used.file, fresh.file}
    assert len(written(media)) == 4
    assert files.remove_unused_files() == 0


def test_bytes_that_no_row_names_go_too(ada, media):
    kept = store(ada)
    stray = media / "files" / "ab" / "stray.png"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"half a picture")

    assert stored_files.remove_strays(before=timezone.now() - timedelta(hours=1)) == 0
    assert stored_files.remove_strays(before=timezone.now() + timedelta(seconds=5)) == 1

    assert not stray.exists()
    assert stored_files.is_whole(kept.file)


def test_bytes_that_go_while_we_look_are_no_trouble(ada, monkeypatch):
    store(ada)

    def refuse(name):
        raise FileNotFoundError

    monkeypatch.setattr(default_storage, "get_modified_time", refuse)

    assert stored_files.remove_strays(before=timezone.now() + timedelta(days=1)) == 0


def test_nothing_to_tidy_is_no_trouble(db):
    assert files.remove_unused_files() == 0


def test_bytes_that_cannot_be_removed_are_told_to_the_admin(ada, monkeypatch, caplog):
    draft = store(ada)

    def refuse(name):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(default_storage, "delete", refuse)
    stored_files.erase(draft.file)

    assert "Permission denied" in caplog.text


def test_a_file_that_is_used_again_in_the_same_moment_stays(ada, monkeypatch):
    draft = store(ada)
    StoredFile.objects.update(created_at=timezone.now() - timedelta(hours=2))
    monkeypatch.setattr(
        StoredFile.objects, "filter", lambda **_: StoredFile.objects.all()
    )  # as if it had looked unused a moment ago

    assert stored_files.remove_unused(before=timezone.now()) == 0
    assert stored_files.is_whole(draft.file)


def test_a_file_that_was_tidied_up_during_an_upload_is_asked_for_again(ada, monkeypatch):
    store(ada).delete()
    real = stored_files.is_whole

    def is_whole(stored):
        StoredFile.objects.all().delete()
        return real(stored)

    monkeypatch.setattr(stored_files, "is_whole", is_whole)

    with pytest.raises(Refused, match="Attach the picture again"):
        store(ada)

from __future__ import annotations

import pytest

from ktrdr.errors import BundleTooLarge
from ktrdr.exchange import Uploads
from ktrdr.exchange.uploads import ABANDONED_S


def test_what_comes_can_be_read_while_it_is_looked_at_and_is_gone_afterwards(tmp_path):
    with Uploads(tmp_path / "uploads").receiving() as upload:
        upload.write(b"first, ")
        upload.write(b"second")
        assert upload.path.read_bytes() == b"first, second"
    assert list((tmp_path / "uploads").iterdir()) == []


def test_it_is_gone_when_looking_at_it_failed(tmp_path):
    with pytest.raises(ValueError, match="wrong"), Uploads(tmp_path).receiving() as upload:
        upload.write(b"x")
        raise ValueError("wrong")
    assert list(tmp_path.iterdir()) == []


def test_more_than_the_limit_is_refused_when_it_is_announced_and_when_it_comes(tmp_path):
    uploads = Uploads(tmp_path, max_size=10)
    with pytest.raises(BundleTooLarge, match="10 bytes"), uploads.receiving(11):
        raise AssertionError
    with uploads.receiving(10) as upload:
        upload.write(bytes(10))
        with pytest.raises(BundleTooLarge):
            upload.write(b"x")
        assert upload.path.stat().st_size == 10


def test_what_a_killed_process_left_is_removed_by_a_later_upload_and_one_under_way_is_not(tmp_path):
    left = tmp_path / "left.zip"
    left.write_bytes(b"x")
    now_s = left.stat().st_mtime
    for later_s, is_there in ((ABANDONED_S - 1, True), (ABANDONED_S + 1, False)):
        with Uploads(tmp_path, now_s=lambda later_s=later_s: now_s + later_s).receiving():
            assert left.exists() is is_there

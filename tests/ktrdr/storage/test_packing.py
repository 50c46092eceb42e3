import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
from dataclasses import replace

import pytest

from ktrdr.errors import StorageError
from ktrdr.storage import MAX_RAW_SIZE, Encoding, pack
from ktrdr.storage.encodings import decoded, encoding_of, raw_size_of
from tests.fakes.artifacts import trained_artifact

NAMES = ["model.pt", "config.json", "metrics.json", "features.json", "metadata.json"]


@pytest.fixture(params=list(Encoding))
def encoding(request):
    return request.param


def test_a_blob_says_its_encoding_and_its_size_before_compression(encoding):
    packed = pack(trained_artifact(), encoding)
    assert packed.encoding is encoding_of(packed.blob) is encoding
    assert raw_size_of(packed.blob) == packed.raw_size == len(b"".join(decoded(packed.blob)))
    assert packed.packed_size == len(packed.blob)
    assert packed.sha256 == hashlib.sha256(packed.blob).hexdigest()


def test_gzip_is_what_is_packed_unless_another_is_asked_for():
    packed = pack(trained_artifact())
    assert packed.encoding is Encoding.GZIP
    assert len(gzip.decompress(packed.blob)) == packed.raw_size


def test_the_same_artifact_packs_to_the_same_bytes(encoding):
    blob = bytes(pack(trained_artifact(), encoding).blob)
    assert bytes(pack(trained_artifact(), encoding).blob) == blob
    assert bytes(pack(trained_artifact(seed=1), encoding).blob) != blob


def test_what_is_packed_cannot_be_changed(encoding):
    with pytest.raises(ValueError, match="read-only"):
        pack(trained_artifact(), encoding).blob[0] = 1


def test_tar_reads_what_is_packed(encoding):
    artifact = trained_artifact()
    with tarfile.open(fileobj=io.BytesIO(b"".join(decoded(pack(artifact, encoding).blob)))) as archive:
        assert archive.getnames() == NAMES
        assert archive.extractfile("model.pt").read() == bytes(artifact.weights)


def test_a_value_that_json_cannot_carry_is_refused_by_file():
    with pytest.raises(StorageError, match=r"metrics\.json"):
        pack(trained_artifact(metrics={"loss": float("nan")}))


def test_weights_beyond_the_limit_are_refused_unread():
    class Large:
        size = MAX_RAW_SIZE

    artifact = replace(trained_artifact(), weights=Large())
    with pytest.raises(StorageError, match=r"at most 2,147,483,648 can be stored"):
        pack(artifact)


def test_a_document_that_could_not_be_read_back_is_not_packed():
    with pytest.raises(StorageError, match=r"metrics\.json is 67,[0-9,]+ bytes; at most 67,108,864"):
        pack(trained_artifact(metrics={"epochs": "7" * 64 * 1024**2}))


def test_packing_and_unpacking_need_no_torch():
    code = "import sys; from ktrdr.storage import pack, unpack, ModelVersion; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

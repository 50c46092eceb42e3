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


def test_documents_that_could_not_be_read_back_are_not_packed():
    too_large, too_many = {"epochs": "7" * 16 * 1024**2}, {"epochs": [[]] * 100_000}
    for metrics, said in ((too_large, "metrics.json is 16,7"), (too_many, "With metrics.json .* lists and objects")):
        with pytest.raises(StorageError, match=said):
            pack(trained_artifact(metrics=metrics))


def test_packing_and_unpacking_need_no_torch():
    code = "import sys; from ktrdr.storage import pack, unpack, ModelVersion; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_probe_of_long_windows_and_ten_thousand_epochs_fit():
    windows = [[[index / 7 for index in range(200)]] * 100] * 10
    artifact = trained_artifact(metrics={"losses": [[index / 7] * 5 for index in range(10_000)]})
    features = {**artifact.features, "probe": {"rows": windows, "outputs": [[0.1] * 3] * 10}}
    assert pack(replace(artifact, features=features)).raw_size > 5_000_000

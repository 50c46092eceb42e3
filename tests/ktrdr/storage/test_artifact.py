import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tracemalloc
from dataclasses import replace

import pytest

from ktrdr.errors import RequestError, StorageError
from ktrdr.storage import pack, raw_size_of, unpack
from tests.fakes.artifacts import trained_artifact


def sealed(raw):
    blob = gzip.compress(raw)
    return blob, hashlib.sha256(blob).hexdigest()


def members_of(packed):
    with tarfile.open(fileobj=io.BytesIO(packed.blob), mode="r:gz") as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]


def tar_of(members, kind=tarfile.USTAR_FORMAT):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def changed(change):
    """Seal the members of a good artifact after `change`."""
    members = members_of(pack(trained_artifact()))
    return sealed(tar_of(change(members), tarfile.PAX_FORMAT))


def renamed(members, name):
    members[1][0].name = name
    return members


def typed(members, kind):
    members[0][0].type, members[0][0].linkname = kind, "/etc/passwd"
    return members


def test_a_blob_says_its_size_before_compression():
    packed = pack(trained_artifact())
    assert raw_size_of(packed.blob) == packed.raw_size


def test_what_is_packed_unpacks_to_the_same_artifact():
    artifact = trained_artifact(symbols=("^GSPC", "EUR/USD"))
    packed = pack(artifact)
    assert unpack(packed.blob, packed.sha256) == artifact
    assert packed.packed_size == len(packed.blob)
    assert packed.raw_size == len(gzip.decompress(packed.blob))
    assert packed.sha256 == hashlib.sha256(packed.blob).hexdigest()


def test_the_same_artifact_packs_to_the_same_bytes():
    assert pack(trained_artifact()).blob == pack(trained_artifact()).blob
    assert pack(trained_artifact()).blob != pack(trained_artifact(seed=1)).blob


def test_tar_reads_what_is_packed():
    names = [member.name for member, _ in members_of(pack(trained_artifact()))]
    assert names == ["model.pt", "config.json", "metrics.json", "features.json", "metadata.json"]


def test_a_changed_byte_is_refused_by_checksum():
    packed = pack(trained_artifact())
    blob = bytearray(packed.blob)
    blob[len(blob) // 2] ^= 1
    with pytest.raises(StorageError, match="SHA-256"):
        unpack(bytes(blob), packed.sha256)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_blob_cut_short_is_refused(share):
    blob = pack(trained_artifact()).blob
    blob = blob[: int(len(blob) * share)]
    with pytest.raises(StorageError, match="cut short"):
        unpack(blob, hashlib.sha256(blob).hexdigest())


def test_a_blob_that_unpacks_beyond_the_limit_is_refused_before_it_is_unpacked():
    blob, sha256 = sealed(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(StorageError, match="more than 1,000,000 bytes"):
            unpack(blob, sha256, max_raw_size=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_itself_is_allowed():
    packed = pack(trained_artifact())
    unpack(packed.blob, packed.sha256, max_raw_size=packed.raw_size)
    with pytest.raises(StorageError, match="more than"):
        unpack(packed.blob, packed.sha256, max_raw_size=packed.raw_size - 1)


def test_bytes_after_the_end_are_refused():
    blob = pack(trained_artifact()).blob + b"more"
    with pytest.raises(StorageError, match="after its end"):
        unpack(blob, hashlib.sha256(blob).hexdigest())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda members: renamed(members, "../config.json"), "does not belong"),
        (lambda members: renamed(members, "/config.json"), "does not belong"),
        (lambda members: renamed(members, "run.py"), "does not belong"),
        (lambda members: renamed(members, "c" * 300), "does not belong"),
        (lambda members: renamed(members, "model.pt"), "does not belong"),
        (lambda members: typed(members, tarfile.SYMTYPE), "does not belong"),
        (lambda members: typed(members, tarfile.LNKTYPE), "does not belong"),
        (lambda members: typed(members, tarfile.FIFOTYPE), "does not belong"),
        (lambda members: typed(members, tarfile.GNUTYPE_SPARSE), "does not belong"),
        (lambda members: typed(members, tarfile.DIRTYPE), "does not belong"),
        (lambda members: members[:-1], "lacks metadata.json"),
        (lambda members: [], "lacks model.pt"),
    ],
)
def test_members_that_pack_does_not_write_are_refused(change, said):
    with pytest.raises(StorageError, match=said):
        unpack(*changed(change))


def header(size):
    """A header of model.pt whose size field reads `size`."""
    member = tarfile.TarInfo("model.pt")
    block = bytearray(member.tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "size",
    [b"\xff" * 11 + b"\x00", b"\xff" * 12, b"\x80" + b"\xff" * 11, b"77777777777\0"],
    ids=["negative", "minus one", "huge", "8 GiB"],
)
@pytest.mark.timeout(10)
def test_a_size_that_cannot_be_is_refused(size):
    with pytest.raises(StorageError, match="cut short"):
        unpack(*sealed(header(size) + bytes(1024)))


@pytest.mark.parametrize("raw", [b"", b"\0" * 1024, b"not a tar" * 200, header(b"00000000000\0")[:300]])
def test_what_is_no_archive_is_refused(raw):
    with pytest.raises(StorageError):
        unpack(*sealed(raw))


def with_text(file, text):
    def change(members):
        replaced = []
        for member, content in members:
            new = text if member.name == file else content
            member.size = len(new)
            replaced.append((member, new))
        return replaced

    return change


@pytest.mark.parametrize("file", ["config.json", "metrics.json", "features.json", "metadata.json"])
@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"a": NaN}', b'{"a": 1e999, "b": Infinity}', b"\xff\xfe", b"[" * 100_000], ids=str
)
def test_a_file_that_is_no_json_object_is_refused_by_name(file, text):
    with pytest.raises(StorageError, match=file):
        unpack(*changed(with_text(file, text)))


@pytest.mark.parametrize(
    "text",
    [
        b'{"strategy": "../x", "symbols": ["A"], "timeframe": "1d"}',
        b'{"strategy": "x", "symbols": ["../A"], "timeframe": "1d"}',
        b'{"strategy": "x", "symbols": [1], "timeframe": "1d"}',
        b'{"strategy": "x", "symbols": "A", "timeframe": "1d"}',
        b'{"strategy": "x", "symbols": ["A"]}',
        b'{"strategy": "x", "symbols": ["A"], "timeframe": "1d", "model_id": "x/A_1d_v7"}',
    ],
)
def test_metadata_that_misnames_the_model_is_refused(text):
    with pytest.raises(StorageError, match="metadata"):
        unpack(*changed(with_text("metadata.json", text)))


@pytest.mark.parametrize("changes", [{"strategy": ".."}, {"symbols": ("a/../..\x00",)}, {"timeframe": "/"}])
def test_an_artifact_with_a_bad_name_cannot_be_made(changes):
    with pytest.raises(RequestError):
        replace(trained_artifact(), **changes)


@pytest.mark.parametrize("key", ["model_id", "version", "created_at", "strategy", "symbols", "operation_id"])
def test_metadata_may_not_carry_what_the_store_fills_in(key):
    with pytest.raises(StorageError, match=key):
        trained_artifact(metadata={key: "mine"})


def test_a_value_that_json_cannot_carry_is_refused_by_file():
    with pytest.raises(StorageError, match=r"metrics\.json"):
        pack(trained_artifact(metrics={"loss": float("nan")}))


def test_packing_and_unpacking_need_no_torch():
    code = "import sys; from ktrdr.storage import pack, unpack, ModelVersion; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

import hashlib
import io
import struct
import tarfile
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from ktrdr.errors import DamagedArtifact
from ktrdr.storage import MAX_PACKED_SIZE, Encoding, pack, unpack
from ktrdr.storage.encodings import decoded, encoder, raw_size_of
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import QuickFiles


@pytest.fixture(params=list(Encoding))
def encoding(request):
    return request.param


@pytest.fixture
def unpacked(tmp_path):
    """Unpack into a folder of the test's own."""
    return lambda blob, sha256, **limits: unpack(blob, sha256, tmp_path, QuickFiles(), **limits)


def sha256_of(blob):
    return hashlib.sha256(blob).hexdigest()


def sealed(raw, encoding=Encoding.GZIP):
    blob = io.BytesIO()
    into = encoder(encoding, blob, len(raw))
    into.write(raw)
    into.close()
    return blob.getvalue(), sha256_of(blob.getvalue())


def members_of(packed):
    with tarfile.open(fileobj=io.BytesIO(b"".join(decoded(packed.blob)))) as archive:
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


def with_fields(artifact):
    """Return what can be compared of an artifact, wherever its weights lie."""
    weights = io.BytesIO()
    artifact.weights.write_to(weights)
    assert artifact.weights.size == len(weights.getvalue())
    return replace(artifact, weights=None), weights.getvalue()


def test_what_is_packed_unpacks_to_the_same_artifact(encoding, unpacked, tmp_path):
    artifact = trained_artifact(symbols=("^GSPC", "EUR/USD"))
    packed = pack(artifact, encoding)
    back = unpacked(packed.blob, packed.sha256)
    assert with_fields(back) == with_fields(artifact)
    assert back.weights.path.read_bytes() == bytes(artifact.weights)
    assert back.weights.entry.sha256 == sha256_of(bytes(artifact.weights))
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_blob_may_be_anything_that_holds_bytes(encoding, unpacked, kind):
    packed = pack(trained_artifact(), encoding)
    assert unpacked(kind(packed.blob), packed.sha256).metadata == trained_artifact().metadata


def test_a_changed_byte_is_refused_by_checksum(encoding, unpacked, tmp_path):
    packed = pack(trained_artifact(), encoding)
    blob = bytearray(packed.blob)
    blob[len(blob) // 2] ^= 1
    with pytest.raises(DamagedArtifact, match="SHA-256"):
        unpacked(bytes(blob), packed.sha256)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_blob_cut_short_is_refused(encoding, unpacked, share):
    blob = pack(trained_artifact(), encoding).blob
    blob = blob[: int(len(blob) * share)]
    with pytest.raises(DamagedArtifact, match="cut short"):
        unpacked(blob, sha256_of(blob))


def test_a_blob_cut_anywhere_near_its_ends_is_refused(encoding, tmp_path):
    blob = bytes(pack(trained_artifact(), encoding).blob)
    for n_bytes in (*range(1, 30), *range(len(blob) - 30, len(blob))):
        cut = blob[:n_bytes]
        (tmp_path / str(n_bytes)).mkdir()
        with pytest.raises(DamagedArtifact, match="cut short"):
            unpack(cut, sha256_of(cut), tmp_path / str(n_bytes), QuickFiles())


def test_a_blob_that_unpacks_beyond_the_limit_is_refused_before_it_is_unpacked(encoding, unpacked):
    blob, sha256 = sealed(bytes(50_000_000), encoding)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedArtifact, match="more than 1,000,000 bytes"):
            unpacked(blob, sha256, max_raw_size=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_itself_is_allowed(encoding, unpacked, tmp_path):
    packed = pack(trained_artifact(), encoding)
    unpacked(packed.blob, packed.sha256, max_raw_size=packed.raw_size)
    (tmp_path / "model.pt").unlink()
    with pytest.raises(DamagedArtifact, match="more than"):
        unpacked(packed.blob, packed.sha256, max_raw_size=packed.raw_size - 1)


def test_bytes_after_the_end_are_refused(encoding, unpacked):
    blob = bytes(pack(trained_artifact(), encoding).blob) + b"more"
    with pytest.raises(DamagedArtifact, match="after its end"):
        unpacked(blob, sha256_of(blob))


def test_a_second_blob_after_the_end_is_refused(encoding, unpacked):
    blob = bytes(pack(trained_artifact(), encoding).blob) * 2
    with pytest.raises(DamagedArtifact, match="after its end"):
        unpacked(blob, sha256_of(blob))


def test_a_blob_beyond_the_limit_is_refused_before_its_checksum_is_computed(unpacked):
    blob = np.zeros(MAX_PACKED_SIZE + 1, np.uint8)  # never written, so it takes no memory
    with pytest.raises(DamagedArtifact, match="2,147,483,649 bytes; at most 2,147,483,648"):
        unpacked(blob, "0" * 64)


def test_a_blob_in_no_known_encoding_is_refused(unpacked):
    blob = b"BZh91AY&SY and so on, at some length"
    with pytest.raises(DamagedArtifact, match="not known here"):
        unpacked(blob, sha256_of(blob))


@pytest.mark.parametrize("at", [20, 21])
def test_damage_that_the_checksum_vouches_for_is_refused(encoding, unpacked, at):
    blob = bytearray(pack(trained_artifact(), encoding).blob)
    blob[at] ^= 0xFF
    with pytest.raises(DamagedArtifact):
        unpacked(bytes(blob), sha256_of(blob))


@pytest.mark.parametrize("claimed", [-512, 512, 2**63])
def test_a_raw_size_that_is_not_so_is_refused(unpacked, claimed):
    packed = pack(trained_artifact(), Encoding.ZSTD)
    size = raw_size_of(packed.blob) + claimed
    blob = bytes(packed.blob[:8]) + struct.pack("<Q", size) + bytes(packed.blob[16:])
    with pytest.raises(DamagedArtifact):
        unpacked(blob, sha256_of(blob))


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
def test_members_that_pack_does_not_write_are_refused(unpacked, change, said):
    with pytest.raises(DamagedArtifact, match=said):
        unpacked(*changed(change))


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
def test_a_size_that_cannot_be_is_refused(unpacked, size):
    with pytest.raises(DamagedArtifact, match="cut short"):
        unpacked(*sealed(header(size) + bytes(1024)))


@pytest.mark.parametrize("raw", [b"", b"\0" * 1024, b"not a tar" * 200, header(b"00000000000\0")[:300]])
def test_what_is_no_archive_is_refused(unpacked, raw):
    with pytest.raises(DamagedArtifact):
        unpacked(*sealed(raw))


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
    "text", [b"", b"[]", b"{", b'{"a": NaN}', b'{"a": 1e999, "b": Infinity}', b"\xff\xfe", b"[" * 50_000], ids=str
)
def test_a_file_that_is_no_json_object_is_refused_by_name(unpacked, file, text):
    with pytest.raises(DamagedArtifact, match=file):
        unpacked(*changed(with_text(file, text)))


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
def test_metadata_that_misnames_the_model_is_refused(unpacked, text):
    with pytest.raises(DamagedArtifact, match="metadata"):
        unpacked(*changed(with_text("metadata.json", text)))


def test_a_document_too_large_to_be_held_is_refused_unread(unpacked):
    member = tarfile.TarInfo("config.json")
    member.size = 17 * 1024**2
    raw = member.tobuf(tarfile.USTAR_FORMAT) + b" " * member.size
    with pytest.raises(DamagedArtifact, match=r"config\.json is 17,825,792 bytes; at most 16,777,216"):
        unpacked(*sealed(raw))


@pytest.mark.parametrize("file", ["config.json", "metadata.json"])
@pytest.mark.parametrize(
    ("piece", "said"), [(b"[],", "lists and objects"), (b"{},", "lists and objects"), (b"0,", "values")], ids=str
)
def test_little_text_that_would_become_many_objects_is_refused_before_it_is_parsed(unpacked, file, piece, said):
    text = b'{"a": [' + piece * 1_200_000 + b"0]}"
    blob, sha256 = changed(with_text(file, text))
    assert len(blob) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(DamagedArtifact, match=rf"With {file} .* more than .* {said}"):
            unpacked(blob, sha256)
        assert tracemalloc.get_traced_memory()[1] < 6 * len(text)  # pieces, their whole, and what was sent
    finally:
        tracemalloc.stop()


def test_the_files_share_what_they_may_hold(unpacked):
    text = b'{"a": [' + b"{}," * 60_000 + b"0]}"
    halves = changed(lambda members: with_text("config.json", text)(with_text("metrics.json", text)(members)))
    with pytest.raises(DamagedArtifact, match=r"metrics\.json"):
        unpacked(*halves)

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.storage import Encoding
from ktrdr.storage.encodings import CHUNK, decoded, encoder, encoding_of, raw_size_of

ENCODINGS = list(Encoding)


def encoded(encoding, *parts):
    blob = io.BytesIO()
    into = encoder(encoding, blob, sum(map(len, parts)))
    for part in parts:
        into.write(part)
    into.close()
    return blob.getvalue()


@settings(deadline=None)
@given(st.sampled_from(ENCODINGS), st.lists(st.binary(max_size=5000), max_size=6))
def test_whatever_is_written_comes_back(encoding, parts):
    blob = encoded(encoding, *parts)
    assert b"".join(decoded(blob)) == b"".join(parts)
    assert (encoding_of(blob), raw_size_of(blob)) == (encoding, sum(map(len, parts)))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("n_bytes", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_nothing_is_lost_between_chunks_and_no_piece_is_larger(encoding, n_bytes):
    weights = np.random.default_rng(n_bytes).normal(scale=0.02, size=n_bytes // 4 + 1).astype(np.float32)
    raw = weights.tobytes()[:n_bytes]
    pieces = list(decoded(encoded(encoding, raw[:3], raw[3:])))
    assert b"".join(pieces) == raw
    assert max(map(len, pieces)) <= CHUNK


def test_of_weights_shuffled_bytes_are_sent_and_of_text_plain_ones():
    weights = np.random.default_rng(0).normal(scale=0.02, size=100_000).astype(np.float32).tobytes()
    text = Path(__file__).read_bytes()
    at_flag = 16
    assert encoded(Encoding.ZSTD, weights)[at_flag] == 1
    assert encoded(Encoding.ZSTD, text)[at_flag] == 0


def test_zstd_makes_weights_smaller_than_gzip():
    weights = np.random.default_rng(0).normal(scale=0.02, size=300_000).astype(np.float32).tobytes()
    as_zstd, as_gzip = (len(encoded(encoding, weights)) for encoding in (Encoding.ZSTD, Encoding.GZIP))
    assert as_zstd < 0.95 * as_gzip

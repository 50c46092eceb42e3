"""How small trained weights become, and how long that takes: gzip and zstd, as they are and byte-shuffled.

`python benchmarks/artifact_encodings.py [--rounds 3] [--wide 1600] [--wide-epochs 6]`. Three strategies are trained in
this process: the example perceptron and LSTM, and the same perceptron with two wide layers. Encoded are the weights by
themselves, and what travels: the archive of weights and JSON files. Every variant takes its turn in every round, on the
same bytes, which are compared after the way back. "ktrdr" is what the service uses.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

import ktrdr
from ktrdr.data import BarStore, DataManager
from ktrdr.settings import Settings
from ktrdr.storage import Encoding, ModelArtifact, pack
from ktrdr.storage.encodings import decoded, encoder
from ktrdr.training import TrainingExecutor

Codec = Callable[[bytes], bytes]

PLANES = 4
"""Bytes of a float32: shuffled, first bytes of all numbers come first, then all second bytes, and so on."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wide", type=int, default=1600)
    parser.add_argument("--wide-epochs", type=int, default=6)
    given = parser.parse_args()
    for artifact in trained(given.wide, given.wide_epochs):
        archive = b"".join(decoded(pack(artifact).blob))
        weights = io.BytesIO()
        artifact.weights.write_to(weights)
        for what, raw in (("weights", weights.getvalue()), ("artifact", archive)):
            print(f"\n{artifact.strategy}, {what}: {len(raw):,} bytes")
            report(raw, given.rounds)


def trained(width: int, n_epochs: int) -> list[ModelArtifact]:
    daily = ktrdr.load_strategy("strategies/sp500_daily.yaml").document()
    wide = {**daily, "name": "wide", "model": {"type": "mlp", "architecture": {"hidden_layers": [width, width]}}}
    wide["training"] = {**daily["training"], "epochs": n_epochs}
    lstm = ktrdr.load_strategy("strategies/sp500_lstm.yaml").document()
    return [train(document) for document in (daily, lstm, wide)]


def train(document: dict[str, Any]) -> ModelArtifact:
    kept: list[ModelArtifact] = []

    class Keeping:
        def save_model(self, artifact: ModelArtifact) -> Any:
            kept.append(artifact)
            return argparse.Namespace(model_id="kept", path="models/kept")

    data = DataManager(BarStore(Settings.read().data_roots))
    TrainingExecutor(ktrdr.load_strategy(document), data=data, model_storage=Keeping(), device="cpu").execute(
        None, None, None, None
    )
    return kept[0]


def gzipped(level: int) -> tuple[Codec, Codec]:
    def encode(raw: bytes) -> bytes:
        encoder = zlib.compressobj(level, wbits=31)
        return encoder.compress(raw) + encoder.flush()

    return encode, partial(zlib.decompress, wbits=31)


def zstandard(level: int, n_bytes: int) -> tuple[Codec, Codec]:
    codec = pa.Codec("zstd", compression_level=level)
    return partial(codec.compress, asbytes=True), lambda blob: codec.decompress(blob, n_bytes, asbytes=True)


def used(encoding: Encoding) -> tuple[Codec, Codec]:
    def encode(raw: bytes) -> bytes:
        blob = io.BytesIO()
        into = encoder(encoding, blob, len(raw))
        into.write(raw)
        into.close()
        return blob.getvalue()

    return encode, lambda blob: b"".join(decoded(blob))


def shuffled(codec: tuple[Codec, Codec]) -> tuple[Codec, Codec]:
    encode, decode = codec
    return lambda raw: encode(shuffle(raw)), lambda blob: unshuffle(decode(blob))


def shuffle(raw: bytes) -> bytes:
    whole = len(raw) // PLANES * PLANES
    planes = np.frombuffer(raw, np.uint8, whole).reshape(-1, PLANES).T
    return planes.tobytes() + raw[whole:]


def unshuffle(mixed: bytes) -> bytes:
    whole = len(mixed) // PLANES * PLANES
    planes = np.frombuffer(mixed, np.uint8, whole).reshape(PLANES, -1).T
    return planes.tobytes() + mixed[whole:]


def variants(n_bytes: int) -> dict[str, tuple[Codec, Codec]]:
    plain = {f"gzip {level}": gzipped(level) for level in (1, 6)}
    plain |= {f"zstd {level}": zstandard(level, n_bytes) for level in (1, 3, 9)}
    mixed = {f"shuffled, {name}": shuffled(codec) for name, codec in plain.items()}
    return plain | mixed | {f"ktrdr: {encoding}": used(encoding) for encoding in Encoding}


def report(raw: bytes, n_rounds: int) -> None:
    took: dict[str, list[tuple[float, float]]] = {}
    sizes: dict[str, int] = {}
    for _ in range(n_rounds):
        for name, (encode, decode) in variants(len(raw)).items():
            began_s = time.perf_counter()
            blob = encode(raw)
            encoded_s = time.perf_counter()
            back = decode(blob)
            decoded_s = time.perf_counter()
            assert back == raw, name
            sizes[name] = len(blob)
            took.setdefault(name, []).append((encoded_s - began_s, decoded_s - encoded_s))
    print("| variant | size against raw | MB/s to pack | MB/s to unpack |\n|---|---|---|---|")
    for name, rounds in took.items():
        pack_s, unpack_s = (statistics.median(one) for one in zip(*rounds, strict=True))
        mb = len(raw) / 1e6
        print(f"| {name} | {sizes[name] / len(raw):.3f} | {mb / pack_s:.0f} | {mb / unpack_s:.0f} |")


if __name__ == "__main__":
    main()

"""Nobody on a model's way holds its weights twice: each end is a process of its own, watched from here.

What is counted is memory of its own (RssAnon), above what it had when it began: pages of files and of the object store
are mapped, not held.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ktrdr.storage import Encoding

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says what a process holds")

LOOK_EVERY_S = 0.002
BESIDE = 16e6
"""Bytes for what does not grow with the weights: threads' buffers, chunks, parsed strategies."""

log = logging.getLogger("tests.memory")


@dataclass
class Watched:
    """What a process said when it was done, and the bytes it held at most, above what it began with."""

    said: list[str]
    peak: int


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is not kept: what is in it is large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def held_by(process: subprocess.Popen[str]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) * 1024


def watch(end: str, folder: Path, widths: str) -> list[Watched]:
    command = [sys.executable, "-m", "tests.ktrdr.storage.handing_over", end, str(folder), widths]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        watched = [watch_one(process) for _ in Encoding]
        assert process.wait() == 0
    return watched


def watch_one(process: subprocess.Popen[str]) -> Watched:
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    seen, done = [held_by(process)], threading.Event()

    def look() -> None:
        while not done.wait(LOOK_EVERY_S):
            seen.append(held_by(process))

    looking = threading.Thread(target=look)
    looking.start()
    process.stdin.write("go on\n")
    process.stdin.flush()
    said = process.stdout.readline().split()
    done.set()
    looking.join()
    return Watched(said[1:], max(seen) - seen[0])


def hand_over(folder: Path, widths: str) -> None:
    ends = [watch(end, folder, widths) for end in ("pack", "save", "load")]
    for encoding, packed, saved, loaded in zip(Encoding, *ends, strict=True):
        assert packed.said == loaded.said  # the size, and every bit
        size = int(packed.said[0])
        figures = (encoding, *(n_bytes / 1e6 for n_bytes in (size, packed.peak, saved.peak, loaded.peak)))
        log.info("%s: %.0f MB of weights; held beside: %.0f MB packing, %.0f saving, %.0f loading", *figures)
        assert packed.peak < 1.0 * size + BESIDE  # the blob
        assert saved.peak < 0.1 * size + BESIDE
        assert loaded.peak < 1.0 * size + BESIDE  # the model


def test_no_end_holds_a_second_copy_of_64_megabytes(folder: Path) -> None:
    hand_over(folder, "4000,4000")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_end_holds_a_second_copy_of_500_megabytes(folder: Path) -> None:
    hand_over(folder, "8000,8000,8000")

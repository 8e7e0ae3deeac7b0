"""A long computation leaves the rest of the program usable: GIL, Ctrl-C, fork, progress, log."""

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import cases
import ckn_rs

X = cases.images(4, (8, 8, 1))
EXP = {"layers": cases.EXP}

LONG_JOB = """
import numpy as np
import ckn_rs
X = np.random.default_rng(0).random((3000, 32, 32, 3), dtype=np.float32)
model = [{"npatch": 3, "subsampling": 2}, {"npatch": 3, "subsampling": 5}]
print("ready", flush=True)
try:
    %s
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""

FORK = """
import multiprocessing
import numpy as np
import ckn_rs
X = np.random.default_rng(0).random((20, 12, 12, 1))
model = [{"npatch": 3, "subsampling": 2}]

def kernel(seed):
    return ckn_rs.compute_kernel_matrix(X, model=model, n_threads=2)

before = kernel(0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    for matrix in pool.map(kernel, range(4), chunksize=1):
        assert (matrix == before).all()
assert (kernel(0) == before).all()
print("equal")
"""


def test_other_threads_run_meanwhile() -> None:
    many = cases.images(110, (28, 28, 1)).astype(np.float32)
    started, finished = threading.Event(), threading.Event()

    def compute() -> None:
        started.set()
        ckn_rs.compute_kernel_matrix(many, many, model=cases.EXP, n_threads=1)
        finished.set()

    worker = threading.Thread(target=compute)
    worker.start()
    started.wait()
    turns = 0
    while not finished.is_set():
        turns += 1
        time.sleep(0.001)
    worker.join()
    # If the computation held the GIL, this thread would run only once or twice.
    assert turns > 10


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
@pytest.mark.parametrize(
    "call",
    [
        "ckn_rs.compute_kernel_matrix(X, model=model)",
        "ckn_rs.compute_kernel_matrix(X, X, model=model)",
        "while True: ckn_rs.compute_kernel_matrix(X[:2, :8, :8], model=model[:1])",
    ],
    ids=["symmetric", "rectangular", "many small ones"],
)
def test_ctrl_c_stops_within_a_second(call: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LONG_JOB % call], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1)  # the computation has begun, and takes minutes or does not end
        assert process.poll() is None
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - begin < 1
        assert process.wait(timeout=10) == 0
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
def test_fork_after_use() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "equal\n", done.stderr


def test_calls_from_several_threads() -> None:
    expected = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
    results: list[cases.Floats] = []

    def compute() -> None:
        results.append(ckn_rs.compute_kernel_matrix(X, model=cases.EXP))

    workers = [threading.Thread(target=compute) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 8
    for result in results:
        np.testing.assert_array_equal(result, expected)


def plan_of(images: cases.Floats) -> ckn_rs._core.Plan:
    return ckn_rs._core.Plan(EXP, images.shape[1:], "ckn")


def test_a_small_call_tells_of_its_end() -> None:
    counts: list[int] = []
    plan_of(X).gram((X, None), None, [np.empty((4, 4))], progress=counts.append)
    assert counts == [10]
    norms = np.empty((4, 128))
    plan_of(X).norms(X, norms, progress=counts.append)
    assert counts == [10, 4]


def test_an_error_in_the_progress_callback_of_a_small_call() -> None:
    def fail(done: int) -> None:
        raise RuntimeError(f"stop at {done}")

    with pytest.raises(RuntimeError, match="stop at 10"):
        plan_of(X).gram((X, None), None, [np.empty((4, 4))], progress=fail)


def test_progress_counts_up_to_every_pair() -> None:
    counts: list[int] = []
    many = cases.images(60, (16, 16, 1))
    out = np.empty((60, 60))
    plan_of(many).gram((many, None), None, [out], progress=counts.append)
    assert counts == sorted(counts)
    assert all(0 <= count <= 60 * 61 // 2 for count in counts)


def test_an_error_in_the_progress_callback_ends_the_call() -> None:
    def fail(done: int) -> None:
        raise RuntimeError(f"stop at {done}")

    many = cases.images(400, (28, 28, 1))
    with pytest.raises(RuntimeError, match="stop at"):
        plan_of(many).gram((many, None), None, [np.empty((400, 400))], progress=fail)


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
    assert capsys.readouterr() == ("", "")
    shown = ckn_rs.compute_kernel_matrix(X, model=cases.EXP, progress=True)
    np.testing.assert_array_equal(shown, quiet)
    bar = capsys.readouterr().err
    assert "10.0/10.0" in bar
    assert "pairs/s" in bar
    ckn_rs.compute_kernel_matrix(X, X, model=cases.EXP, progress=True)
    assert "16.0/16.0" in capsys.readouterr().err
    ckn_rs.compute_norms(X, cases.EXP, progress=True)
    bar = capsys.readouterr().err
    assert "4.00/4.00" in bar
    assert "images/s" in bar


def test_progress_without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"tqdm.*pip install ckn-rs\[progress\]"):
        ckn_rs.compute_kernel_matrix(X, model=cases.EXP, progress=True)


VERBOSE_CALLS: dict[str, Callable[[], object]] = {
    "matrix": lambda: ckn_rs.compute_kernel_matrix(X, model=cases.EXP, verbose=True),
    "norms": lambda: ckn_rs.compute_norms(X, cases.EXP, verbose=True),
    "class": lambda: ckn_rs.CKNKernel((8, 8, 1), cases.EXP, verbose=True),
}


@pytest.mark.parametrize("call", VERBOSE_CALLS)
def test_verbose_logs_each_layer(call: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        VERBOSE_CALLS[call]()
    assert [(r.name, r.levelname) for r in caplog.records] == [("ckn_rs", "INFO")] * 2
    first, second = (record.getMessage() for record in caplog.records)
    for fragment in ("layer 0", "8x8 -> 3x3", "3x3 patches", "exp", "0.6", "gaussian"):
        assert fragment in first
    assert "layer 1" in second
    assert "3x3 -> 2x2" in second


def test_verbose_tells_of_every_choice(caplog: pytest.LogCaptureFixture) -> None:
    layers = [
        ckn_rs.Layer((3, 1), 2, 3, stride=(1, 2), padding="valid", pooling=("average", "strided")),
        ckn_rs.Layer(1, pooling="none", kernel="relu", dilation=2, weight_std=1.4, bias_std=0.1),
    ]
    model = ckn_rs.Model(layers, readout="mean", dense=ckn_rs.Dense(bias_std=0.5))
    with caplog.at_level(logging.INFO):
        ckn_rs.compute_kernel_matrix(X, model=model, verbose=True)
    assert [record.getMessage() for record in caplog.records] == [
        "layer 0: 8x8 -> 3x1, 3x1 patches (stride 1x2, valid), exp kernel, "
        "average x strided pooling (subsampling 2, poolfactor 3)",
        "layer 1: 3x1 -> 3x1, 1x1 patches (dilation 2, weight_std 1.4, bias_std 0.1), "
        "relu kernel, none pooling",
        "model: readout mean, dense (bias_std 0.5)",
    ]


def test_verbose_without_any_logging_is_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("ckn_rs")
    # The handlers of pytest are at the root logger.
    monkeypatch.setattr(logger, "propagate", False)
    ckn_rs.compute_kernel_matrix(X, model=cases.EXP, verbose=True)
    assert capsys.readouterr().err.startswith("layer 0: 8x8 -> 3x3")
    assert (logger.handlers, logger.level) == ([], logging.NOTSET)
    ckn_rs.compute_kernel_matrix(X, model=cases.EXP)
    assert capsys.readouterr().err == ""

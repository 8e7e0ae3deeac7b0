"""The number of threads of a kernel, in processes and threads of joblib."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.svm import SVC

from ckn_rs import compute_kernel_matrix
from ckn_rs.sklearn import _kernel as module
from ckn_rs.sklearn._threads import threads_for
from digits import LABELS, ROWS, kernel, matrix

joblib: Any = pytest.importorskip("joblib")
same = np.testing.assert_array_equal


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CKN_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def asked_for(n_threads: int | None = None) -> int | None:
    with threads_for(n_threads) as number:
        return number


@pytest.mark.parametrize(
    ("omp", "number"),
    [("3", 3), (" 3 ,2", 3), ("", None), ("0", None), ("-1", None), ("many", None), ("2.5", None)],
)
def test_openmp_is_honoured(monkeypatch: pytest.MonkeyPatch, omp: str, number: int | None) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", omp)
    assert asked_for() == number
    assert asked_for(5) == 5
    # The core reads the package's own variable.
    monkeypatch.setenv("CKN_NUM_THREADS", "2")
    assert asked_for() is None
    assert asked_for(5) == 5


def test_own_variable_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CKN_NUM_THREADS", "none")
    with pytest.raises(ValueError, match="CKN_NUM_THREADS"):
        kernel()(ROWS[:3])


def at_once(monkeypatch: pytest.MonkeyPatch, **options: Any) -> int:
    """How many of four calls from four threads compute at the same time."""
    inside, most, guard = 0, 0, threading.Lock()
    compute = compute_kernel_matrix

    def slow(*args: Any, **kwargs: Any) -> Any:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        time.sleep(0.05)
        with guard:
            inside -= 1
        return compute(*args, **kwargs)

    with monkeypatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setattr(module, "compute_kernel_matrix", slow)
        k, wanted = kernel(**options), matrix(ROWS[:5])
        for K in pool.map(k, [ROWS[:5]] * 4):
            same(K, wanted)
    return most


def test_calls_that_take_all_processors_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert at_once(monkeypatch) == 1
    assert at_once(monkeypatch, n_threads=1) > 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert at_once(monkeypatch) > 1


def test_an_error_gives_the_turn_away() -> None:
    with pytest.raises(ZeroDivisionError), threads_for(None):
        raise ZeroDivisionError
    assert asked_for() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_its_own_turns() -> None:
    """The process is forked while another thread computes, and that thread is not in it."""
    with threads_for(None):
        child = os.fork()
        if not child:
            try:
                kernel()(ROWS[:5])
                os._exit(0)
            finally:
                os._exit(1)
        deadline = time.monotonic() + 20
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended or time.monotonic() > deadline:
                break
            time.sleep(0.01)
        if not ended:
            os.kill(child, 9)
            os.waitpid(child, 0)
    assert ended
    assert status == 0


def test_processes() -> None:
    """In its processes joblib sets ``OMP_NUM_THREADS``."""
    with joblib.parallel_config("loky", inner_max_num_threads=3):
        assert joblib.Parallel(n_jobs=2)(joblib.delayed(asked_for)() for _ in range(2)) == [3, 3]
        grid = {"kernel__layer0__sigma": [0.4, 0.8], "C": [1, 10]}
        alone, both = (
            GridSearchCV(SVC(kernel=kernel()), grid, cv=3, n_jobs=n_jobs).fit(ROWS, LABELS)
            for n_jobs in (1, 2)
        )
    for name in ("mean_test_score", "std_test_score", "params"):
        same(both.cv_results_[name], alone.cv_results_[name])


def test_threads() -> None:
    alone = cross_val_score(SVC(kernel=kernel()), ROWS, LABELS, cv=4)
    with joblib.parallel_config("threading"):
        same(cross_val_score(SVC(kernel=kernel()), ROWS, LABELS, cv=4, n_jobs=2), alone)

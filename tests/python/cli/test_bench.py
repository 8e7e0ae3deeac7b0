"""``ckn-rs bench``: its reports and its errors, whatever the speed."""

import json
from pathlib import Path

import pytest

import cases
import ckn_rs
from ckn_rs import Dense, Model, _core
from ckn_rs.cli import _timing, bench, main
from ckn_rs.cli._timing import Workload, time_exp, time_pairs

TINY = Workload(Model(cases.EXP), (8, 8, 1))
TINY_NTK = Workload(Model(cases.RELU), (9, 8, 2), ntk=True)
MODEL = '[{"npatch": 3, "subsampling": 2}]'


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "MODEL_SECONDS", 0.001)
    monkeypatch.setattr(bench, "JOB_SECONDS", 0.001)
    monkeypatch.setattr(bench, "MODELS", {"tiny": TINY, "tiny, NTK": TINY_NTK})


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.json"
    path.write_text(MODEL, encoding="utf-8")
    return str(path)


def test_models_beside_the_peak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bench.json"
    assert main(["bench", "--threads", "2", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    for fragment in (ckn_rs.simd_level(), "float32", "2 threads", "tiny, NTK", "9x8x2", "GFLOP/s"):
        assert fragment in printed
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["version"] == ckn_rs.__version__
    assert report["simd_level"] == ckn_rs.simd_level()
    assert report["threads"] == 2
    peaks = report["peak_gflops"]
    assert {*peaks["one_thread"]} == {*peaks["all"]} == {"float32", "float64"}
    assert [model["name"] for model in report["models"]] == ["tiny", "tiny, NTK"]
    tiny = report["models"][0]
    assert tiny["entries_a_pair"] == TINY.entries()
    # The figures are one measurement: each follows from the others.
    gflops = 2e-6 * tiny["multiply_adds_a_pair"] / tiny["ms_a_pair_one_thread"]
    assert tiny["gflops_one_thread"] == pytest.approx(gflops)
    share = gflops / peaks["one_thread"]["float32"]
    assert tiny["share_of_peak"] == pytest.approx(share)
    assert tiny["pairs_per_second"] > 0


@pytest.mark.parametrize(
    ("options", "pairs", "size"),
    [
        ([], 500 * 501 // 2, 4 * 500 * 500),
        (["--test", "20", "--dtype", "float64"], 500 * 20, 8 * 500 * 20),
        (["--ntk", "--threads", "1"], 500 * 501 // 2, 4 * 500 * 500),
    ],
)
def test_a_job(
    options: list[str],
    pairs: int,
    size: int,
    model: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "job.json"
    job = ["--n", "500", "--shape", "8,9,2", "--model", model, "--json", str(file)]
    assert main(["bench", *job, *options]) == 0
    printed = capsys.readouterr().out
    assert f"{pairs:,} pairs" in printed
    assert "NTK" in printed if "--ntk" in options else "CKN" in printed
    report = json.loads(file.read_text(encoding="utf-8"))
    assert "models" not in report
    job_report = report["job"]
    assert job_report["pairs"] == pairs
    assert job_report["matrix_bytes"] == size
    assert job_report["layers"][0]["kernel"] == ("relu" if "--ntk" in options else "exp")
    expected = job_report["seconds_norms"] + pairs / job_report["pairs_per_second"]
    assert job_report["seconds"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        (["--n", "0"], ["--n", "at least 1", "'0'"]),
        (["--n", "many"], ["--n", "whole number", "'many'"]),
        (["--threads", "-1"], ["--threads", "at least 1"]),
        (["--threads", "100000"], ["--threads", "at most 1024"]),
        (["--shape", "32,32"], ["--shape", "H,W,C", "'32,32'"]),
        (["--shape", "32,x,3"], ["--shape", "whole number", "'x'"]),
        (["--shape", "4,4,9999"], ["--shape", "2048"]),
        (["--dtype", "half"], ["--dtype", "float32", "half"]),
        (["--ntk"], ["--ntk", "--n, --shape, --model"]),
        (["--test", "5", "--n", "5"], ["--shape, --model"]),
        (["--n", "5", "--shape", "8,8,1"], ["--n", "--model"]),
    ],
)
def test_mistakes_in_the_options(
    options: list[str], fragments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bench", *options])
    assert caught.value.code == 2
    message = capsys.readouterr().err
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    ("name", "text", "shape", "fragments"),
    [
        ("model.json", None, "8,8,1", ["model.json", "No such file"]),
        ("model.txt", MODEL, "8,8,1", ["model.txt", ".toml"]),
        ("model.json", '{"layers": 3}', "8,8,1", ["model.json", "int"]),
        ("model.json", '[{"npatch": "3"}]', "8,8,1", ["model.json", "layer 0", "npatch"]),
        ("model.toml", "npatch = 3", "8,8,1", ["model.toml", "[[layers]]"]),
        ("model.json", MODEL, "2,2,1", ["model.json", "layer 0", "no positions"]),
    ],
)
def test_models_that_are_none_or_do_not_fit(
    name: str,
    text: str | None,
    shape: str,
    fragments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main(["bench", "--n", "5", "--shape", shape, "--model", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    for fragment in fragments:
        assert fragment in printed.err


def test_reports_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path, tmp_path / "no" / "bench.json"):
        assert main(["bench", "--json", str(path)]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""  # refused before anything is measured
        assert "--json" in printed.err


def test_a_job_says_the_whole_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = tmp_path / "model.toml", tmp_path / "job.json"
    layers = [{"npatch": [3, 1], "pooling": "none", "bias_std": 0.5}]
    Model(layers, convention="2019", readout="mean", dense=Dense(1.4)).save(path)
    job = ["--n", "5", "--shape", "8,9,2", "--model", str(path), "--json", str(file)]
    assert main(["bench", *job]) == 0
    assert "15 pairs" in capsys.readouterr().out
    report = json.loads(file.read_text(encoding="utf-8"))["job"]
    assert (report["convention"], report["readout"]) == ("2019", "mean")
    assert report["dense"] == {"weight_std": 1.4, "bias_std": 0.0}
    assert report["layers"][0]["bias_std"] == 0.5
    assert report["layers"][0]["npatch"] == [3, 1]
    assert report["layers"][0]["kernel"] == "exp"


def test_samples_have_a_tile_for_each_thread() -> None:
    for threads in (1, 3):
        timing = time_pairs(TINY, threads, 0.001)
        assert timing.pairs % (_timing.TILE * threads) == 0
        assert timing.seconds_a_pair > 0
        assert timing.seconds_an_image > 0


def test_exp_is_scaled_to_the_number_of_values() -> None:
    assert time_exp(0) == 0 < time_exp(10**6)


def test_peak_needs_a_dtype_threads_and_a_level() -> None:
    assert _core.multiply_add_peak("float64", 2) > 0
    with pytest.raises(ValueError, match=r'"float32" or "float64", got "half"'):
        _core.multiply_add_peak("half", 1)
    with pytest.raises(ValueError, match="at least 1"):
        _core.multiply_add_peak("float32", 0)
    with pytest.raises(ValueError, match="unknown level"):
        _core.multiply_add_peak("float32", 1, level="mmx")

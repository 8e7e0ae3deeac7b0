"""Results agree with every value of the original, to the accuracy that README promises."""

import numpy as np
import pytest

import cases
import ckn_rs
from cases import Golden

EXACT, EXACT_NTK_SELF = 1e-12, 1e-8
SINGLE, SINGLE_NTK_SELF = 2e-6, 3e-4

every_case = pytest.mark.parametrize("case", cases.GOLDEN, ids=lambda case: case.name)


def known(*keys: str) -> pytest.MarkDecorator:
    """Parametrize with every case that has these values; the first release has only a few."""
    having = [case for case in cases.GOLDEN if set(keys) <= set(case.values)]
    assert having
    return pytest.mark.parametrize("case", having, ids=lambda case: case.name)


def test_files_are_there() -> None:
    assert len(cases.GOLDEN) == 29
    assert sum("norms" in case.values for case in cases.GOLDEN) == 24
    assert sum("K" in case.values for case in cases.GOLDEN) == 27


def test_the_rust_tests_read_the_same_models() -> None:
    tomllib = pytest.importorskip("tomllib", reason="TOML is in the standard library from 3.11 on")
    models = tomllib.loads((cases.DATA / "models.toml").read_text())
    for case in cases.GOLDEN:
        model = models.pop(case.name)
        assert model.pop("convention", "original") == case.convention
        assert model == {"ntk": case.ntk, "layers": case.layers}
    assert not models


@every_case
def test_matrices(case: Golden) -> None:
    X, Y = case.values["X"], case.values["Y"]
    if "K" in case.values:
        K = ckn_rs.compute_kernel_matrix(X, model=case.model, ntk=case.ntk)
        diagonal, rest = cases.split_error(K, case.values["K"])
        assert diagonal <= (EXACT_NTK_SELF if case.ntk else EXACT)
        assert rest <= EXACT
    Kxy = ckn_rs.compute_kernel_matrix(X, Y, model=case.model, ntk=case.ntk)
    assert cases.error(Kxy, case.values["Kxy"]) <= EXACT


@every_case
def test_single_precision(case: Golden) -> None:
    X, Y = (case.values[key].astype(np.float32) for key in "XY")
    K = ckn_rs.compute_kernel_matrix(X, model=case.model, ntk=case.ntk)
    assert K.dtype == np.float32
    double = ckn_rs.compute_kernel_matrix(X.astype(np.float64), model=case.model, ntk=case.ntk)
    diagonal, rest = cases.split_error(K, double)
    assert diagonal <= (SINGLE_NTK_SELF if case.ntk else SINGLE)
    assert rest <= SINGLE
    Kxy = ckn_rs.compute_kernel_matrix(X, Y, model=case.model, ntk=case.ntk)
    assert cases.error(Kxy, case.values["Kxy"]) <= SINGLE


@known("norms")
def test_norms(case: Golden) -> None:
    expected = case.values["norms"]
    norms, norms_inv = ckn_rs.compute_norms(case.values["X"], case.model, case.ntk)
    assert cases.error(norms, expected) <= EXACT
    _, h, w, c = case.values["X"].shape
    geometry = ckn_rs._core.Plan(
        {"layers": case.layers}, (h, w, c), "ntk" if case.ntk else "ckn"
    ).layers
    for layer, plan in enumerate(geometry):
        used = plan["patches"][0] * plan["patches"][1]
        part = slice(layer * h * w, (layer + 1) * h * w)
        assert (norms[:, part][:, used:] == 0).all()
        assert (norms_inv[:, part][:, used:] == 0).all()
        inverse = 1 / np.maximum(norms[:, part][:, :used], 1e-6)
        np.testing.assert_array_equal(norms_inv[:, part][:, :used], inverse)


@every_case
def test_norms_given_change_nothing_that_matters(case: Golden) -> None:
    X, Y = case.values["X"], case.values["Y"]
    n1, n2 = (ckn_rs.compute_norms(ims, case.model, case.ntk) for ims in (X, Y))
    arguments = (X, Y, n1[0], n2[0], n1[1], n2[1], case.model, case.ntk)
    K = ckn_rs.compute_kernel_matrix(*arguments)
    assert cases.error(K, case.values["Kxy"]) <= EXACT
    np.testing.assert_array_equal(ckn_rs.compute_kernel_matrix_norms(*arguments), K)


@known("d00", "dxy", "dyy")
def test_distances_to_a_reference(case: Golden) -> None:
    X = case.values["X"]
    k00, kxy, kyy = ckn_rs.compute_dist_to_ref(X[0], X[1:], case.model, case.ntk)
    own = EXACT_NTK_SELF if case.ntk else EXACT
    assert cases.error(k00, case.values["d00"]) <= own
    assert cases.error(kxy, case.values["dxy"]) <= EXACT
    assert cases.error(kyy, case.values["dyy"]) <= own
    pair = ckn_rs.compute_kernel(X[0], X[1], case.model, case.ntk)
    assert abs(pair - case.values["dxy"][0]) <= EXACT * case.values["d00"]


@known("Krf")
def test_ntk_and_ckn_from_one_pass(case: Golden) -> None:
    X, Y = case.values["X"], case.values["Y"]
    kernel = ckn_rs.CKNKernel(X.shape[1:], case.model, ntk=True)
    norms = [ckn_rs.compute_norms(ims, case.model, True) for ims in (X, Y)]
    (n1, i1), (n2, i2) = norms
    ntk, ckn = kernel.compute_kernel_matrix(X, Y, n1, n2, i1, i2, ntk=True, return_rf=True)
    assert cases.error(ntk, case.values["Kxy"]) <= EXACT
    assert cases.error(ckn, case.values["Krf"]) <= EXACT
    # With one set of images, the original's second matrix is wrong. Ours is that of the CKN.
    ntk, ckn = kernel.compute_kernel_matrix(X, None, n1, None, i1, None, ntk=True, return_rf=True)
    assert cases.split_error(ntk, case.values["K"])[1] <= EXACT
    alone = ckn_rs.compute_kernel_matrix(X, model=case.model)
    np.testing.assert_array_equal(ckn, ckn.T)
    assert cases.error(ckn, alone) <= EXACT

"""Models and layers in notebooks."""

from __future__ import annotations

import pytest

import cases
from ckn_rs import Layer, Model
from ckn_rs._support.html_table import html_table
from page import Page


def test_a_model_is_the_table_of_its_layers() -> None:
    model = Model(
        [
            Layer((3, 5), (1, 2), kernel="exp", sigma=0.6, pooling=("none", [0.25, 0.5, 0.25])),
            Layer(3, 5, 7, kernel="poly", degree=3, padding="valid", dilation=2),
        ],
        convention="original",
        readout="mean",
    )
    page = Page(model._repr_html_())
    assert page.rows == [
        ["layer", "patch", "kernel", "pooling"],
        ["0", "3x5", "exp, sigma 0.6", "none x [0.25, 0.5, 0.25] 1x2"],
        ["1", "3x3, dilation 2, valid", "poly, degree 3", "gaussian 5, poolfactor 7"],
    ]
    assert page.others == ["readout mean"]
    assert Page(Model(cases.EXP)._repr_html_()).others == []


def test_a_layer_is_the_row_of_what_was_said() -> None:
    page = Page(Layer((3, 5), 2, kernel="exp", sigma=0.6, padding="valid")._repr_html_())
    assert page.rows == [
        ["npatch", "subsampling", "kernel", "sigma", "padding"],
        ["(3, 5)", "2", "exp", "0.6", "valid"],
    ]
    # A layer is checked when a model is made of it, so that it may hold anything.
    wild = Layer(3, kernel="<script>alert(1)</script>", padding='"&')
    assert Page(wild._repr_html_()).rows[1] == ["3", "<script>alert(1)</script>", '"&']


@pytest.mark.parametrize("text", ["<b>", "&amp;", "\"'", "a < b & c"])
def test_every_text_is_escaped(text: str) -> None:
    page = Page(html_table([(text, 1), (text, text)], caption=text, footer=text))
    assert page.rows == [[text, "1"], [text, text]]
    assert page.others == [text, text]
    page = Page(html_table([("name", text)], head=False))
    assert page.rows == [["name", text]]

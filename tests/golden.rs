//! Values of the original program, to rounding.

use std::fs::File;
use std::path::Path;

use ckn_rs::engine::{self, Images, Job, Outputs};
use ckn_rs::model::Model;
use ckn_rs::plan::{Plan, Shape};
use ndarray::{Array2, Array4, ArrayView2};
use ndarray_npy::NpzReader;

struct Case {
    name: String,
    file: NpzReader<File>,
    plan: Plan,
    x: Array2<f64>,
    y: Array2<f64>,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let text = std::fs::read_to_string(folder.join("models.toml")).unwrap();
    let models: toml::Table = text.parse().unwrap();
    let case = |(name, entry): (&String, &toml::Value)| {
        let mut file =
            NpzReader::new(File::open(folder.join(format!("{name}.npz"))).unwrap()).unwrap();
        let x: Array4<f64> = file.by_name("X").unwrap();
        let y: Array4<f64> = file.by_name("Y").unwrap();
        let (n, height, width, channels) = x.dim();
        let ntk = entry["ntk"].as_bool().unwrap();
        let model = Model::toml_tables(&entry["layers"])
            .and_then(|tables| Model::from_tables(tables, ntk))
            .unwrap();
        let len = height * width * channels;
        let m = y.dim().0;
        Case {
            name: name.clone(),
            plan: Plan::new(
                &model,
                Shape {
                    height,
                    width,
                    channels,
                },
                ntk,
            )
            .unwrap(),
            x: x.into_shape_with_order((n, len)).unwrap(),
            y: y.into_shape_with_order((m, len)).unwrap(),
            file,
        }
    };
    models.iter().map(case).collect()
}

fn gram(plan: &Plan, x: ArrayView2<f64>, y: Option<ArrayView2<f64>>) -> Array2<f64> {
    let images = |pixels| Images {
        name: "images",
        pixels,
        norms: None,
        inverses: None,
    };
    let mut out = Array2::zeros((x.nrows(), y.map_or(x.nrows(), |y| y.nrows())));
    let outputs = Outputs {
        kernel: out.view_mut(),
        ckn: None,
    };
    let job = Job::new(2, None).unwrap();
    engine::gram(plan, images(x), y.map(images), outputs, &job).unwrap();
    out
}

#[track_caller]
fn assert_close(
    name: &str,
    got: &Array2<f64>,
    wanted: &Array2<f64>,
    tolerance: impl Fn(usize, usize) -> f64,
) {
    assert_eq!(got.dim(), wanted.dim(), "{name}");
    let largest = wanted.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    for ((index, got), wanted) in got.indexed_iter().zip(wanted) {
        let error = (got - wanted).abs() / largest;
        assert!(
            error <= tolerance(index.0, index.1),
            "{name} {index:?}: {got} for {wanted}, off by {error:e}"
        );
    }
}

#[test]
fn matrices_are_the_originals() {
    let mut cases = cases();
    assert_eq!(cases.len(), 19);
    for case in &mut cases {
        let (plan, name) = (&case.plan, &case.name);
        // The slope of relu is singular at cosine 1: two correct programs differ there.
        let diagonal = if plan.ntk { 1e-8 } else { 1e-12 };
        let wanted: Array2<f64> = case.file.by_name("K").unwrap();
        let on_diagonal = |i, j| if i == j { diagonal } else { 1e-12 };
        assert_close(name, &gram(plan, case.x.view(), None), &wanted, on_diagonal);
        let wanted: Array2<f64> = case.file.by_name("Kxy").unwrap();
        let got = gram(plan, case.x.view(), Some(case.y.view()));
        assert_close(name, &got, &wanted, |_, _| 1e-12);
    }
}

#[test]
fn norms_are_the_originals() {
    for case in &mut cases() {
        let wanted: Array2<f64> = case.file.by_name("norms").unwrap();
        let mut got = Array2::ones(wanted.dim());
        let job = Job::new(2, None).unwrap();
        engine::norms(&case.plan, case.x.view(), got.view_mut(), &job).unwrap();
        assert_close(&case.name, &got, &wanted, |_, _| 1e-12);
    }
}

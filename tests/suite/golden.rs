//! Results compared with the values of the original program.

use std::fs::File;
use std::path::Path;

use crate::common::{assert_close, assert_close_by, carried, gram, norms, shape};
use ckn_rs::model::{Model, Spec};
use ckn_rs::plan::{Carried, Plan};
use ndarray::{Array2, Array4};
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
        let mut words = entry.as_table().unwrap().clone();
        let ntk = words.remove("ntk").unwrap().as_bool().unwrap();
        let model = Spec::from_toml_table(&words).and_then(|words| Model::from_spec(words, ntk));
        let len = height * width * channels;
        let m = y.dim().0;
        Case {
            name: name.clone(),
            plan: Plan::new(&model.unwrap(), shape(height, width, channels), carried(ntk)).unwrap(),
            x: x.into_shape_with_order((n, len)).unwrap(),
            y: y.into_shape_with_order((m, len)).unwrap(),
            file,
        }
    };
    models.iter().map(case).collect()
}

#[test]
fn matrices_are_the_originals() {
    let mut cases = cases();
    assert_eq!(cases.len(), 29);
    let mut symmetric = 0;
    for case in &mut cases {
        let (plan, name) = (&case.plan, &case.name);
        // On the diagonal cosines are 1, where the slope of relu has an infinite derivative. Two
        // correct programs differ there.
        let diagonal = if plan.carried == Carried::Ntk { 1e-8 } else { 1e-12 };
        let on_diagonal = |i, j| if i == j { diagonal } else { 1e-12 };
        // Files of the first release have no `K` for relu, because theirs was not exact.
        if let Ok(wanted) = case.file.by_name("K") {
            assert_close_by(name, &gram(plan, &case.x, None), &wanted, on_diagonal);
            symmetric += 1;
        }
        let wanted: Array2<f64> = case.file.by_name("Kxy").unwrap();
        let got = gram(plan, &case.x, Some(&case.y));
        assert_close(name, &got, &wanted, 1e-12);
    }
    assert_eq!(symmetric, 27);
}

#[test]
fn norms_are_the_originals() {
    let mut known = 0;
    for case in &mut cases() {
        // Files of the first release have no norms.
        if let Ok(wanted) = case.file.by_name::<ndarray::OwnedRepr<f64>, ndarray::Ix2>("norms") {
            assert_close(&case.name, &norms(&case.plan, &case.x), &wanted, 1e-12);
            known += 1;
        }
    }
    assert_eq!(known, 24);
}

//! Properties that hold for every model and all images.

use crate::common::{
    SHAPE, all, assert_same, cast, degree, gram, images, largest, norms, plans, rng, two_layers,
    unusual_models,
};
use ckn_rs::engine::Compiled;
use ckn_rs::kernel::Kernel;
use ckn_rs::model::Layer;
use ckn_rs::plan::{Carried, Plan};
use ndarray::{Array2, Axis, concatenate, s};

/// Images are scaled by powers of two, which change no bit of a mantissa. The degree of two layers
/// is the product of the degrees of their kernels.
#[test]
fn kernels_are_homogeneous() {
    let mut checked = 0;
    for plan in plans() {
        let kernel = plan.model.layers[0].kernel;
        let Some(degree) = degree(kernel) else { continue };
        checked += 1;
        let degree = degree.pow(2) as i32;
        let mut rng = rng(25);
        let (x, y) = (images(&mut rng, 2, SHAPE), images(&mut rng, 3, SHAPE));
        let wanted = gram(&plan, &x, Some(&y)) * (8.0_f64 * 0.5).powi(degree);
        let scaled = gram(&plan, &(&x * 8.0), Some(&(&y * 0.5)));
        assert_same(&format!("{:?}", plan.model.layers), &scaled, &wanted);
    }
    assert!(checked >= 14, "{checked}");
}

#[test]
fn matrices_are_positive_semidefinite() {
    for plan in plans() {
        let mut rng = rng(26);
        let some = images(&mut rng, 10, SHAPE);
        let blank = Array2::zeros((1, some.ncols()));
        let views = [some.view(), blank.view(), some.slice(s![..2, ..])];
        let x = concatenate(Axis(0), &views).unwrap();
        let mut matrix = gram(&plan, &x, None);
        // Duplicates and blank images give eigenvalues of 0, and the NTK of an image with itself is
        // exact only to 1e-8. So a small number is added to the diagonal.
        let ridge = 1e-7 * largest(&matrix);
        matrix.diag_mut().mapv_inplace(|value| value + ridge);
        assert!(has_cholesky(matrix), "{:?}", plan.model.layers);
    }
}

fn has_cholesky(mut a: Array2<f64>) -> bool {
    for j in 0..a.nrows() {
        for i in j..a.nrows() {
            let dot: f64 = (0..j).map(|k| a[[i, k]] * a[[j, k]]).sum();
            a[[i, j]] -= dot;
        }
        if a[[j, j]].is_nan() || a[[j, j]] <= 0.0 {
            return false;
        }
        let pivot = a[[j, j]].sqrt();
        a.slice_mut(s![j.., j]).mapv_inplace(|value| value / pivot);
    }
    true
}

/// Images whose cosines are 0/0, 1 or -1, or are rounded to a value beyond 1 or -1.
fn hard_images() -> Array2<f64> {
    let some = images(&mut rng(27), 3, SHAPE);
    let blank = Array2::zeros((1, some.ncols()));
    let constant = Array2::from_elem((1, some.ncols()), 0.3);
    let mut half = some.slice(s![..1, ..]).to_owned();
    half.slice_mut(s![.., ..100]).fill(0.0);
    let negative = -&some;
    let all = [&some, &blank, &constant, &half, &negative];
    concatenate(Axis(0), &all.map(|images| images.view())).unwrap()
}

fn check_hard<F: Compiled>(plan: &Plan, x: &Array2<F>) {
    let mut results = all(plan, x, None);
    results.extend(all(plan, x, Some(x)));
    results.push(norms(plan, x));
    let what = format!("{:?}", plan.model.layers);
    for values in &results {
        assert!(values.iter().all(|value| value.is_finite()), "{what}");
    }
    // A homogeneous kernel of a blank image is 0, unless something is added to its patch sums.
    let has_bias = plan.model.layers.iter().any(Layer::has_bias);
    if !has_bias && degree(plan.model.layers[0].kernel).is_some_and(|degree| degree > 0) {
        let blank = results[0].row(3);
        assert!(blank.iter().all(|&value| value.to_f64() == 0.0), "{what}: {blank:?}");
    }
}

#[test]
fn no_finite_image_gives_nan() {
    let gradients = unusual_models().into_iter().chain([two_layers(Kernel::Exp)]);
    let gradients = gradients.flat_map(|model| {
        [Carried::Gradients, Carried::NtkGradients]
            .map(|carried| Plan::new(&model, SHAPE, carried).unwrap())
    });
    for plan in plans().chain(gradients) {
        let x = hard_images();
        check_hard(&plan, &x);
        check_hard(&plan, &cast::<f32>(&x));
        for scale in [1e-30, 1e30] {
            check_hard(&plan, &(&x * scale));
        }
        let mixed = concatenate(Axis(0), &[(&x * 1e-30).view(), (&x * 1e30).view()]).unwrap();
        check_hard(&plan, &mixed);
    }
}

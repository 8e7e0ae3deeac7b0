//! The bits of a pair do not depend on how it is computed.

use crate::common::{
    SHAPE, all, assert_close_by, assert_same, both, cast, gram, images, job, layer, norms, outputs,
    plan, plans, rng, set, try_gram, try_norms, unusual_models,
};
use ckn_rs::engine::{self, Compiled, Images, Job, Outputs};
use ckn_rs::kernel::Kernel;
use ckn_rs::model::Model;
use ckn_rs::plan::{Carried, Plan};
use ckn_rs::pooling::Pooling;
use ndarray::{Array1, Array2, ArrayViewMut2, s};

/// Entries have equal bits in a symmetric matrix, in a rectangular one, and in a list of pairs.
fn check_symmetric<F: Compiled>(plan: &Plan) {
    // Two tiles along each axis. The second one is not full.
    let x = cast::<F>(&images(&mut rng(21), 37, plan.shape));
    let wanted = all(plan, &x, Some(&x));
    let upper = |matrix: &Array2<F>| {
        let keep = |((i, j), &value): ((usize, usize), &F)| if i <= j { value } else { F::ZERO };
        Array2::from_shape_vec(matrix.dim(), matrix.indexed_iter().map(keep).collect()).unwrap()
    };
    for (square, rectangular) in all(plan, &x, None).iter().zip(&wanted) {
        assert_same("transposed", &square.t().to_owned(), square);
        assert_same("upper triangle", &upper(square), &upper(rectangular));
    }

    let pairs: Vec<_> = (0..45).map(|k| (k * 7 % 37, k * 5 % 37)).collect();
    let mut values = vec![Array1::from_elem(pairs.len(), F::from_f64(f64::NAN)); wanted.len()];
    let mut views = values.iter_mut().map(|values| values.view_mut());
    let out = Outputs { kernel: views.next().unwrap(), beside: views.collect() };
    engine::pairs(plan, set(x.view()), &pairs, out, &job()).unwrap();
    for (values, wanted) in values.iter().zip(&wanted) {
        for (&(i, j), value) in pairs.iter().zip(values) {
            let (value, wanted) = (value.to_f64(), wanted[[i, j]].to_f64());
            assert_eq!(value.to_bits(), wanted.to_bits(), "pair ({i}, {j})");
        }
    }
}

#[test]
fn one_triangle_has_the_bits_of_the_whole() {
    for ntk in [false, true] {
        check_symmetric::<f32>(&plan(Kernel::Exp, ntk));
        check_symmetric::<f64>(&plan(Kernel::Relu, ntk));
    }
    for model in unusual_models() {
        for carried in [Carried::Gradients, Carried::NtkGradients] {
            check_symmetric::<f32>(&Plan::new(&model, SHAPE, carried).unwrap());
        }
    }
}

#[test]
fn a_pair_and_its_reverse_agree() {
    for plan in plans() {
        let x = images(&mut rng(22), 4, SHAPE);
        let matrix = gram(&plan, &x, Some(&x));
        let transposed = matrix.t().to_owned();
        let tolerance = |i, j| if i == j { 0.0 } else { 1e-13 };
        assert_close_by(&format!("{:?}", plan.model.layers), &matrix, &transposed, tolerance);
    }
}

fn check_blocks<F: Compiled>(plan: &Plan) {
    let mut rng = rng(23);
    let x = cast::<F>(&images(&mut rng, 5, SHAPE));
    let y = cast::<F>(&images(&mut rng, 36, SHAPE));
    let whole = gram(plan, &x, Some(&y));
    // An NTK has equal bits alone and with the CKN beside it.
    assert_same("beside others", &all(plan, &x, Some(&y))[0], &whole);
    for threads in 1..=3 {
        let job = Job::new(threads, None).unwrap();
        let again = try_gram(plan, &x, Some(&y), &job).unwrap();
        assert_same(&format!("{threads} threads"), &again, &whole);
        assert_eq!(job.done(), 5 * 36);
    }
    for (rows, cols) in [(0..5, 0..3), (2..4, 13..30), (4..5, 35..36), (0..1, 1..36)] {
        let part = |all: &Array2<F>, range| all.slice(s![range, ..]).to_owned();
        let block = gram(plan, &part(&x, rows.clone()), Some(&part(&y, cols.clone())));
        let wanted = whole.slice(s![rows, cols]).to_owned();
        assert_same("block", &block, &wanted);
    }

    if plan.carried.has_gradients() {
        return;
    }
    let (left, right) = (norms(plan, &x), norms(plan, &y));
    let given = |pixels, norms| Images { name: "images", pixels, norms: Some(norms) };
    let mut out = vec![Array2::from_elem(whole.dim(), F::ZERO); 1 + plan.gradients()];
    let (first, second) = (given(x.view(), left.view()), given(y.view(), right.view()));
    engine::gram(plan, first, Some(second), outputs(&mut out), &job()).unwrap();
    assert_same("norms given", &out[0], &whole);
}

#[test]
fn bits_depend_on_the_pair_alone() {
    for ntk in [false, true] {
        check_blocks::<f32>(&plan(Kernel::Relu, ntk));
        check_blocks::<f64>(&plan(Kernel::Exp, ntk));
    }
    // Sparse sites are summed in another way.
    let sparse = vec![layer(Kernel::Poly3, 2, 2, &Pooling::Strided); 2];
    let plan = Plan::new(&Model::new(sparse).unwrap(), SHAPE, Carried::Ntk).unwrap();
    check_blocks::<f32>(&plan);
    for model in unusual_models() {
        for carried in [Carried::Ntk, Carried::Gradients, Carried::NtkGradients] {
            check_blocks::<f32>(&Plan::new(&model, SHAPE, carried).unwrap());
        }
    }
}

#[test]
fn norms_of_an_image_depend_on_it_alone() {
    let plan = plan(Kernel::Relu, false);
    let x = cast::<f32>(&images(&mut rng(24), 21, SHAPE));
    let all = norms(&plan, &x);
    for threads in 1..=3 {
        let job = Job::new(threads, None).unwrap();
        assert_same("threads", &try_norms(&plan, &x, &job).unwrap(), &all);
        assert_eq!(job.done(), 21);
    }
    for index in [0, 9, 20] {
        let one = norms(&plan, &x.slice(s![index..=index, ..]).to_owned());
        assert_same("alone", &one, &all.slice(s![index..=index, ..]).to_owned());
    }
}

fn check_strided(plan: &Plan, y: Option<&Array2<f32>>, x: &Array2<f32>) {
    let [wanted, wanted_ckn] = both(plan, x, y);
    let (n, m) = wanted.dim();
    let right = || y.map(|y| set(y.view()));
    let run = |kernel: ArrayViewMut2<f32>, ckn: ArrayViewMut2<f32>| {
        let out = Outputs { kernel, beside: vec![ckn] };
        engine::gram(plan, set(x.view()), right(), out, &job()).unwrap();
    };

    let [mut kernel, mut ckn] = [(); 2].map(|()| Array2::<f32>::zeros((m, n)));
    run(kernel.view_mut().reversed_axes(), ckn.view_mut().reversed_axes());
    assert_same("transposed", &kernel.t().to_owned(), &wanted);
    assert_same("transposed", &ckn.t().to_owned(), &wanted_ckn);

    let mut kernel = Array2::<f32>::from_elem((n, 2 * m), -7.0);
    let mut ckn = Array2::<f32>::from_elem((3 * n, m + 2), -7.0);
    run(kernel.slice_mut(s![..;-1, 1..;2]), ckn.slice_mut(s![1..;3, 1..=m]));
    assert_same("every other column", &kernel.slice(s![..;-1, 1..;2]).to_owned(), &wanted);
    assert_same("inside", &ckn.slice(s![1..;3, 1..=m]).to_owned(), &wanted_ckn);
    let untouched = |array: &Array2<f32>| array.iter().filter(|&&value| value == -7.0).count();
    assert_eq!(untouched(&kernel), n * m);
    assert_eq!(untouched(&ckn), 3 * n * (m + 2) - n * m);
}

#[test]
fn results_go_to_any_strides() {
    let plan = plan(Kernel::Relu, true);
    let x = cast::<f32>(&images(&mut rng(34), 35, SHAPE));
    check_strided(&plan, None, &x);
    check_strided(&plan, Some(&x.slice(s![3..20, ..]).to_owned()), &x);
}

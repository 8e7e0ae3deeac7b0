//! What must hold for any model and any images.

use crate::common::{
    assert_same, cast, gram, images, layer, norms, set, shape, try_gram, try_norms, two_layers,
};
use ckn_rs::engine::{self, Images, Job, Outputs};
use ckn_rs::error::Error;
use ckn_rs::kernel::Kernel;
use ckn_rs::model::Model;
use ckn_rs::plan::{Plan, Shape};
use ckn_rs::pooling::Pooling;
use ckn_rs::simd::Real;
use ndarray::{Array2, ArrayViewMut2, Axis, concatenate, s};

/// Sizes that leave a batch, a block and a tile of columns with something over.
const SHAPE: Shape = shape(10, 15, 2);

fn plan(kernel: Kernel, ntk: bool) -> Plan {
    Plan::new(&two_layers(kernel), SHAPE, ntk).unwrap()
}

/// One plan for each kernel, the CKN and the NTK.
fn plans() -> impl Iterator<Item = Plan> {
    let both = |kernel| [plan(kernel, false), plan(kernel, true)];
    Kernel::ALL.into_iter().flat_map(both)
}

fn outputs<'a, F>(kernel: ArrayViewMut2<'a, F>) -> Outputs<'a, F> {
    Outputs { kernel, ckn: None }
}

/// Both paths, and the two ways to ask for the same pairs.
fn check_symmetric<F: Real>(plan: &Plan) {
    // Two tiles a side, the second one not full.
    let x = cast::<F>(&images(&mut crate::common::rng(21), 37, plan.shape));
    let square = gram(plan, &x, None);
    assert_same("transposed", &square.t().to_owned(), &square);
    let rectangular = gram(plan, &x, Some(&x));
    let upper = |matrix: &Array2<F>| {
        let keep = |((i, j), &value): ((usize, usize), &F)| if i <= j { value } else { F::ZERO };
        Array2::from_shape_vec(matrix.dim(), matrix.indexed_iter().map(keep).collect()).unwrap()
    };
    assert_same("upper triangle", &upper(&square), &upper(&rectangular));

    let pairs: Vec<_> = (0..45).map(|k| (k * 7 % 37, k * 5 % 37)).collect();
    let mut values = vec![F::from_f64(f64::NAN); pairs.len()];
    engine::pairs(plan, set(x.view()), &pairs, &mut values, &crate::common::job()).unwrap();
    for (&(i, j), value) in pairs.iter().zip(&values) {
        let (value, wanted) = (value.to_f64(), rectangular[[i, j]].to_f64());
        assert_eq!(value.to_bits(), wanted.to_bits(), "pair ({i}, {j})");
    }
}

#[test]
fn one_triangle_has_the_bits_of_the_whole() {
    for ntk in [false, true] {
        check_symmetric::<f32>(&plan(Kernel::Exp, ntk));
        check_symmetric::<f64>(&plan(Kernel::Relu, ntk));
    }
}

#[test]
fn a_pair_and_its_reverse_agree() {
    for plan in plans() {
        let x = images(&mut crate::common::rng(22), 4, SHAPE);
        let matrix = gram(&plan, &x, Some(&x));
        let transposed = matrix.t().to_owned();
        let tolerance = |i, j| if i == j { 0.0 } else { 1e-13 };
        crate::common::assert_close_by(
            &format!("{:?}", plan.layers),
            &matrix,
            &transposed,
            tolerance,
        );
    }
}

fn check_blocks<F: Real>(plan: &Plan) {
    let mut rng = crate::common::rng(23);
    let x = cast::<F>(&images(&mut rng, 5, SHAPE));
    let y = cast::<F>(&images(&mut rng, 36, SHAPE));
    let whole = gram(plan, &x, Some(&y));
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

    let (left, right) = (norms(plan, &x), norms(plan, &y));
    let floor = F::from_f64(1e-6);
    let inverses = [&left, &right].map(|norms| norms.mapv(|norm| F::ONE / norm.max(floor)));
    for with_inverses in [false, true] {
        let given = |pixels, norms, inverses| Images {
            name: "images",
            pixels,
            norms: Some(norms),
            inverses: Some(inverses).filter(|_| with_inverses),
        };
        let mut out = Array2::from_elem(whole.dim(), F::ZERO);
        engine::gram(
            plan,
            given(x.view(), left.view(), inverses[0].view()),
            Some(given(y.view(), right.view(), inverses[1].view())),
            outputs(out.view_mut()),
            &crate::common::job(),
        )
        .unwrap();
        assert_same("norms given", &out, &whole);
    }
}

#[test]
fn bits_depend_on_the_pair_alone() {
    for ntk in [false, true] {
        check_blocks::<f32>(&plan(Kernel::Relu, ntk));
        check_blocks::<f64>(&plan(Kernel::Exp, ntk));
    }
    // Sparse sites are summed in another way.
    let sparse = vec![layer(Kernel::Poly3, 2, 2, Pooling::Strided); 2];
    let plan = Plan::new(&Model::new(sparse).unwrap(), SHAPE, true).unwrap();
    check_blocks::<f32>(&plan);
}

#[test]
fn norms_of_an_image_depend_on_it_alone() {
    let plan = plan(Kernel::Relu, false);
    let x = cast::<f32>(&images(&mut crate::common::rng(24), 21, SHAPE));
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

/// Powers of two change no bit of a mantissa. Each `square` layer doubles the degree.
#[test]
fn kernels_are_homogeneous() {
    for plan in plans() {
        let squares = plan.layers.iter().filter(|layer| layer.kernel == Kernel::Square);
        let degree = 1 << squares.count();
        let mut rng = crate::common::rng(25);
        let (x, y) = (images(&mut rng, 2, SHAPE), images(&mut rng, 3, SHAPE));
        let wanted = gram(&plan, &x, Some(&y)) * (8.0_f64 * 0.5).powi(degree);
        let scaled = gram(&plan, &(&x * 8.0), Some(&(&y * 0.5)));
        assert_same(&format!("{:?}", plan.layers), &scaled, &wanted);
    }
}

#[test]
fn matrices_are_positive_semidefinite() {
    for plan in plans() {
        let mut rng = crate::common::rng(26);
        let some = images(&mut rng, 10, SHAPE);
        let blank = Array2::zeros((1, some.ncols()));
        let views = [some.view(), blank.view(), some.slice(s![..2, ..])];
        let x = concatenate(Axis(0), &views).unwrap();
        let mut matrix = gram(&plan, &x, None);
        // Duplicates and blanks give eigenvalues of zero, and the NTK of an image with itself is
        // exact to 1e-8: a little more on the diagonal must do.
        let ridge = 1e-7 * crate::common::largest(&matrix);
        matrix.diag_mut().mapv_inplace(|value| value + ridge);
        assert!(has_cholesky(matrix), "{:?}", plan.layers);
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

/// Images that make cosines of 0/0, 1, -1 and beyond by rounding.
fn hard_images() -> Array2<f64> {
    let some = images(&mut crate::common::rng(27), 3, SHAPE);
    let blank = Array2::zeros((1, some.ncols()));
    let constant = Array2::from_elem((1, some.ncols()), 0.3);
    let mut half = some.slice(s![..1, ..]).to_owned();
    half.slice_mut(s![.., ..100]).fill(0.0);
    let negative = -&some;
    let all = [&some, &blank, &constant, &half, &negative];
    concatenate(Axis(0), &all.map(|images| images.view())).unwrap()
}

fn check_hard<F: Real>(plan: &Plan, x: &Array2<F>) {
    let [kernel, ckn] = if plan.ntk {
        crate::common::both(plan, x, None)
    } else {
        [gram(plan, x, None), gram(plan, x, Some(x))]
    };
    let values = kernel.iter().chain(&ckn);
    let finite = values.into_iter().all(|value| value.is_finite());
    assert!(finite && norms(plan, x).iter().all(|norm| norm.is_finite()));
    let blank = kernel.row(3);
    assert!(blank.iter().all(|&value| value.to_f64() == 0.0), "{blank:?}");
}

#[test]
fn no_finite_image_gives_nan() {
    for plan in plans() {
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

#[track_caller]
fn assert_value_error<T>(result: ckn_rs::error::Result<T>, words: &[&str]) {
    let Err(Error::Value(message)) = result else { panic!("no Error::Value") };
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[test]
fn overflow_says_so() {
    let single = plan(Kernel::Exp, false);
    let mut x = cast::<f32>(&images(&mut crate::common::rng(28), 4, SHAPE));
    x.row_mut(2).mapv_inplace(|value| value * 1e25);
    let advice = ["norms", "image 2", "overflow", "scale", "float64"];
    assert_value_error(try_gram(&single, &x, None, &crate::common::job()), &advice);
    assert_value_error(try_norms(&single, &x, &crate::common::job()), &advice);

    // The norms are finite, and their square's square is not.
    let square = Model::new(vec![layer(Kernel::Square, 3, 2, Pooling::Gaussian)]).unwrap();
    for ntk in [false, true] {
        let plan = Plan::new(&square, SHAPE, ntk).unwrap();
        let x = images(&mut crate::common::rng(28), 3, SHAPE) * 1e80;
        let result = try_gram(&plan, &x, None, &crate::common::job());
        assert_value_error(result, &["kernel", "images", "overflow", "scale"]);
    }
}

#[test]
fn a_pixel_that_is_not_finite_names_its_image() {
    let plan = plan(Kernel::Exp, false);
    let x = images(&mut crate::common::rng(29), 4, SHAPE);
    for pixel in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut bad = x.clone();
        bad[[2, 17]] = pixel;
        let words = ["images", "image 2", "NaN"];
        assert_value_error(try_gram(&plan, &bad, None, &crate::common::job()), &words);
        assert_value_error(try_gram(&plan, &x, Some(&bad), &crate::common::job()), &words);
        assert_value_error(try_norms(&plan, &bad, &crate::common::job()), &words);
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let plan = plan(Kernel::Exp, false);
    let x = images(&mut crate::common::rng(30), 3, SHAPE);
    let job = crate::common::job();
    let narrow = x.slice(s![.., 1..]).to_owned();
    assert_value_error(try_gram(&plan, &narrow, None, &job), &["(10, 15, 2)", "300", "299"]);
    let mut out = Array2::zeros((3, 2));
    let result = engine::gram(&plan, set(x.view()), None, outputs(out.view_mut()), &job);
    assert_value_error(result, &["out", "(3, 3)", "(3, 2)"]);
    let mut images = set(x.view());
    images.norms = Some(out.view());
    let mut matrix = Array2::zeros((3, 3));
    let result = engine::gram(&plan, images, None, outputs(matrix.view_mut()), &job);
    assert_value_error(result, &["norms", "(3, 300)", "(3, 2)"]);
    let result = engine::pairs(&plan, set(x.view()), &[(0, 3)], &mut [0.0], &job);
    assert_value_error(result, &["(0, 3)", "3"]);
    assert_value_error(Job::new(0, None), &["n_threads"]);
}

#[test]
fn no_images_give_an_empty_matrix() {
    let plan = plan(Kernel::Exp, true);
    let x = images(&mut crate::common::rng(31), 3, SHAPE);
    let none = x.slice(s![..0, ..]).to_owned();
    assert_eq!(gram(&plan, &none, None).dim(), (0, 0));
    assert_eq!(gram(&plan, &x, Some(&none)).dim(), (3, 0));
    assert_eq!(gram(&plan, &none, Some(&x)).dim(), (0, 3));
    assert_eq!(norms(&plan, &none).nrows(), 0);
}

#[test]
fn a_cancelled_job_is_interrupted() {
    let plan = plan(Kernel::Exp, false);
    let x = images(&mut crate::common::rng(32), 600, SHAPE);
    let job = crate::common::job();
    job.cancel();
    assert_eq!(try_gram(&plan, &x, None, &job), Err(Error::Interrupted));
    assert_eq!(try_norms(&plan, &x, &job), Err(Error::Interrupted));
    assert_eq!(job.done(), 0);

    // While it runs: the whole would take half a minute.
    let job = crate::common::job();
    let x = images(&mut crate::common::rng(33), 4000, SHAPE);
    let result = std::thread::scope(|scope| {
        let running = scope.spawn(|| try_gram(&plan, &x, None, &job));
        while job.done() == 0 && !running.is_finished() {
            std::thread::yield_now();
        }
        job.cancel();
        running.join().unwrap()
    });
    assert_eq!(result, Err(Error::Interrupted));
    assert!(job.done() > 0 && job.done() < 4000 * 4001 / 2);
}

fn check_strided(plan: &Plan, y: Option<&Array2<f32>>, x: &Array2<f32>) {
    let [wanted, wanted_ckn] = crate::common::both(plan, x, y);
    let (n, m) = wanted.dim();
    let right = || y.map(|y| set(y.view()));
    let run = |kernel: ArrayViewMut2<f32>, ckn: ArrayViewMut2<f32>| {
        let out = Outputs { kernel, ckn: Some(ckn) };
        engine::gram(plan, set(x.view()), right(), out, &crate::common::job()).unwrap();
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
    let x = cast::<f32>(&images(&mut crate::common::rng(34), 35, SHAPE));
    check_strided(&plan, None, &x);
    check_strided(&plan, Some(&x.slice(s![3..20, ..]).to_owned()), &x);
}

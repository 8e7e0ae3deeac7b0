//! Calls that are errors, that are interrupted, or that have no images.

use crate::common::{
    SHAPE, carried, cast, gram, images, job, layer, norms, outputs, plan, rng, set, shape,
    try_gram, try_norms,
};
use ckn_rs::engine::{self, Job, Outputs};
use ckn_rs::error::Error;
use ckn_rs::kernel::Kernel;
use ckn_rs::model::Model;
use ckn_rs::plan::{Carried, Plan};
use ckn_rs::pooling::Pooling;
use ndarray::{Array1, Array2, s};

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
    let mut x = cast::<f32>(&images(&mut rng(28), 4, SHAPE));
    x.row_mut(2).mapv_inplace(|value| value * 1e25);
    let advice = ["norms", "image 2", "overflow", "scale", "float64"];
    assert_value_error(try_gram(&single, &x, None, &job()), &advice);
    assert_value_error(try_norms(&single, &x, &job()), &advice);

    // The norms are finite, but their fourth power is not.
    let square = Model::new(vec![layer(Kernel::Square, 3, 2, &Pooling::Gaussian)]).unwrap();
    for ntk in [false, true] {
        let plan = Plan::new(&square, SHAPE, carried(ntk)).unwrap();
        let x = images(&mut rng(28), 3, SHAPE) * 1e80;
        let result = try_gram(&plan, &x, None, &job());
        assert_value_error(result, &["kernel", "images", "overflow", "scale"]);
    }
}

#[test]
fn a_pixel_that_is_not_finite_names_its_image() {
    let plan = plan(Kernel::Exp, false);
    let x = images(&mut rng(29), 4, SHAPE);
    for pixel in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut bad = x.clone();
        bad[[2, 17]] = pixel;
        let words = ["images", "image 2", "NaN"];
        assert_value_error(try_gram(&plan, &bad, None, &job()), &words);
        assert_value_error(try_gram(&plan, &x, Some(&bad), &job()), &words);
        assert_value_error(try_norms(&plan, &bad, &job()), &words);
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let plan = plan(Kernel::Exp, false);
    let x = images(&mut rng(30), 3, SHAPE);
    let job = job();
    let narrow = x.slice(s![.., 1..]).to_owned();
    assert_value_error(try_gram(&plan, &narrow, None, &job), &["(10, 15, 2)", "300", "299"]);
    let narrow = Array2::zeros((3, 2));
    let known = norms(&plan, &x);
    let mut out = [narrow.clone()];
    let result = engine::gram(&plan, set(x.view()), None, outputs(&mut out), &job);
    assert_value_error(result, &["out", "[3, 3]", "[3, 2]"]);
    let mut images = set(x.view());
    images.norms = Some(narrow.view());
    let mut matrix = [Array2::zeros((3, 3))];
    let result = engine::gram(&plan, images, None, outputs(&mut matrix), &job);
    assert_value_error(result, &["norms", "(3, 300)", "(3, 2)"]);
    let gradients = Plan::new(&plan.model, SHAPE, Carried::Gradients).unwrap();
    images.norms = Some(known.view());
    let mut all = vec![Array2::zeros((3, 3)); 1 + gradients.gradients()];
    let result = engine::gram(&gradients, images, None, outputs(&mut all), &job);
    assert_value_error(result, &["images", "gradients", "norms"]);
    let mut two = [Array2::zeros((3, 3)), Array2::zeros((3, 3))];
    let result = engine::gram(&plan, set(x.view()), None, outputs(&mut two), &job);
    assert_value_error(result, &["1 results beside"]);
    let mut value = Array1::zeros(1);
    let out = Outputs { kernel: value.view_mut(), beside: Vec::new() };
    let result = engine::pairs(&plan, set(x.view()), &[(0, 3)], out, &job);
    assert_value_error(result, &["(0, 3)", "3"]);
    assert_value_error(Job::new(0, None), &["n_threads"]);
}

/// A ring of so many rows would take more memory than any machine has.
#[test]
fn too_much_memory_is_refused() {
    let mut wide = layer(Kernel::Exp, 3, 1, &Pooling::Average);
    (wide.npatch, wide.poolfactor) = ([9999; 2], [2; 2]);
    let model = Model::new(vec![wide; 2]).unwrap();
    let shape = shape(250, 250, 1);
    let plan = Plan::new(&model, shape, carried(false)).unwrap();
    let x = images(&mut rng(34), 1, shape);
    assert_value_error(
        try_gram(&plan, &x, None, &job()),
        &["model", "GB", "(250, 250, 1)", "smaller"],
    );
}

#[test]
fn no_images_give_an_empty_matrix() {
    let plan = plan(Kernel::Exp, true);
    let x = images(&mut rng(31), 3, SHAPE);
    let none = x.slice(s![..0, ..]).to_owned();
    assert_eq!(gram(&plan, &none, None).dim(), (0, 0));
    assert_eq!(gram(&plan, &x, Some(&none)).dim(), (3, 0));
    assert_eq!(gram(&plan, &none, Some(&x)).dim(), (0, 3));
    assert_eq!(norms(&plan, &none).nrows(), 0);
}

#[test]
fn a_cancelled_job_is_interrupted() {
    let plan = plan(Kernel::Exp, false);
    let x = images(&mut rng(32), 600, SHAPE);
    let cancelled = job();
    cancelled.cancel();
    assert_eq!(try_gram(&plan, &x, None, &cancelled), Err(Error::Interrupted));
    assert_eq!(try_norms(&plan, &x, &cancelled), Err(Error::Interrupted));
    assert_eq!(cancelled.done(), 0);

    // The second job is cancelled while it runs. Without that it would take half a minute.
    let job = job();
    let x = images(&mut rng(33), 4000, SHAPE);
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

//! Tests of a patch kernel against its formula, in about 100 bits.
//!
//! The formula is the plain one. With so many bits it may cancel, and its central differences give
//! derivatives to more than double precision. The unit of errors is the rounding of the result, plus
//! the change of the exact result by the rounding of each argument. A kernel with an error of a few
//! units is as precise as its arguments allow.

use super::{Jet, Kernel, NORM_FLOOR, Parameters, Patch, PatchKernel, SiteKernel, Visitor};
use crate::simd::{Context, Double, Isa, Real, Simd, SimdBase, Task, Vector};

/// The arguments of a kernel.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub sum: Double,
    pub norms: [Double; 2],
    pub sigma: Double,
    floor: f64,
}

impl Point {
    pub fn norms_product(&self) -> Double {
        self.norms[0] * self.norms[1]
    }

    /// `u`.
    pub fn cosine(&self) -> Double {
        let [left, right] = self.norms.map(|norm| norm.max(Double::from(self.floor)));
        let one = Double::from(1.0);
        (self.sum / left / right).min(one).max(-one)
    }

    /// `A`, `B` and `C`.
    pub fn scaled(&self) -> [Double; 3] {
        let square = self.sigma * self.sigma;
        let [left, right] = self.norms;
        [square * left * left, square * right * right, square * self.sum]
    }
}

/// `(pi - arccos u) / pi`.
pub(super) fn step(cosine: Double) -> Double {
    cosine.arcsin() / Double::PI + 0.5
}

/// `sqrt(1 - u^2)`.
pub(super) fn sine(cosine: Double) -> Double {
    ((-cosine + 1.0) * (cosine + 1.0)).sqrt()
}

/// `sqrt(1 - u^2) / pi + u (pi - arccos u) / pi`.
pub(super) fn relu(cosine: Double) -> Double {
    sine(cosine) / Double::PI + cosine * step(cosine)
}

/// The size to which a result's error is relative.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Size {
    /// The size of the result itself.
    Relative,
    /// The size of the result for nearly parallel patches of the same norms.
    Natural,
}

/// A kernel and its formula.
pub(super) struct Subject<'a> {
    pub kernel: Kernel,
    pub sigma: f64,
    pub parameters: Parameters,
    pub formula: &'a dyn Fn(Point) -> Double,
    pub size: Size,
    pub cosines: &'a [f64],
    /// The least norm at which the formula's differences are more precise than the kernel.
    pub least: f64,
}

/// Cosines at which every kernel is differentiable.
pub(super) const INNER: &[f64] =
    &[-0.9999, -0.99, -0.8, -0.3, -1e-4, 0.0, 1e-6, 0.02, 0.4, 0.706, 0.71, 0.95, 0.999, 0.99999];

/// [`INNER`] and both ends.
pub(super) const ALL: &[f64] = &[
    -1.0, -0.9999, -0.99, -0.8, -0.3, -1e-4, 0.0, 1e-6, 0.02, 0.4, 0.706, 0.71, 0.95, 0.999,
    0.99999, 1.0,
];

const NORMS: [f64; 7] = [9e-7, 1e-3, 0.1, 0.7, 1.0, 3.0, 20.0];

/// An absolute part of every unit, near the least normal number of single precision.
const LEAST: f64 = 1e-37;

/// The same for the slope, which may be a large multiple of a kernel that is rounded to 0.
const SLOPE_LEAST: f64 = 1e-33;

/// The step of differences, and that of differences of differences. Both are powers of two, so that 1 and a
/// step have an exact sum.
const FINE: f64 = 1.0 / (1_u64 << 26) as f64;
const COARSE: f64 = 1.0 / (1_u64 << 24) as f64;

/// The largest size of a cosine at which differences of differences are precise.
const FAR_FROM_PARALLEL: f64 = 0.9991;

/// The least norm for such differences, of a kernel that has a least norm for differences.
const LARGE: f64 = 0.7;

/// Units of error of the slope's derivatives, for each that the kernel's derivatives may have.
const SLOPE_UNITS: f64 = 4.0;

/// Norms from 0 to the largest whose products are finite in single precision.
pub(super) const HARD_NORMS: [f64; 12] =
    [0.0, 1e-15, 1e-9, 1e-6, 1e-3, 0.5, 1.0, 30.0, 1e4, 1e7, 1e12, 1e15];

/// Norms whose powers are finite as well.
pub(super) const TAME_NORMS: [f64; 8] = [0.0, 1e-15, 1e-9, 1e-6, 1e-3, 0.5, 1.0, 30.0];

impl Subject<'_> {
    /// Check that value and derivatives have at most so many units of error, at every level.
    pub fn check<F: Real>(&self, [value, derivatives]: [f64; 2]) {
        let all = self.inputs::<F>();
        let kernel = |point| jet_of(point, FINE, self.formula);
        let slope = |point| jet_of(point, COARSE, &|point| self.slope(point));
        let wanted: Vec<_> = all
            .iter()
            .map(|input| {
                let jet = self.wanted(*input, LEAST, &kernel);
                (jet, self.has_slope_jet(*input).then(|| self.wanted(*input, SLOPE_LEAST, &slope)))
            })
            .collect();
        for isa in Isa::available() {
            for ((input, wanted), got) in all.iter().zip(&wanted).zip(self.evaluate(isa, &all)) {
                let what =
                    format!("{} on {}, sigma {}", self.kernel.name(), isa.name(), self.sigma);
                let what = format!("{what}: {input:?}");
                let (jet, slope_jet) = wanted;
                assert_units(&what, jet, got.jet, [value, derivatives]);
                if input.is_above_floor() {
                    assert_units(&what, &jet[1..2], [got.slope], [derivatives; 2]);
                }
                if let Some(slope_jet) = slope_jet {
                    let what = format!("slope of {what}");
                    let units = derivatives * SLOPE_UNITS;
                    assert_units(&what, slope_jet, got.slope_jet, [units; 2]);
                }
            }
        }
    }

    /// Whether the slope's derivatives are compared there: the NTK takes the slope above the floor.
    fn has_slope_jet<F: Real>(&self, input: Input<F>) -> bool {
        let point = input.point(self.sigma);
        let least = if self.least > 0.0 { LARGE } else { NORM_FLOOR };
        let norms = point.norms.iter().all(|norm| norm.0 >= least);
        norms && input.is_above_floor() && point.cosine().abs().0 <= FAR_FROM_PARALLEL
    }

    /// Check that all results are finite for patches of these norms, whatever their cosines.
    pub fn check_hard<F: Real>(&self, norms: &[f64]) {
        let beyond = 1.0 + 4.0 * (-f64::from(F::MANTISSA_BITS)).exp2();
        let cosines = [-beyond, -1.0, -1e-3, 0.0, 1e-9, 0.5, 1.0, beyond];
        let all = inputs::<F>(norms, &cosines);
        for isa in Isa::available() {
            for (input, got) in all.iter().zip(self.evaluate(isa, &all)) {
                let is_finite = |numbers: [f64; 5]| numbers.into_iter().all(f64::is_finite);
                // The fourth power of `sigma`, or its inverse, is a factor of some.
                let has_slope_jet =
                    self.sigma.ln().abs() * 4.0 < -F::LEAST_INVERTIBLE.to_f64().ln();
                assert!(
                    got.slope.is_finite()
                        && is_finite(got.jet)
                        && (!has_slope_jet || is_finite(got.slope_jet)),
                    "{} on {}, sigma {}: {got:?} at {input:?}",
                    self.kernel.name(),
                    isa.name(),
                    self.sigma,
                );
            }
        }
    }

    fn inputs<F: Real>(&self) -> Vec<Input<F>> {
        let norms: Vec<_> = NORMS.into_iter().filter(|norm| *norm >= self.least).collect();
        inputs(&norms, self.cosines)
    }

    fn evaluate<F: Real>(&self, isa: Isa, inputs: &[Input<F>]) -> Vec<Got> {
        isa.run(Evaluate { subject: self, inputs })
    }

    /// Value, slope and the other derivatives, each with the unit of its error.
    fn wanted<F: Real>(
        &self,
        input: Input<F>,
        least: f64,
        derivatives: &dyn Fn(Point) -> [Double; 5],
    ) -> [(Double, f64); 5] {
        let point = input.point(self.sigma);
        let digit = (-1.0 - f64::from(F::MANTISSA_BITS)).exp2();
        let exact = derivatives(point);
        let up = Double::from(1.0) + digit;
        let [left, right] = point.norms;
        let off = [
            Point { sum: point.sum * (1.0 - digit), ..point },
            Point { norms: [left * up, right], ..point },
            Point { norms: [left, right * up], ..point },
        ];
        let off = off.map(derivatives);
        let like = match self.size {
            Size::Relative => exact,
            Size::Natural => derivatives(Point { sum: point.norms_product() * 0.999, ..point }),
        };
        let change =
            like[1] * if self.size == Size::Relative { point.sum } else { point.norms_product() };
        let common = like[0].abs() + change.abs();
        std::array::from_fn(|index| {
            let like = if index < 2 { like[index] } else { like[index].abs() + common };
            let moved: f64 = off.iter().map(|off| (off[index] - exact[index]).abs().0).sum();
            (exact[index], digit * like.abs().0 + moved + least)
        })
    }

    /// The slope.
    fn slope(&self, point: Point) -> Double {
        let product = point.norms_product();
        let moved = |step| (self.formula)(Point { sum: point.sum + product * step, ..point });
        difference(COARSE, &moved) / product
    }
}

/// A number at a point and its derivatives there.
fn jet_of(point: Point, step: f64, of: &dyn Fn(Point) -> Double) -> [Double; 5] {
    let product = point.norms_product();
    let [left, right] = point.norms;
    let difference = |of: &dyn Fn(f64) -> Double| difference(step, of);
    [
        of(point),
        difference(&|step| of(Point { sum: point.sum + product * step, ..point })) / product,
        difference(&|step| of(Point { norms: [left * (1.0 + step), right], ..point })),
        difference(&|step| of(Point { norms: [left, right * (1.0 + step)], ..point })),
        difference(&|step| of(Point { sigma: point.sigma * (1.0 + step), ..point })),
    ]
}

/// The derivative at 0, by central differences of fourth order.
fn difference(step: f64, of: &dyn Fn(f64) -> Double) -> Double {
    let across = |step: f64| of(step) - of(-step);
    (across(step) * 8.0 - across(2.0 * step)) / (12.0 * step)
}

/// Assert that `got` is within so many units: the first number, and the others.
#[track_caller]
fn assert_units<const N: usize>(
    what: &str,
    wanted: &[(Double, f64)],
    got: [f64; N],
    [value, derivatives]: [f64; 2],
) {
    for (index, ((exact, unit), got)) in wanted.iter().zip(got).enumerate() {
        let error = (Double::from(got) - *exact).abs().0 / unit;
        let name = ["value", "slope", "left", "right", "sigma"][index];
        let bound = if index == 0 { value } else { derivatives };
        assert!(error <= bound, "{what}: {name} is {got:e}, not {exact:?}, off by {error}");
    }
}

/// Check hard patches at usual `sigma`, and at extreme `sigma` those that are finite in each precision.
pub(super) fn check_hard_widths(subject: impl Fn(f64) -> Subject<'static>) {
    for sigma in [1e-2, 1.0, 1e2] {
        subject(sigma).check_hard::<f32>(&HARD_NORMS);
        subject(sigma).check_hard::<f64>(&HARD_NORMS);
    }
    for sigma in [1e-12, 1e-6, 1e6, 1e12] {
        subject(sigma).check_hard::<f32>(&TAME_NORMS);
        subject(sigma).check_hard::<f64>(&HARD_NORMS);
    }
}

/// The arguments of a kernel in precision `F`.
#[derive(Clone, Copy, Debug)]
struct Input<F> {
    sum: F,
    norms: [F; 2],
}

impl<F: Real> Input<F> {
    fn is_above_floor(self) -> bool {
        self.norms.iter().all(|norm| *norm >= F::from_f64(NORM_FLOOR))
    }

    fn point(self, sigma: f64) -> Point {
        let norms = self.norms.map(|norm| Double::from(norm.to_f64()));
        let [sum, sigma] = [self.sum.to_f64(), sigma].map(Double::from);
        Point { sum, norms, sigma, floor: F::from_f64(NORM_FLOOR).to_f64() }
    }
}

/// Every pair of norms at every cosine.
fn inputs<F: Real>(norms: &[f64], cosines: &[f64]) -> Vec<Input<F>> {
    let norms: Vec<F> = norms.iter().copied().map(F::from_f64).collect();
    let pairs = norms.iter().flat_map(|left| norms.iter().map(move |right| [*left, *right]));
    pairs
        .flat_map(|norms| {
            let [left, right] = norms.map(F::to_f64);
            cosines
                .iter()
                .map(move |cosine| Input { sum: F::from_f64(cosine * left * right), norms })
        })
        .collect()
}

/// The results of a kernel.
#[derive(Clone, Copy, Debug)]
struct Got {
    /// `dM/dS` as computed with the value alone.
    slope: f64,
    /// Value, slope, by left norm, by right norm, by sigma.
    jet: [f64; 5],
    /// The same of the slope.
    slope_jet: [f64; 5],
}

struct Evaluate<'a, F> {
    subject: &'a Subject<'a>,
    inputs: &'a [Input<F>],
}

impl<F: Real> Task for Evaluate<'_, F> {
    type Output = Vec<Got>;

    fn run<S: Simd>(self, simd: S) -> Vec<Got> {
        let Self { subject: Subject { kernel, sigma, parameters, .. }, inputs } = self;
        let mut all = Vec::new();
        kernel.prepare::<F>(*sigma, parameters).visit(Batches {
            cx: Context::new(simd),
            inputs,
            all: &mut all,
        });
        all
    }
}

struct Batches<'a, S, F> {
    cx: Context<S, F>,
    inputs: &'a [Input<F>],
    all: &'a mut Vec<Got>,
}

impl<S: Simd, F: Real> Visitor<F> for Batches<'_, S, F> {
    fn visit<K: PatchKernel<F>>(self, kernel: &K) {
        for batch in self.inputs.chunks(self.cx.lanes()) {
            let got = evaluate(self.cx, kernel, batch);
            self.all.extend(got.into_iter().take(batch.len()));
        }
    }
}

/// The results of a vector of inputs. All methods give the same bits of a number.
fn evaluate<S: Simd, F: Real, K: PatchKernel<F>>(
    cx: Context<S, F>,
    kernel: &K,
    batch: &[Input<F>],
) -> Vec<Got> {
    let lanes =
        |of: &dyn Fn(Input<F>) -> F| cx.from_fn(|lane| of(batch[lane.min(batch.len() - 1)]));
    let patch = |side: usize| lanes(&|input| input.norms[side]);
    let [left, right] = [0, 1].map(|side| Patch::new(cx, patch(side), kernel.noise()));
    let sum = lanes(&|input| input.sum);
    let site = kernel.at(cx, left);
    let [value, slope] = site.value_and_slope(cx, sum, right);
    let (jet, slope_jet) = (site.jet(cx, sum, right), site.slope_jet(cx, sum, right));
    let bits = |value: Vector<S, F>| -> Vec<u64> {
        value.as_slice().iter().map(|value| value.to_f64().to_bits()).collect()
    };
    assert_eq!(bits(site.value(cx, sum, right)), bits(value));
    assert_eq!(bits(jet.value), bits(value));
    assert_eq!(bits(slope_jet.value), bits(slope));
    let lane = |index: usize| {
        let of = |vector: Vector<S, F>| vector.as_slice()[index].to_f64();
        let numbers =
            |jet: Jet<Vector<S, F>>| [jet.value, jet.slope, jet.left, jet.right, jet.sigma].map(of);
        Got { slope: of(slope), jet: numbers(jet), slope_jet: numbers(slope_jet) }
    };
    (0..cx.lanes()).map(lane).collect()
}

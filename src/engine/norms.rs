//! Patch norms of every image at every layer. A patch sum divided by two of them is a cosine.
//!
//! `n[p] = sqrt(S[p, p])` needs only the diagonal of the layer's input map, and this diagonal needs
//! only a band of the maps before it. A [`Plan`] has a pipeline for each layer. For gradients, the
//! derivatives of the diagonal are computed beside it; from them follow those of the norms'
//! logarithms, `d log n[p] = dS[p, p] / (2 n[p]^2)`.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::batch;
use super::batch::pack::{PerImage, Role, Source};
use super::batch::scratch::Scratch;
use super::batch::stage::Stages;
use super::job::Job;
use super::overflow::overflow;
use super::threads::{self, Queue};
use crate::error::{Result, bail};
use crate::plan::{LayerPlan, Placement, Plan};
use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Task, Vector};

/// [`norms`](super::norms()) in any precision.
pub(super) fn compute<F: Real>(
    plan: &Plan,
    pixels: ArrayView2<F>,
    mut out: ArrayViewMut2<F>,
    job: &Job,
) -> Result<()> {
    let name = "images";
    let pixels = check_pixels(plan, name, pixels)?;
    let shape = (pixels.count(), plan.norms_len());
    if out.dim() != shape {
        bail!("out must be of shape {shape:?}, got {:?}", out.dim());
    }
    let Some(out) = out.as_slice_mut() else {
        bail!("out must be contiguous in memory");
    };
    let layers = plan.model.layers.len();
    // Nobody outside the engine needs these.
    let log_derivatives = &mut vec![F::ZERO; shape.0 * shape.1 * plan.derivatives()];
    let norms = out;
    job.isa.run(ComputeNorms {
        plan,
        name,
        pixels,
        norms,
        log_derivatives,
        job,
        layers,
        counted: true,
    })
}

/// Images must be of the plan's size, contiguous and finite.
pub(super) fn check_pixels<'a, F: Real>(
    plan: &Plan,
    name: &str,
    pixels: ArrayView2<'a, F>,
) -> Result<PerImage<'a, F>> {
    let shape = plan.shape;
    let len = shape.height * shape.width * shape.channels;
    if pixels.ncols() != len {
        bail!("{name}: images of shape {shape} have {len} values, got {}", pixels.ncols());
    }
    let Some(data) = pixels.to_slice() else {
        bail!("{name} must be contiguous in memory");
    };
    let pixels = PerImage { data, len };
    for (index, image) in pixels.iter().enumerate() {
        if !image.iter().all(|x| x.is_finite()) {
            bail!(
                "{name}: image {index} contains NaN or infinite values; remove or replace them first"
            );
        }
    }
    Ok(pixels)
}

/// The norms of checked images.
pub(super) struct ComputeNorms<'a, F> {
    pub plan: &'a Plan,
    pub name: &'a str,
    pub pixels: PerImage<'a, F>,
    pub norms: &'a mut [F],
    /// Derivatives of the norms' logarithms: as many as norms for each parameter, none without gradients.
    pub log_derivatives: &'a mut [F],
    pub job: &'a Job,
    /// How many layers get norms, from the first on.
    pub layers: usize,
    /// Whether the job's progress counts images.
    pub counted: bool,
}

impl<F: Real> Task for ComputeNorms<'_, F> {
    type Output = Result<()>;

    fn run<S: Simd>(self, simd: S) -> Result<()> {
        let Self { plan, name, pixels, norms, log_derivatives, job, layers, counted } = self;
        let cx = Context::new(simd);
        let channels = plan.shape.channels;
        let stages: Vec<Stages<F>> = plan.norms[..layers - 1]
            .iter()
            .map(|pipeline| Stages::new(pipeline, channels))
            .collect();
        let lanes = cx.lanes();
        let derivatives = (lanes * plan.norms_len() * plan.derivatives()).max(1);
        let mut log_derivatives = log_derivatives.chunks_mut(derivatives);
        let groups: Vec<_> = pixels
            .data
            .chunks(lanes * pixels.len)
            .zip(norms.chunks_mut(lanes * plan.norms_len()))
            .enumerate()
            .map(|(index, (data, norms))| ImageGroup {
                first: index * lanes,
                pixels: PerImage { data, len: pixels.len },
                norms,
                log_derivatives: log_derivatives.next().unwrap_or(&mut []),
            })
            .collect();
        threads::run(job, groups, |queue| {
            let mut scratches: Vec<_> =
                stages.iter().map(|stages| Scratch::new(cx, stages)).collect();
            while let Some(mut group) = queue.next() {
                group.norms.fill(F::ZERO);
                group.log_derivatives.fill(F::ZERO);
                cx.vectorize(
                    #[inline(always)]
                    || group.first_layer(cx, plan),
                );
                for (stages, scratch) in stages.iter().zip(&mut scratches) {
                    group.next_layer(cx, plan, stages, scratch, queue);
                }
                if let Err(error) = group.check(plan, name) {
                    queue.fail(error);
                }
                if counted {
                    job.advance(group.pixels.count());
                }
            }
        })
    }
}

/// As many images as there are lanes.
struct ImageGroup<'a, F> {
    /// Index of the first one.
    first: usize,
    pixels: PerImage<'a, F>,
    norms: &'a mut [F],
    log_derivatives: &'a mut [F],
}

impl<F: Real> ImageGroup<'_, F> {
    #[inline(always)]
    fn first_layer<S: Simd>(&mut self, cx: Context<S, F>, plan: &Plan) {
        let (width, channels) = (plan.shape.width, plan.shape.channels);
        let pixels = self.pixels;
        let lane = |lane: usize| lane.min(pixels.count() - 1);
        let scale = F::from_f64(plan.pixel_scale);
        // A patch's pixels are in many others: each is gathered once.
        let gathered: Vec<_> = (0..plan.shape.height * width * channels)
            .map(|at| cx.from_fn(|k| pixels.image(lane(k))[at] * scale))
            .collect();
        let squares = |sum, y, x| {
            let pixel = &gathered[(y * width + x) * channels..][..channels];
            pixel.iter().fold(sum, |sum: Vector<S, F>, value| value.mul_add(*value, sum))
        };
        patch_sums(cx, plan, (0, plan.bias(0)), squares, |at, sum| {
            self.put_norm(cx, plan, (0, at), sum);
        });
    }

    fn next_layer<S: Simd>(
        &mut self,
        cx: Context<S, F>,
        plan: &Plan,
        stages: &Stages<F>,
        scratch: &mut Scratch<S, F>,
        queue: &Queue<Self>,
    ) {
        let layer = stages.stages.len();
        let len = plan.norms_len();
        let norms = PerImage { data: &*self.norms, len };
        let derivatives = PerImage { data: &*self.log_derivatives, len: len * plan.derivatives() };
        let log_derivatives = (plan.derivatives() > 0).then_some(derivatives);
        let source = Source { pixels: self.pixels, norms, log_derivatives, supports: None };
        let images: Vec<usize> = (0..self.pixels.count()).collect();
        for role in [Role::Left, Role::Right] {
            batch::fill(scratch, cx, plan, stages, (role, source), &images);
        }
        batch::run(scratch, cx, stages, || queue.stopped());
        let width = plan.sizes[layer].1;
        for (map, diagonal) in scratch.diagonal.iter().enumerate() {
            let scale = cx.splat(F::from_f64(plan.patch_scale(layer)));
            let add =
                |sum: Vector<S, F>, y: usize, x: usize| diagonal[y * width + x].mul_add(scale, sum);
            cx.vectorize(
                #[inline(always)]
                || {
                    let start = if map == 0 { plan.bias(layer) } else { 0.0 };
                    patch_sums(cx, plan, (layer, start), add, |at, sum| match map.checked_sub(1) {
                        None => self.put_norm(cx, plan, (layer, at), sum),
                        Some(derivative) => self.put_derivative::<S>(plan, derivative, at, sum),
                    });
                },
            );
        }
    }

    /// Store the norms of a layer whose squares are `sum`, and their derivatives by its own scales.
    #[inline(always)]
    fn put_norm<S: Simd>(
        &mut self,
        cx: Context<S, F>,
        plan: &Plan,
        (layer, at): (usize, usize),
        sum: Vector<S, F>,
    ) {
        // Rounding can leave a blank patch's sum below zero.
        let norm = sum.max(cx.zero()).sqrt();
        for (norms, &norm) in self.norms.chunks_exact_mut(plan.norms_len()).zip(norm.as_slice()) {
            norms[at] = norm;
        }
        let LayerPlan { own, parameters_before, .. } = &plan.pair.layers[layer];
        for (index, scale) in own.scales.iter().enumerate() {
            let [factor, rest] = scale.map(|x| cx.splat(F::from_f64(x)));
            let sum = sum.mul_add(factor, rest);
            self.put_derivative::<S>(plan, parameters_before + index, at, sum);
        }
    }

    /// Store the derivatives of the norms' logarithms; `sum` are those of the norms' squares. Those of
    /// a blank patch stay 0.
    #[inline(always)]
    fn put_derivative<S: Simd>(
        &mut self,
        plan: &Plan,
        derivative: usize,
        at: usize,
        sum: Vector<S, F>,
    ) {
        let len = plan.norms_len();
        let images = self.log_derivatives.chunks_exact_mut(len * plan.derivatives());
        for ((derivatives, norms), &sum) in
            images.zip(self.norms.chunks_exact(len)).zip((sum * F::HALF).as_slice())
        {
            let norm = norms[at];
            if norm > F::ZERO {
                derivatives[derivative * len + at] = sum / norm / norm;
            }
        }
    }

    fn check(&self, plan: &Plan, name: &str) -> Result<()> {
        for (index, norms) in self.norms.chunks_exact(plan.norms_len()).enumerate() {
            if !norms.iter().all(|norm| norm.is_finite()) {
                let image = self.first + index;
                return Err(overflow::<F>(format_args!(
                    "{name}: the patch norms of image {image} overflow"
                )));
            }
        }
        Ok(())
    }
}

/// For each patch of a layer, call `put` with its place among the norms and with the sum over it.
/// `add(sum, y, x)` adds the value at a position, and sums begin with `bias`. The order of the sum is that
/// of the engine.
#[inline(always)]
fn patch_sums<S: Simd, F: Real>(
    cx: Context<S, F>,
    plan: &Plan,
    (layer, bias): (usize, f64),
    add: impl Fn(Vector<S, F>, usize, usize) -> Vector<S, F>,
    mut put: impl FnMut(usize, Vector<S, F>),
) {
    let [rows, cols] = &plan.placements[layer];
    let width = plan.sizes[layer].1;
    let (zero, bias) = (cx.zero(), cx.splat(F::from_f64(bias)));
    let under = |placement: &Placement| -> Vec<Vec<usize>> {
        (0..placement.patches).map(|patch| placement.under(patch).collect()).collect()
    };
    let (rows_under, cols_under) = (under(rows), under(cols));
    let mut vertical = vec![zero; width];
    for (y, under) in rows_under.iter().enumerate() {
        for (x, vertical) in vertical.iter_mut().enumerate() {
            *vertical = under.iter().fold(zero, |sum, y| add(sum, *y, x));
        }
        for (x, under) in cols_under.iter().enumerate() {
            let sum = under.iter().fold(bias, |sum, x| sum + vertical[*x]);
            put(layer * plan.layer_stride() + y * cols.patches + x, sum);
        }
    }
}

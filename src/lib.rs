//! Exact convolutional kernels (CKN) and convolutional neural tangent kernels (NTK) between images.
//!
//! A model is a list of layers. Each layer extracts patches, applies a patch kernel, and pools. For two
//! images `x`, `x'` of shape `(h, w, c)`, a map over pairs of positions `(p, q)` goes through the layers;
//! `p` is in the first image and `q` in the second:
//!
//! ```text
//! K[p,q] = <x[p], x'[q]>                                     pixels
//! per layer
//!   S[p,q] = sum over patch offsets o of K[p+o, q+o]         patch sums, "same" padding
//!   u      = S[p,q] / (max(n[p], 1e-6) max(n'[q], 1e-6))     cosines; n[p] = sqrt(S_xx[p,p])
//!   M[p,q] = n[p] n'[q] kappa(u)                             patch kernel
//!   K[P,Q] = sum over p, q of A[P,p] A[Q,q] M[p,q]           pooling
//! kernel = sum over P of K[P,P]
//! ```
//!
//! The NTK has a second map `T` with `T <- (dM/dS) S_T + M`. `DESIGN.md` has the conventions in full.
//!
//! # The rooms of the crate
//!
//! | module | its part |
//! |---|---|
//! | [`engine`] | runs a plan on images: norms, Gram matrices, lists of pairs |
//! | [`plan`] | a model on images of one shape, validated, with all sizes |
//! | [`model`] | layers as the user said them, without geometry |
//! | [`kernel`], [`pooling`], [`convention`] | the choices that a layer has |
//! | [`simd`] | vectors, elementary functions, the choice of the instruction set |
//! | [`error`] | the one error type |
//!
//! A module imports from its own room and from those below it in this table. To compute a kernel, read
//! a [`model::Model`], make a [`plan::Plan`] of it for the images' shape, and give both to
//! [`engine::gram`].
//!
//! # Example
//!
//! ```
//! use ckn_rs::engine::{self, Images, Job, Outputs};
//! use ckn_rs::model::Model;
//! use ckn_rs::plan::{Carried, Plan, Shape};
//! use ndarray::Array2;
//!
//! let model = Model::from_toml("[[layers]]\nnpatch = 3\nsubsampling = 2\nsigma = 0.6", false)?;
//! let shape = Shape { height: 8, width: 8, channels: 1 };
//! let plan = Plan::new(&model, shape, Carried::Nothing)?;
//!
//! // Five images, one a row.
//! let pixels = Array2::from_shape_fn((5, 64), |(i, p)| ((i * p) % 7) as f32);
//! let images = Images { name: "images", pixels: pixels.view(), norms: None };
//! let mut gram = Array2::zeros((5, 5));
//! let outputs = Outputs { kernel: gram.view_mut(), beside: Vec::new() };
//! engine::gram(&plan, images, None, outputs, &Job::new(1, None)?)?;
//! assert_eq!(gram, gram.t());
//! # Ok::<(), ckn_rs::error::Error>(())
//! ```

pub mod convention;
pub mod engine;
pub mod error;
pub mod kernel;
pub mod model;
pub mod plan;
pub mod pooling;
#[cfg(feature = "python")]
mod python;
pub mod simd;

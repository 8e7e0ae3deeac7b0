//! All integration tests are one program, so that the generic engine is compiled only once.

mod accuracy;
mod bits;
mod blank;
mod common;
mod golden;
mod gradients;
mod house;
mod levels;
mod oracle;
mod properties;
mod refusals;
mod scales;

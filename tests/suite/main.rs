//! One program for all integration tests, so that the generic engine is compiled once.

mod accuracy;
mod bits;
mod common;
mod golden;
mod gradients;
mod house;
mod levels;
mod oracle;
mod properties;
mod refusals;

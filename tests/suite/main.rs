//! One program for all integration tests, so that the generic engine is compiled once.

mod accuracy;
mod common;
mod golden;
mod levels;
mod oracle;
mod properties;

//! The one error type: what was wrong, where, and what would be right.

/// Everything a caller can get wrong, or ask for and interrupt.
///
/// The text is one sentence for the person who made the call; the Python layer turns
/// [`Error::Type`] into a `TypeError` and [`Error::Value`] into a `ValueError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An argument of the right type with an impossible value.
    #[error("{0}")]
    Value(String),
    /// An argument of the wrong type.
    #[error("{0}")]
    Type(String),
    /// The job was cancelled through its [`Job`](crate::engine::Job).
    #[error("the computation was interrupted")]
    Interrupted,
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// `Err(Error::Value(format!(...)))`.
macro_rules! bail {
    ($($arg:tt)*) => {
        return Err($crate::error::Error::Value(format!($($arg)*)))
    };
}
pub(crate) use bail;

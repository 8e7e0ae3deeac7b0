//! What a kernel is told beside `sigma`: its own parameters.

/// A parameter that a kernel declares.
#[derive(Debug)]
pub struct Parameter {
    /// Its key in a layer.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is unless given; none if it must be.
    pub default: Option<Setting>,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A finite number.
    Number,
    /// A finite number, 0 or above.
    NonNegative,
    /// A whole number from 1 to [`MOST_TERMS`].
    Degree,
    /// True or false.
    Flag,
    /// One to [`MOST_TERMS`] numbers, 0 or above but not all 0.
    Coefficients,
}

/// The largest degree, and the largest number of coefficients.
pub const MOST_TERMS: usize = 64;

/// What a parameter is.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// A whole number.
    Whole(usize),
    /// True or false.
    Flag(bool),
    /// A list of numbers.
    Numbers(Vec<f64>),
}

/// The settings of a kernel's parameters, validated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(pub Vec<(&'static str, Setting)>);

/// A getter for one sort of setting.
macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$doc])*
        ///
        /// # Panics
        /// If the kernel has not declared it so.
        pub fn $name(&self, name: &str) -> $type {
            match self.get(name) {
                Setting::$variant(value) => value.clone(),
                other => panic!("{name} is {other:?}"),
            }
        }
    };
}

impl Parameters {
    fn get(&self, name: &str) -> &Setting {
        let found = self.0.iter().find(|(key, _)| *key == name);
        found.map(|(_, setting)| setting).unwrap_or_else(|| panic!("no parameter {name}"))
    }

    getter! {
        /// A number.
        number, Number, f64
    }
    getter! {
        /// A whole number.
        whole, Whole, usize
    }
    getter! {
        /// True or false.
        flag, Flag, bool
    }
    getter! {
        /// A list of numbers.
        numbers, Numbers, Vec<f64>
    }
}

//! The parameters of kernels, apart from `sigma`.

/// A parameter that a kernel declares.
#[derive(Debug)]
pub struct Parameter {
    /// Its key in a layer.
    pub name: &'static str,
    /// The values that it may have.
    pub domain: Domain,
    /// Its value in a layer that does not give it. A parameter without default must be given.
    pub default: Option<Setting>,
}

/// The values that a parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
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

/// The value of a parameter.
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

/// The values of a kernel's parameters by their names, validated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(pub Vec<(&'static str, Setting)>);

/// A getter for one variant of [`Setting`].
macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$doc])*
        ///
        /// # Panics
        /// If the kernel has not declared a parameter of this name and kind.
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
        /// The number of this name.
        number, Number, f64
    }
    getter! {
        /// The whole number of this name.
        whole, Whole, usize
    }
    getter! {
        /// The flag of this name.
        flag, Flag, bool
    }
    getter! {
        /// The list of this name.
        numbers, Numbers, Vec<f64>
    }
}

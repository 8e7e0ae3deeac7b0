//! The models that are timed, under the names that `benches/side_by_side.py` has for them, too.

use ckn_rs::kernel::Kernel;
use ckn_rs::model::{Layer, Model};
use ckn_rs::plan::{Plan, Shape};
use ckn_rs::pooling::Pooling;

/// A model on images of one shape.
pub struct Case {
    pub name: &'static str,
    shape: Shape,
    ntk: bool,
    layers: Vec<Layer>,
}

impl Case {
    pub fn plan(&self) -> Plan {
        Plan::new(&Model::new(self.layers.clone()).unwrap(), self.shape, self.ntk).unwrap()
    }
}

const CIFAR: Shape = Shape { height: 32, width: 32, channels: 3 };
const MNIST: Shape = Shape { height: 28, width: 28, channels: 1 };
const DIGITS: Shape = Shape { height: 8, width: 8, channels: 1 };

fn layer(kernel: Kernel, npatch: usize, subsampling: usize) -> Layer {
    Layer {
        npatch,
        subsampling,
        poolfactor: subsampling,
        kernel,
        sigma: 0.6,
        pooling: Pooling::Gaussian,
    }
}

fn exp(npatch: usize, subsampling: usize) -> Layer {
    layer(Kernel::Exp, npatch, subsampling)
}

fn strided(subsampling: usize) -> Layer {
    Layer { pooling: Pooling::Strided, ..exp(3, subsampling) }
}

fn blurred(npatch: usize, poolfactor: usize) -> Layer {
    Layer { poolfactor, ..exp(npatch, 1) }
}

fn case(name: &'static str, shape: Shape, layers: &[Layer]) -> Case {
    Case { name, shape, ntk: false, layers: layers.to_vec() }
}

/// Two layers of 3x3 patches on 32x32x3 images, the model that everything is measured by.
pub fn flagship() -> Case {
    flagship_with(Kernel::Exp)
}

/// The same with another patch kernel.
pub fn flagship_with(kernel: Kernel) -> Case {
    case(kernel.name(), CIFAR, &[layer(kernel, 3, 2), layer(kernel, 3, 5)])
}

/// Its NTK.
pub fn flagship_ntk() -> Case {
    Case { name: "relu, NTK", ntk: true, ..flagship_with(Kernel::Relu) }
}

/// Three layers, each of which halves the map.
pub fn three_layers() -> Case {
    case("exp, three layers", CIFAR, &[exp(3, 2); 3])
}

/// Two layers on 8x8x1 images: so little work that what surrounds it shows.
pub fn digits() -> Case {
    case("exp, 8x8x1", DIGITS, &[exp(3, 2), exp(3, 1)])
}

/// All of them.
pub fn all() -> Vec<Case> {
    vec![
        flagship(),
        flagship_with(Kernel::Relu),
        flagship_ntk(),
        case("exp, strided", CIFAR, &[strided(2), strided(5)]),
        three_layers(),
        case("exp, one layer", CIFAR, &[exp(5, 8)]),
        case("exp, subsampling 1", CIFAR, &[blurred(3, 2), blurred(6, 10)]),
        case("exp, 28x28x1", MNIST, &[exp(3, 2), exp(3, 5)]),
        digits(),
    ]
}

//! The models that are timed. `benches/side_by_side.py` uses these names, too.

use ckn_rs::convention::Convention;
use ckn_rs::kernel::{Kernel, Parameter, Parameters, Setting};
use ckn_rs::model::{Layer, Model, Padding, Readout};
use ckn_rs::plan::{Carried, Plan, Shape};
use ckn_rs::pooling::Pooling;

/// A model on images of one shape.
pub struct Case {
    pub name: &'static str,
    shape: Shape,
    carried: Carried,
    layers: Vec<Layer>,
    readout: Readout,
}

impl Case {
    pub fn plan(&self) -> Plan {
        let Self { shape, carried, readout, .. } = *self;
        let model = Model {
            layers: self.layers.clone(),
            convention: Convention::Original,
            readout,
            dense: None,
        };
        Plan::new(&model.validated().unwrap(), shape, carried).unwrap()
    }
}

const CIFAR: Shape = Shape { height: 32, width: 32, channels: 3 };
const MNIST: Shape = Shape { height: 28, width: 28, channels: 1 };
const DIGITS: Shape = Shape { height: 8, width: 8, channels: 1 };

fn layer(kernel: Kernel, npatch: usize, subsampling: usize) -> Layer {
    Layer { sigma: 0.6, parameters: parameters(kernel), ..Layer::new(kernel, npatch, subsampling) }
}

fn exp(npatch: usize, subsampling: usize) -> Layer {
    layer(Kernel::Exp, npatch, subsampling)
}

fn strided(subsampling: usize) -> Layer {
    exp(3, subsampling).pooled(Pooling::Strided)
}

fn blurred(npatch: usize, poolfactor: usize) -> Layer {
    Layer { poolfactor: [poolfactor; 2], ..exp(npatch, 1) }
}

fn case(name: &'static str, shape: Shape, layers: &[Layer]) -> Case {
    let (layers, readout) = (layers.to_vec(), Readout::Trace);
    Case { name, shape, carried: Carried::Nothing, layers, readout }
}

/// Two layers of 3x3 patches on 32x32x3 images. Other models are compared with this one.
pub fn flagship() -> Case {
    flagship_with(Kernel::Exp)
}

/// The flagship with another patch kernel.
pub fn flagship_with(kernel: Kernel) -> Case {
    case(kernel.name(), CIFAR, &[layer(kernel, 3, 2), layer(kernel, 3, 5)])
}

/// The NTK of the flagship with `relu`.
pub fn flagship_ntk() -> Case {
    Case { name: "relu, NTK", carried: Carried::Ntk, ..flagship_with(Kernel::Relu) }
}

/// Three layers, each of which halves the map.
pub fn three_layers() -> Case {
    case("exp, three layers", CIFAR, &[2, 2, 2].map(|s| exp(3, s)))
}

/// Blocks of so many layers of `relu` on 3x3 patches, each with pooling after its last one.
fn deep(name: &'static str, blocks: [usize; 3]) -> Case {
    let block = |layers| {
        let unpooled = vec![layer(Kernel::Relu, 3, 1).pooled(Pooling::None); layers - 1];
        unpooled.into_iter().chain([layer(Kernel::Relu, 3, 2).pooled(Pooling::Average)])
    };
    let layers: Vec<Layer> = blocks.into_iter().flat_map(block).collect();
    Case { readout: Readout::Mean, ..case(name, CIFAR, &layers) }
}

/// A network whose layers have weights and biases with scales.
fn deep_with_biases() -> Case {
    let mut case = deep("myrtle5, biases", [2, 1, 1]);
    for layer in &mut case.layers {
        (layer.weight_std, layer.bias_std) = (1.4, 0.1);
    }
    case
}

/// The NTK of the deepest network.
fn deepest_ntk() -> Case {
    Case { carried: Carried::Ntk, ..deep("myrtle10, NTK", [3, 3, 3]) }
}

/// Two layers on 8x8x1 images. They need so little work that the cost of everything else shows.
pub fn digits() -> Case {
    case("exp, 8x8x1", DIGITS, &[exp(3, 2), exp(3, 1)])
}

/// The flagship with its derivatives.
pub fn flagship_gradients() -> [Case; 2] {
    [("exp, gradients", Carried::Gradients), ("exp, NTK gradients", Carried::NtkGradients)]
        .map(|(name, carried)| Case { name, carried, ..flagship() })
}

fn flagship_like(name: &'static str, change: impl Fn(&mut Layer)) -> Case {
    let mut case = Case { name, ..flagship() };
    case.layers.iter_mut().for_each(change);
    case
}

/// All models.
pub fn all() -> Vec<Case> {
    // `poly2` and `poly3` are left out, because `poly4` has the same sort of formula.
    let kernels =
        Kernel::ALL.into_iter().filter(|kernel| !["poly2", "poly3"].contains(&kernel.name()));
    let mut cases: Vec<_> = kernels.map(flagship_with).collect();
    cases.extend(flagship_gradients());
    cases.extend([
        flagship_ntk(),
        flagship_like("exp, circular", |layer| layer.padding = Padding::Circular),
        flagship_like("exp, valid", |layer| layer.padding = Padding::Valid),
        flagship_like("exp, dilated", |layer| layer.dilation = [2, 2]),
        flagship_like("exp, stride 2", |layer| {
            (layer.stride, layer.subsampling) = ([2, 2], [1, 1]);
        }),
        case("exp, strided", CIFAR, &[strided(2), strided(5)]),
        three_layers(),
        deep("myrtle5", [2, 1, 1]),
        deep_with_biases(),
        deep("myrtle7", [2, 2, 2]),
        deep("myrtle10", [3, 3, 3]),
        deepest_ntk(),
        case("exp, one layer", CIFAR, &[exp(5, 8)]),
        case("exp, subsampling 1", CIFAR, &[blurred(3, 2), blurred(6, 10)]),
        case("exp, 28x28x1", MNIST, &[exp(3, 2), exp(3, 5)]),
        digits(),
    ]);
    cases
}

/// Parameters for a kernel. Those that are not listed here have their default.
fn parameters(kernel: Kernel) -> Parameters {
    let setting = |own: &Parameter| match own.name {
        "a" => Setting::Number(-0.5),
        "degree" => Setting::Whole(3),
        "coefficients" => Setting::Numbers(vec![0.1; 10]),
        _ => own.default.clone().expect("no other parameter lacks a default"),
    };
    Parameters(kernel.parameters().iter().map(|own| (own.name, setting(own))).collect())
}

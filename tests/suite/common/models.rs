//! Models and shapes of images.

use ckn_rs::convention::Convention;
use ckn_rs::kernel::{Kernel, Parameter, Parameters, Setting};
use ckn_rs::model::{AXES, Layer, Model, Padding, Readout};
use ckn_rs::plan::{Carried, Plan, Shape};
use ckn_rs::pooling::Pooling;
use rand::{RngExt, rngs::StdRng};

/// A shape that is not a multiple of a batch, a block or a tile of columns.
pub const SHAPE: Shape = shape(10, 15, 2);

pub const fn shape(height: usize, width: usize, channels: usize) -> Shape {
    Shape { height, width, channels }
}

pub const fn carried(ntk: bool) -> Carried {
    if ntk { Carried::Ntk } else { Carried::Nothing }
}

/// A layer with this kernel and this pooling. Kernels with parameters get those of [`parameters`].
pub fn layer(kernel: Kernel, npatch: usize, subsampling: usize, pooling: &Pooling) -> Layer {
    // For poolings without a stride, `subsampling` must be 1.
    let subsampling = if pooling.has_stride() { subsampling } else { 1 };
    let mut layer = Layer::new(kernel, npatch, subsampling).pooled(pooling.clone());
    layer.sigma = 0.7;
    layer.parameters = parameters(kernel);
    layer
}

/// Two layers of 3x3 patches, pooled by 2. This is the most usual geometry.
pub fn two_layers(kernel: Kernel) -> Model {
    Model::new(vec![layer(kernel, 3, 2, &Pooling::Gaussian); 2]).unwrap()
}

/// Parameters for a kernel. Those that are not listed here have their default.
pub fn parameters(kernel: Kernel) -> Parameters {
    let setting = |own: &Parameter| match own.name {
        "a" => Setting::Number(-0.4),
        "degree" => Setting::Whole(3),
        "offset" => Setting::Number(0.3),
        "coefficients" => Setting::Numbers(vec![0.1, 0.4, 0.0, 0.3, 0.2]),
        _ => own.default.clone().expect("no other parameter lacks a default"),
    };
    Parameters(kernel.parameters().iter().map(|own| (own.name, setting(own))).collect())
}

/// The degree of a homogeneous kernel: if one patch is multiplied by `f > 0`, the kernel is
/// multiplied by `f^degree`. A kernel that is not homogeneous has none.
pub fn degree(kernel: Kernel) -> Option<u32> {
    match kernel.name() {
        "step" => Some(0),
        "exp" | "relu" | "linear" | "poly2" | "poly3" | "poly4" | "abrelu" | "poly" | "series" => {
            Some(1)
        }
        "square" | "arccos2" => Some(2),
        _ => None,
    }
}

pub fn pick<T: Clone>(rng: &mut StdRng, all: &[T]) -> T {
    all[rng.random_range(0..all.len())].clone()
}

/// Choices that a random model must contain.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub kernel: Kernel,
    pub pooling: Pooling,
    pub padding: Padding,
    pub convention: Convention,
    pub readout: Readout,
}

impl Wanted {
    /// A model of `depth` layers for images of `shape`. One layer, chosen at random, has the wanted
    /// kernel, pooling and padding. The other layers, and all other keys, are random.
    ///
    /// Every patch of the first layer holds at least two values. With one value, every cosine would
    /// be 1 or -1, where the slope of relu has an infinite derivative and two correct programs
    /// differ.
    pub fn model(&self, rng: &mut StdRng, shape: Shape, depth: usize, carried: Carried) -> Model {
        loop {
            let mut layers: Vec<Layer> = (0..depth).map(|_| self.layer(rng, carried)).collect();
            let chosen = rng.random_range(0..depth);
            layers[chosen].kernel = self.kernel;
            layers[chosen].parameters = parameters(self.kernel);
            layers[chosen].padding = self.padding;
            set_pooling(&mut layers[chosen], rng.random_range(0..2), &self.pooling);
            if rng.random_range(0..3) == 0 {
                add_shortcut(&mut layers, rng);
            }
            let Self { convention, readout, .. } = *self;
            if shape.channels == 1 && layers[0].npatch.iter().any(|&side| side < 3) {
                continue;
            }
            let model = Model { layers, convention, readout, dense: None };
            let Ok(model) = model.validated() else { continue };
            if Plan::new(&model, shape, carried).is_ok() {
                return model;
            }
        }
    }

    fn layer(&self, rng: &mut StdRng, carried: Carried) -> Layer {
        let usable = |kernel: &Kernel| carried == Carried::Nothing || kernel.singular().is_none();
        let kernels: Vec<_> = Kernel::ALL.into_iter().filter(usable).collect();
        let kernel = pick(rng, &kernels);
        let weights = Pooling::Weights(vec![0.5, 0.25, -0.125]);
        let poolings: Vec<_> = Pooling::ALL.into_iter().chain([weights]).collect();
        let mut layer = layer(kernel, 1, 1, &Pooling::Average);
        layer.sigma = rng.random_range(0.6..1.4);
        layer.padding = pick(rng, &Padding::ALL);
        for side in 0..AXES {
            layer.npatch[side] = rng.random_range(1..=4);
            layer.stride[side] = pick(rng, &[1, 1, 2]);
            layer.dilation[side] = pick(rng, &[1, 1, 2]);
            layer.subsampling[side] = rng.random_range(1..=2);
            let factor = rng.random_range(1..=4);
            layer.poolfactor[side] = match self.convention {
                Convention::Original | Convention::NeuralTangents => factor,
                Convention::First => layer.subsampling[side],
            };
            set_pooling(&mut layer, side, &pick(rng, &poolings));
        }
        layer.weight_std = pick(rng, &[1.0, 1.0, 0.8, 1.3]);
        layer.bias_std = pick(rng, &[0.0, 0.0, 0.2, 0.5]);
        layer
    }
}

/// Make the layers after a random one unpooled and of stride 1, with a shortcut around some of them. What
/// then does not fit is no model.
fn add_shortcut(layers: &mut [Layer], rng: &mut StdRng) {
    let last = rng.random_range(0..layers.len());
    let length = if last > 0 { rng.random_range(1..=last) } else { return };
    for layer in &mut layers[last + 1 - length..=last] {
        layer.stride = [1; AXES];
        (0..AXES).for_each(|side| set_pooling(layer, side, &Pooling::None));
    }
    layers[last].shortcut = length;
}

fn set_pooling(layer: &mut Layer, side: usize, pooling: &Pooling) {
    layer.poolings[side] = pooling.clone();
    if !pooling.has_stride() {
        layer.subsampling[side] = 1;
    }
    if matches!(pooling, Pooling::Global | Pooling::None | Pooling::Weights(_)) {
        layer.poolfactor[side] = layer.subsampling[side];
    }
}

/// The plan of [`two_layers`] on [`SHAPE`].
pub fn plan(kernel: Kernel, ntk: bool) -> Plan {
    Plan::new(&two_layers(kernel), SHAPE, carried(ntk)).unwrap()
}

/// Plans of [`two_layers`] for each kernel: of the CKN and, if the kernel has one, of the NTK.
pub fn plans() -> impl Iterator<Item = Plan> {
    Kernel::ALL.into_iter().flat_map(|kernel| {
        let ntk = kernel.singular().is_none().then(|| plan(kernel, true));
        std::iter::once(plan(kernel, false)).chain(ntk)
    })
}

/// Models with unusual geometry: circular and valid padding, dilations, strides, patches and
/// windows wider than their map, no pooling, and global pooling. Two go by displacements. The last ones
/// have scales of weights and biases, in both orders and with folded columns.
pub fn unusual_models() -> Vec<Model> {
    let layer = |change: &dyn Fn(&mut Layer)| {
        let mut layer = layer(Kernel::Exp, 3, 2, &Pooling::Gaussian);
        change(&mut layer);
        layer
    };
    let around = layer(&|layer| layer.padding = Padding::Circular);
    let spread = layer(&|layer| layer.dilation = [2, 1]);
    let apart = layer(&|layer| (layer.stride, layer.subsampling) = ([1, 2], [1, 1]));
    let inside = layer(&|layer| layer.padding = Padding::Valid).pooled(Pooling::Average);
    let wide = layer(&|layer| (layer.npatch, layer.poolfactor) = ([9, 2], [1, 17]));
    let long = Pooling::Weights((1..=19).map(|k| 1.0 / f64::from(k)).collect());
    let weighted = layer(&|layer| layer.npatch = [2, 12]).pooled(long);
    let bare = self::layer(Kernel::Relu, 2, 1, &Pooling::None);
    let global = self::layer(Kernel::Relu, 3, 1, &Pooling::Global);
    let unpooled = self::layer(Kernel::Exp, 3, 1, &Pooling::None);
    let halved = self::layer(Kernel::Relu, 3, 2, &Pooling::Average);
    let blurred = layer(&|layer| (layer.subsampling, layer.poolfactor) = ([1, 2], [1, 2]));
    let biased = |layer: &Layer| Layer { weight_std: 1.2, bias_std: 0.4, ..layer.clone() };
    let model = |layers: &[&Layer], readout| Model {
        layers: layers.iter().map(|&layer| layer.clone()).collect(),
        convention: Convention::Original,
        readout,
        dense: None,
    };
    vec![
        model(&[&around, &around], Readout::Trace),
        model(&[&bare, &around], Readout::Mean),
        model(&[&spread, &inside], Readout::Trace),
        model(&[&apart, &bare, &global], Readout::Trace),
        model(&[&inside, &spread], Readout::Mean),
        model(&[&wide, &spread], Readout::Trace),
        model(&[&spread, &weighted], Readout::Mean),
        model(&[&bare, &wide], Readout::Trace),
        model(&[&unpooled, &bare, &halved, &unpooled], Readout::Mean),
        model(&[&bare, &blurred, &unpooled, &halved], Readout::Trace),
        model(&[&biased(&halved), &biased(&global)], Readout::Mean),
        model(&[&halved, &biased(&spread)], Readout::Trace),
        model(&[&biased(&apart), &biased(&apart)], Readout::Trace),
        model(&[&biased(&around), &biased(&unpooled)], Readout::Mean),
        model(&[&unpooled, &biased(&bare), &biased(&halved), &unpooled], Readout::Trace),
    ]
}

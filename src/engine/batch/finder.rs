//! Finds the blank patches of images.
//!
//! A patch is blank if the image is 0 all over it. Most patch kernels are exactly 0 for a blank patch,
//! whatever the other patch is, and so are their derivatives. A pooled position is blank if its window
//! covers blank patches only. So deeper layers have blank patches, too.

use super::pack::PerImage;
use super::support::{count, has, set, site_words, stride};
use crate::plan::{Axis, LayerPlan, Order, Plan};
use crate::simd::Real;

/// The words of one image's support.
pub fn support_words(plan: &Plan) -> usize {
    plan.pair.layers.iter().map(site_words).sum()
}

/// Whether a layer's map and its derivatives are exactly +0 at a blank patch, and stay so when they are
/// pooled.
fn vanishes<F: Real>(layer: &LayerPlan) -> bool {
    let kernel = layer.layer.kernel.prepare::<F>(layer.layer.sigma, &layer.layer.parameters);
    let mut weights = layer.rows.weights.iter().chain(&layer.cols.weights);
    // A negative weight would turn +0 into -0. With a bias, no patch is blank.
    !layer.layer.has_bias() && kernel.vanishes() && weights.all(|&weight| weight >= 0.0)
}

/// Finds the blank patches of images.
pub struct Finder<'a> {
    plan: &'a Plan,
    /// For each layer.
    vanishes: Vec<bool>,
    /// The places of the first layer's inputs in an image.
    rows: Vec<usize>,
    cols: Vec<usize>,
}

impl<'a> Finder<'a> {
    /// None if no blank patch of these images can be left out.
    pub fn new<F: Real>(plan: &'a Plan, pixels: PerImage<F>) -> Option<Self> {
        let layers = &plan.pair.layers;
        // Where sites are sparse, a pair takes so little time that a look at its images would count.
        let uses = plan.pair.order == Order::Rows
            && !layers[0].is_folded()
            && layers.iter().all(|layer| layer.shortcut.is_none());
        if !uses || !vanishes::<F>(&layers[0]) || pixels.data.iter().all(|&value| value != F::ZERO)
        {
            return None;
        }
        let positions =
            |axis: &Axis| (0..axis.inputs.len()).map(|input| axis.position(input)).collect();
        Some(Self {
            plan,
            vanishes: layers.iter().map(vanishes::<F>).collect(),
            rows: positions(&layers[0].rows),
            cols: positions(&layers[0].cols),
        })
    }

    /// Write the supports of images: for each as many words, one layer after the other. Whether an image
    /// has a blank patch.
    pub fn find<F: Real>(
        &self,
        pixels: PerImage<F>,
        norms: PerImage<F>,
        words: &mut [u64],
    ) -> bool {
        let mut any_blank = false;
        let images = pixels.iter().zip(norms.iter());
        for (words, (pixels, norms)) in words.chunks_exact_mut(support_words(self.plan)).zip(images)
        {
            any_blank |= self.find_one(pixels, norms, words);
        }
        any_blank
    }

    fn find_one<F: Real>(&self, pixels: &[F], norms: &[F], mut words: &mut [u64]) -> bool {
        let (width, channels) = (self.plan.shape.width, self.plan.shape.channels);
        let mut inputs = Grid::from_fn(self.rows.len(), self.cols.len(), |y, x| {
            let pixel = (self.rows[y] * width + self.cols[x]) * channels;
            pixels[pixel..][..channels].iter().any(|&value| value != F::ZERO)
        });
        let mut any_blank = false;
        let stride = self.plan.layer_stride();
        for (layer, (norms, &vanishes)) in
            self.plan.pair.layers.iter().zip(norms.chunks(stride).zip(&self.vanishes))
        {
            let sites = inputs.patches(layer, |site| !vanishes || norms[site] != F::ZERO);
            any_blank |= sites.has_gap();
            let (own, others) = words.split_at_mut(sites.words.len());
            own.copy_from_slice(&sites.words);
            words = others;
            inputs = sites.windows(layer);
        }
        any_blank
    }
}

/// Bits by row and column.
struct Grid {
    cols: usize,
    words: Vec<u64>,
}

impl Grid {
    fn from_fn(rows: usize, cols: usize, bit: impl Fn(usize, usize) -> bool) -> Self {
        let stride = stride(cols);
        let mut words = vec![0; rows * stride];
        for (y, row) in words.chunks_exact_mut(stride).enumerate() {
            (0..cols).filter(|&x| bit(y, x)).for_each(|x| set(row, x));
        }
        Self { cols, words }
    }

    /// The union of some rows.
    fn union(&self, rows: impl Iterator<Item = usize>) -> Vec<u64> {
        let stride = stride(self.cols);
        let mut union = vec![0; stride];
        for row in rows {
            for (word, other) in union.iter_mut().zip(&self.words[row * stride..]) {
                *word |= other;
            }
        }
        union
    }

    /// The sites of `layer` whose patches have one of these inputs. Others may have a norm all the same,
    /// if norms are given.
    fn patches(&self, layer: &LayerPlan, has_norm: impl Fn(usize) -> bool) -> Self {
        let (rows, cols) = (&layer.rows, &layer.cols);
        let patches = cols.placement.patches;
        let under = |y: usize| self.union(rows.patch_inputs.iter().filter_map(|row| row[y]));
        let under: Vec<_> = (0..rows.sites.len()).map(under).collect();
        Self::from_fn(rows.sites.len(), cols.sites.len(), |y, x| {
            let mut inputs = cols.patch_inputs.iter().filter_map(|inputs| inputs[x]);
            inputs.any(|input| has(&under[y], input))
                || has_norm(rows.sites[y] * patches + cols.sites[x])
        })
    }

    /// The windows of `layer` that cover one of these sites.
    fn windows(&self, layer: &LayerPlan) -> Self {
        let (rows, cols) = (&layer.rows.windows, &layer.cols.windows);
        let under: Vec<_> = rows.iter().map(|window| self.union(window.sites())).collect();
        Self::from_fn(rows.len(), cols.len(), |y, x| {
            cols[x].sites().any(|site| has(&under[y], site))
        })
    }

    fn has_gap(&self) -> bool {
        let mut rows = self.words.chunks_exact(stride(self.cols));
        rows.any(|row| count(row) < self.cols)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::engine::batch::support::Support;
    use crate::kernel::Kernel;
    use crate::model::{Layer, Model};
    use crate::plan::{Carried, Shape};
    use crate::pooling::Pooling;

    /// Images of 7x8 pixels through two layers, the first pooled by 2, without overlap.
    fn plan(kernel: Kernel) -> Plan {
        let layers =
            [kernel, Kernel::Exp].map(|kernel| Layer::new(kernel, 3, 2).pooled(Pooling::Average));
        let shape = Shape { height: 7, width: 8, channels: 1 };
        Plan::new(&Model::new(layers.to_vec()).unwrap(), shape, Carried::Nothing).unwrap()
    }

    /// The support of images with these pixels.
    fn support(plan: &Plan, images: &[&[usize]]) -> Option<Support> {
        let mut pixels = vec![0.0_f32; images.len() * 56];
        for (image, bright) in pixels.chunks_exact_mut(56).zip(images) {
            bright.iter().for_each(|&pixel| image[pixel] = -1.0);
        }
        let norms = vec![0.0; images.len() * plan.norms_len()];
        let norms = PerImage { data: &norms, len: plan.norms_len() };
        let pixels = PerImage { data: &pixels[..], len: 56 };
        let mut words = vec![0; images.len() * support_words(plan)];
        if !Finder::new(plan, pixels)?.find(pixels, norms, &mut words) {
            return None;
        }
        let mut support = Support::new(plan.pair.layers.iter());
        support.fill(words.chunks_exact(support_words(plan)));
        Some(support)
    }

    fn hulls(plan: &Plan, support: &Support, layer: usize) -> Vec<Range<usize>> {
        (0..plan.pair.layers[layer].rows.sites.len())
            .map(|row| support.layer(layer).hull(row))
            .collect()
    }

    #[test]
    fn patches_and_windows_over_a_pixel_are_not_blank() {
        let plan = plan(Kernel::Exp);
        // The pixel in row 1 and column 6.
        let one = support(&plan, &[&[14]]).unwrap();
        // The last row of the first layer is in no window.
        assert_eq!(hulls(&plan, &one, 0), [5..8, 5..8, 5..8, 0..0, 0..0, 0..0]);
        assert_eq!(one.layer(0).part(0..3), 3.0 / 8.0);
        // Windows 0 and 1 down, 2 and 3 across; their patches reach one further.
        assert_eq!(hulls(&plan, &one, 1), [1..4, 1..4]);
        // Two lanes, and a hull with a gap.
        let two = support(&plan, &[&[14], &[8]]).unwrap();
        assert_eq!(hulls(&plan, &two, 0)[0], 0..8);
        let has: Vec<_> = (0..8).filter(|&site| two.layer(0).has(0, site)).collect();
        assert_eq!(has, [0, 1, 5, 6, 7]);
    }

    #[test]
    fn only_blank_patches_of_kernels_that_vanish_count() {
        let full: Vec<usize> = (0..56).collect();
        assert!(support(&plan(Kernel::Exp), &[&full]).is_none());
        // A pixel of 0 in the middle leaves no patch blank.
        assert!(support(&plan(Kernel::Exp), &[&[&full[..27], &full[28..]].concat()]).is_none());
        for kernel in [Kernel::Rbf, Kernel::Cos, Kernel::Step] {
            assert!(support(&plan(kernel), &[&[14]]).is_none());
        }
    }

    #[test]
    fn dense_images_fill_the_support_again() {
        let plan = plan(Kernel::Exp);
        let mut one = support(&plan, &[&[14]]).unwrap();
        one.clear();
        assert!(!one.has_blanks());
        assert_eq!(hulls(&plan, &one, 0), vec![0..8; 6]);
    }
}

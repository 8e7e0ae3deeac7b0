//! The support of a batch: the sites of each layer whose patches are not blank in all lanes.

use std::ops::Range;

use crate::plan::{LayerPlan, hull};

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// The support of the images in all lanes: a site is blank if it is blank in every lane.
pub struct Support {
    layers: Vec<SiteBits>,
    /// Whether an image may have blank sites.
    has_blanks: bool,
}

/// The sites of a layer that are not blank.
pub struct SiteBits {
    words: Vec<u64>,
    cols: usize,
    /// For each row the number of sites.
    counts: Vec<usize>,
    /// For each row the least range that holds its sites.
    hulls: Vec<Range<usize>>,
}

impl Support {
    pub fn new<'a>(layers: impl Iterator<Item = &'a LayerPlan>) -> Self {
        Self { layers: layers.map(SiteBits::new).collect(), has_blanks: false }
    }

    /// Unite the supports of the images in the lanes.
    #[inline(never)]
    pub fn fill<'a>(&mut self, images: impl Iterator<Item = &'a [u64]>) {
        self.has_blanks = true;
        self.layers.iter_mut().for_each(|layer| layer.words.fill(0));
        for mut image in images {
            for layer in &mut self.layers {
                let (words, rest) = image.split_at(layer.words.len());
                image = rest;
                for (word, other) in layer.words.iter_mut().zip(words) {
                    *word |= other;
                }
            }
        }
        self.layers.iter_mut().for_each(SiteBits::measure);
    }

    /// No site is blank.
    #[inline(never)]
    pub fn clear(&mut self) {
        self.has_blanks = false;
        self.layers.iter_mut().for_each(SiteBits::fill);
    }

    /// Whether an image may have blank sites.
    pub fn has_blanks(&self) -> bool {
        self.has_blanks
    }

    /// The sites of a layer that are not blank.
    pub fn layer(&self, layer: usize) -> &SiteBits {
        &self.layers[layer]
    }

    /// The bytes of the support of one operand.
    pub fn bytes<'a>(layers: impl Iterator<Item = &'a LayerPlan>) -> usize {
        let row = size_of::<usize>() + size_of::<Range<usize>>();
        layers
            .map(|layer| site_words(layer) * size_of::<u64>() + layer.rows.sites.len() * row)
            .sum()
    }

    /// The bytes that are allocated.
    #[cfg(test)]
    pub fn allocated(&self) -> usize {
        let of = |SiteBits { words, counts, hulls, .. }: &SiteBits| {
            size_of_val(&words[..]) + size_of_val(&counts[..]) + size_of_val(&hulls[..])
        };
        self.layers.iter().map(of).sum()
    }
}

impl SiteBits {
    fn new(layer: &LayerPlan) -> Self {
        let rows = layer.rows.sites.len();
        let words = vec![0; site_words(layer)];
        let cols = layer.cols.sites.len();
        let mut bits = Self { words, cols, counts: vec![0; rows], hulls: vec![0..0; rows] };
        bits.fill();
        bits
    }

    /// No site is blank.
    fn fill(&mut self) {
        for row in self.words.chunks_exact_mut(stride(self.cols)) {
            (0..self.cols).for_each(|site| set(row, site));
        }
        self.measure();
    }

    fn measure(&mut self) {
        let rows = self.words.chunks_exact(stride(self.cols));
        for ((row, hull), sites) in rows.zip(&mut self.hulls).zip(&mut self.counts) {
            (*hull, *sites) = (hull_of(row), count(row));
        }
    }

    /// Whether a site is not blank.
    pub fn has(&self, row: usize, site: usize) -> bool {
        has(&self.words[row * stride(self.cols)..], site)
    }

    /// The least range that holds the sites of a row that are not blank.
    pub fn hull(&self, row: usize) -> Range<usize> {
        self.hulls[row].clone()
    }

    /// The part of the sites of these rows that is not blank.
    pub fn part(&self, rows: Range<usize>) -> f64 {
        let all = rows.len() * self.cols;
        self.counts[rows].iter().sum::<usize>() as f64 / all as f64
    }

    /// The part of all rows that lies in their hulls.
    pub fn hull_part(&self) -> f64 {
        let all = self.hulls.len() * self.cols;
        self.hulls.iter().map(ExactSizeIterator::len).sum::<usize>() as f64 / all as f64
    }
}

/// The words of the sites of a layer, in rows of whole words.
pub fn site_words(layer: &LayerPlan) -> usize {
    layer.rows.sites.len() * stride(layer.cols.sites.len())
}

/// The words of a row.
pub fn stride(cols: usize) -> usize {
    cols.div_ceil(WORD).max(1)
}

pub fn has(row: &[u64], bit: usize) -> bool {
    row[bit / WORD] >> (bit % WORD) & 1 == 1
}

pub fn set(row: &mut [u64], bit: usize) {
    row[bit / WORD] |= 1 << (bit % WORD);
}

pub fn count(row: &[u64]) -> usize {
    row.iter().map(|word| word.count_ones() as usize).sum()
}

/// The least range that holds the bits of a row.
fn hull_of(row: &[u64]) -> Range<usize> {
    let words = row.iter().enumerate().filter(|(_, word)| **word != 0);
    hull(words.map(|(index, word)| {
        let start = index * WORD + word.trailing_zeros() as usize;
        start..(index + 1) * WORD - word.leading_zeros() as usize
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hulls_hold_all_bits() {
        let of = |bits: &[usize]| {
            let mut row = vec![0; 3];
            bits.iter().for_each(|&bit| set(&mut row, bit));
            hull_of(&row)
        };
        assert_eq!(of(&[]), 0..0);
        assert_eq!(of(&[63]), 63..64);
        assert_eq!(of(&[5, 64, 130]), 5..131);
        assert_eq!(of(&[191]), 191..192);
    }
}

//! Step 1: the vertical part of the patch sums, for a few columns and one or two pairs of rows at a
//! time.
//!
//! For a pair of rows `(y, y')`, left column `a` and right column `b`,
//!
//! ```text
//! first layer    V[a, b] = sum over dy, terms of x[y + dy, a, term] x'[y' + dy, b, term]
//! deeper layers  V[a, b] = sum over dy        of K[y + dy, a, y' + dy, b]
//! ```
//!
//! over the offsets `dy` for which both rows exist. In a layer with biases each sum begins with a part of
//! the bias, and in deeper layers `K` may have a factor. Two pairs on a diagonal, `(y, y')` and
//! `(y + 1, y' + 1)`, share all terms but one row each. The shared terms are summed once, and first.
//! Where sites are sparse, the horizontal offsets are terms of these sums, too.

use std::ops::Range;

use super::chunk::{BLOCK, Strip, TILE};
use super::ring::MapRing;
use super::rows::weigh_rows;
use super::stage::{PatchRows, Stage};
use crate::plan::ROWS;
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// The input rows that a pair of left rows reads on a diagonal.
pub struct PairRows {
    /// The rows under both patches.
    shared: PatchRows,
    /// The other rows of each patch; none for a left row that meets nothing.
    own: [Option<PatchRows>; ROWS],
}

impl PairRows {
    /// For each left row the rows under the patches of it and the right row it meets, if it does.
    pub fn new(patches: [Option<PatchRows>; ROWS]) -> Self {
        match patches {
            [Some(first), Some(second)] => {
                let (shared, own) = first.share(second);
                Self { shared, own: own.map(Some) }
            }
            own => Self { shared: PatchRows::NONE, own },
        }
    }
}

/// The rings of columns that are summed into, one for each left row.
pub type Targets<'a, S, F> = [&'a mut [Vector<S, F>]; ROWS];

/// The first layer: inner products of the rows under a patch.
pub struct Products<'a, S: Simd, F: Real> {
    pub cx: Context<S, F>,
    /// The packed images.
    pub left: &'a [Vector<S, F>],
    pub right: &'a [Vector<S, F>],
    /// Where each sum begins.
    pub start: F,
    pub rows: &'a PairRows,
    /// Terms of a row under the patch.
    pub depth: usize,
    /// Rows of a packed image.
    pub image_rows: usize,
    /// Whether a patch's rows do not follow each other.
    pub are_apart: bool,
}

impl<S: Simd, F: Real> Products<'_, S, F> {
    /// Sum `strip` into the rings.
    #[inline(always)]
    pub fn run(&self, strip: &Strip, rings: Targets<S, F>) {
        // A constant takes no register, and AVX2 has none to spare.
        if self.start == F::ZERO {
            self.run_from(self.cx.zero(), strip, rings);
        } else {
            self.run_from(self.cx.splat(self.start), strip, rings);
        }
    }

    #[inline(always)]
    fn run_from(&self, start: Vector<S, F>, strip: &Strip, rings: Targets<S, F>) {
        let image = self.image_rows * self.depth;
        let tiles = strip.reach.start / TILE..strip.reach.end.div_ceil(TILE);
        let (left, _) = self.left.as_chunks::<BLOCK>();
        let left = &left[strip.index * image..][..image];
        let (right, _) = self.right.as_chunks::<TILE>();
        let right = &right[tiles.start * image..tiles.end * image];
        let operands: Operands<S, F> = Operands { left, right, depth: self.depth };
        let PairRows { shared, own } = *self.rows;
        let [first_ring, second_ring] = rings.map(|ring| {
            let mut columns: [&mut [Right<S, F>]; BLOCK] = Default::default();
            for (target, column) in columns.iter_mut().zip(strip.columns(ring, tiles.start * TILE))
            {
                *target = &mut column.as_chunks_mut().0[..tiles.len()];
            }
            columns
        });
        match own {
            _ if self.are_apart => {
                for (own, ring) in own.into_iter().zip([first_ring, second_ring]) {
                    if let Some(own) = own {
                        operands.sum_apart(start, own, ring);
                    }
                }
            }
            [Some(first), Some(second)] => {
                operands.sum_two(start, [shared, first, second], first_ring, second_ring);
            }
            [Some(own), None] => operands.sum(start, own, first_ring),
            [None, Some(own)] => operands.sum(start, own, second_ring),
            [None, None] => {}
        }
    }
}

/// A term of a strip's columns.
type Left<S, F> = [Vector<S, F>; BLOCK];

/// A term of a tile's columns.
type Right<S, F> = [Vector<S, F>; TILE];

/// Sums by right tile, each for a strip's columns.
type Tiles<'a, S, F> = [&'a mut [Right<S, F>]; BLOCK];

/// The operands of a strip's products: a strip of the left image and tiles of the right one, by row
/// and term.
struct Operands<'a, S: Simd, F: Real> {
    left: &'a [Left<S, F>],
    right: &'a [Right<S, F>],
    /// Terms of a row.
    depth: usize,
}

impl<S: Simd, F: Real> Operands<'_, S, F> {
    #[inline(always)]
    fn sum(&self, start: Vector<S, F>, rows: PatchRows, mut target: Tiles<S, F>) {
        let (left, right) = self.terms(rows);
        for (t, tile) in self.right.chunks_exact(self.left.len()).enumerate() {
            let sums = add_products([[start; TILE]; BLOCK], left, &tile[right.clone()]);
            store(sums, t, &mut target);
        }
    }

    /// [`Self::sum`] for rows that do not follow each other.
    #[inline(always)]
    fn sum_apart(&self, start: Vector<S, F>, rows: PatchRows, mut target: Tiles<S, F>) {
        for (t, tile) in self.right.chunks_exact(self.left.len()).enumerate() {
            let mut sums = [[start; TILE]; BLOCK];
            for row in rows.each() {
                let (left, right) = self.terms(row);
                sums = add_products(sums, left, &tile[right]);
            }
            store(sums, t, &mut target);
        }
    }

    /// `rows` are the shared ones, those of the first sum alone, and those of the second alone.
    #[inline(always)]
    fn sum_two(
        &self,
        start: Vector<S, F>,
        rows: [PatchRows; 3],
        mut first: Tiles<S, F>,
        mut second: Tiles<S, F>,
    ) {
        let [(shared, shared_right), (left, right), (next, next_right)] =
            rows.map(|rows| self.terms(rows));
        // Only AVX-512 has registers for two tiles. Elsewhere one waits in the place of its result.
        let waits = size_of::<Vector<S, F>>() < 64;
        for (t, tile) in self.right.chunks_exact(self.left.len()).enumerate() {
            let mut sums =
                add_products([[start; TILE]; BLOCK], shared, &tile[shared_right.clone()]);
            if waits {
                store(sums, t, &mut second);
            }
            store(add_products(sums, left, &tile[right.clone()]), t, &mut first);
            if waits {
                sums = load(t, &second);
            }
            store(add_products(sums, next, &tile[next_right.clone()]), t, &mut second);
        }
    }

    /// The left terms of rows that follow each other, and where a tile has the right ones.
    #[inline(always)]
    fn terms(&self, rows: PatchRows) -> (&[Left<S, F>], Range<usize>) {
        let range = |row: usize| row * self.depth..(row + rows.count) * self.depth;
        (&self.left[range(rows.left)], range(rows.right))
    }
}

#[inline(always)]
fn store<T: Copy>(sums: [[T; TILE]; BLOCK], t: usize, target: &mut [&mut [[T; TILE]]; BLOCK]) {
    for (target, sums) in target.iter_mut().zip(sums) {
        target[t] = sums;
    }
}

#[inline(always)]
fn load<T: Copy>(t: usize, source: &[&mut [[T; TILE]]; BLOCK]) -> [[T; TILE]; BLOCK] {
    let [a, b, c, d] = source;
    [a[t], b[t], c[t], d[t]]
}

#[inline(always)]
fn add_products<V: SimdFloat<S>, S: Simd>(
    mut sums: [[V; TILE]; BLOCK],
    left: &[[V; BLOCK]],
    right: &[[V; TILE]],
) -> [[V; TILE]; BLOCK] {
    for (left, right) in left.iter().zip(right) {
        for (sums, left) in sums.iter_mut().zip(left) {
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = left.mul_add(*right, *sum);
            }
        }
    }
    sums
}

/// A deeper layer: sums of rows of the input map.
pub struct Sums<'a, S: Simd, F: Real> {
    pub cx: Context<S, F>,
    pub stage: &'a Stage<'a, F>,
    /// The pairs of rows of the input map that are held.
    pub input: MapRing<'a, S, F>,
    pub rows: &'a PairRows,
    /// A row of what each sum begins with; none for 0.
    pub start: Option<&'a [Vector<S, F>]>,
}

impl<S: Simd, F: Real> Sums<'_, S, F> {
    /// Sum `strip` into the rings.
    #[inline(always)]
    pub fn run(&self, strip: &Strip, rings: Targets<S, F>) {
        let width = self.stage.columns.width;
        let [first_ring, second_ring] = rings;
        let columns = strip
            .columns(first_ring, strip.reach.start)
            .zip(strip.columns(second_ring, strip.reach.start));
        for ((first, second), column) in columns.zip(strip.index * BLOCK..width) {
            let targets = [&mut first[..strip.reach.len()], &mut second[..strip.reach.len()]];
            if self.stage.columns.folded {
                self.folded(column, &strip.reach, targets);
            } else {
                self.dense(column, &strip.reach, targets);
            }
        }
    }

    /// The input map at `column` of the left rows and `reach` of the right ones, a pair of rows an
    /// item, with the weight of all of them.
    #[inline(always)]
    fn inputs(
        &self,
        rows: PatchRows,
        column: usize,
        reach: &Range<usize>,
    ) -> impl Iterator<Item = (F, &[Vector<S, F>])> {
        let scale = self.stage.scale;
        rows.pairs().map(move |rows| (scale, self.input.columns(rows, column, reach.clone())))
    }

    /// The row that sums begin with.
    #[inline(always)]
    fn start(&self) -> impl Iterator<Item = (F, &[Vector<S, F>])> {
        self.start.into_iter().map(|row| (F::ONE, row))
    }

    #[inline(always)]
    fn dense(&self, column: usize, reach: &Range<usize>, targets: Targets<S, F>) {
        let PairRows { shared, own } = self.rows;
        match (own, targets) {
            (&[Some(first), Some(second)], [target, next]) => {
                let rows = self.start().chain(self.inputs(*shared, column, reach));
                weigh_rows(self.cx, rows, false, next);
                let shared = std::iter::once((F::ONE, &*next));
                let rows = shared.chain(self.inputs(first, column, reach));
                weigh_rows(self.cx, rows, false, target);
                weigh_rows(self.cx, self.inputs(second, column, reach), true, next);
            }
            (&[Some(own), None], [target, _]) | (&[None, Some(own)], [_, target]) => {
                let rows = self.start().chain(self.inputs(own, column, reach));
                weigh_rows(self.cx, rows, false, target);
            }
            (&[None, None], _) => {}
        }
    }

    #[inline(always)]
    fn folded(&self, site: usize, reach: &Range<usize>, targets: Targets<S, F>) {
        for (own, target) in self.rows.own.iter().zip(targets) {
            let Some(own) = own else { continue };
            target.fill(self.start.map_or(self.cx.zero(), |start| start[0]));
            for pair in self.rows.shared.pairs().chain(own.pairs()) {
                self.add_folded(site, pair, reach, target);
            }
        }
    }

    #[inline(always)]
    fn add_folded(
        &self,
        site: usize,
        rows: [usize; 2],
        reach: &Range<usize>,
        target: &mut [Vector<S, F>],
    ) {
        let width = self.stage.plan.cols.inputs.len();
        let scale = self.cx.splat(self.stage.scale);
        for inputs in &self.stage.plan.cols.patch_inputs {
            let Some(column) = inputs[site] else { continue };
            let source = self.input.columns(rows, column, 0..width);
            for (target, input) in target.iter_mut().zip(&inputs[reach.clone()]) {
                if let Some(input) = *input {
                    *target = source[input].mul_add(scale, *target);
                }
            }
        }
    }
}

//! Rings of pairs of rows of a pooled map.

use std::ops::Range;

use crate::plan::Held;
use crate::simd::{Context, Real, Simd, Vector};

/// A ring has the axes `[pair of rows][left column][right column]`, where a pair is a left row and a right
/// one. Only some pairs are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingShape {
    /// The pairs of rows that are held at once.
    pub held: Held,
    /// Rows of the map.
    pub height: usize,
    /// Columns of the map.
    pub width: usize,
}

impl RingShape {
    /// Entries of the whole ring.
    pub fn len(self) -> usize {
        self.held.pairs(self.height) * self.area()
    }

    /// Entries of a pair of rows: left columns, right columns.
    pub fn area(self) -> usize {
        self.width * self.width
    }

    /// The place of a pair of rows.
    #[inline(always)]
    pub fn start(self, left: usize, right: usize) -> usize {
        self.held.place(left, right, self.height) * self.area()
    }
}

/// The rings of all maps behind a layer.
pub struct Rings<S: Simd, F: Real> {
    pub shape: RingShape,
    /// The values of each map.
    pub maps: Vec<Vec<Vector<S, F>>>,
}

/// The ring of one map.
#[derive(Clone, Copy)]
pub struct MapRing<'a, S: Simd, F: Real> {
    shape: RingShape,
    values: &'a [Vector<S, F>],
}

impl<S: Simd, F: Real> Rings<S, F> {
    pub fn new(cx: Context<S, F>, shape: RingShape, maps: usize) -> Self {
        Self { shape, maps: (0..maps).map(|_| cx.zeros(shape.len())).collect() }
    }

    /// One map's.
    pub fn map(&self, map: usize) -> MapRing<'_, S, F> {
        MapRing { shape: self.shape, values: &self.maps[map] }
    }

    /// In one map, the pair of a left row and a right one, by `[left column][right column]`.
    #[inline(always)]
    pub fn pair_mut(&mut self, map: usize, left: usize, right: usize) -> &mut [Vector<S, F>] {
        let start = self.shape.start(left, right);
        &mut self.maps[map][start..][..self.shape.area()]
    }
}

impl<'a, S: Simd, F: Real> MapRing<'a, S, F> {
    /// The right columns `reach` for a left row, a right row and a left column.
    #[inline(always)]
    pub fn columns(
        &self,
        [left, right]: [usize; 2],
        left_column: usize,
        reach: Range<usize>,
    ) -> &'a [Vector<S, F>] {
        let width = self.shape.width;
        let start = self.shape.start(left, right) + left_column * width;
        &self.values[start..][..width][reach]
    }

    /// All right columns for a left row, a right row and a left column.
    #[inline(always)]
    pub fn row(&self, rows: [usize; 2], left_column: usize) -> &'a [Vector<S, F>] {
        self.columns(rows, left_column, 0..self.shape.width)
    }

    /// The entry of row `y` and column `x` of both images.
    pub fn diagonal(&self, y: usize, x: usize) -> Vector<S, F> {
        self.columns([y, y], x, x..x + 1)[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, SimdBase, Task};

    struct WriteAndRead;

    impl Task for WriteAndRead {
        type Output = ();

        fn run<S: Simd>(self, simd: S) {
            let cx = Context::<S, f32>::new(simd);
            let shape = RingShape { held: Held::Rows(2), height: 4, width: 3 };
            let mut rings = Rings::new(cx, shape, 2);
            assert_eq!(rings.maps[1].len(), shape.len());
            for (index, value) in rings.pair_mut(1, 5, 2).iter_mut().enumerate() {
                *value = cx.splat(index as f32);
            }
            let first = |values: &[Vector<S, f32>]| values[0].as_slice()[0];
            assert_eq!(first(rings.map(1).columns([5, 2], 1, 2..3)), 5.0);
            assert_eq!(first(rings.map(0).columns([5, 2], 1, 2..3)), 0.0);
            // Row 7 takes the place of row 5; other right rows have places of their own.
            rings.pair_mut(1, 5, 3)[4] = cx.splat(9.0);
            rings.pair_mut(1, 7, 2)[4] = cx.splat(8.0);
            assert_eq!(first(rings.map(1).columns([5, 2], 1, 1..2)), 8.0);
            assert_eq!(first(rings.map(1).columns([5, 3], 1, 1..2)), 9.0);
            rings.pair_mut(1, 2, 2)[8] = cx.splat(7.0);
            assert_eq!(rings.map(1).diagonal(2, 2).as_slice()[0], 7.0);
        }
    }

    #[test]
    fn rows_come_round() {
        Isa::best().run(WriteAndRead);
    }
}

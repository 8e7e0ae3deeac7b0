//! A ring of rows of a pooled map: the last few left rows, each against every right row.

use std::ops::Range;

use crate::simd::{Context, Real, Simd, Vector};

/// The four axes of the ring, `[left row][right row][left column][right column]`. Only some left
/// rows are held: row `y` stands at `y % held`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingShape {
    /// Left rows that are held at once.
    pub held: usize,
    /// Rows of the map.
    pub height: usize,
    /// Columns of the map.
    pub width: usize,
}

impl RingShape {
    /// Entries of the whole ring.
    pub fn len(self) -> usize {
        self.held * self.height * self.area()
    }

    /// Entries of a pair of rows: left columns, right columns.
    pub fn area(self) -> usize {
        self.width * self.width
    }

    #[inline(always)]
    fn start(self, left: usize, right: usize) -> usize {
        (left % self.held * self.height + right) * self.area()
    }
}

/// A ring with its values.
pub struct MapRing<S: Simd, F: Real> {
    shape: RingShape,
    values: Vec<Vector<S, F>>,
}

impl<S: Simd, F: Real> MapRing<S, F> {
    pub fn new(cx: Context<S, F>, shape: RingShape) -> Self {
        Self { shape, values: cx.zeros(shape.len()) }
    }

    /// The pair of a left row and a right one, by `[left column][right column]`.
    #[inline(always)]
    pub fn pair_mut(&mut self, left: usize, right: usize) -> &mut [Vector<S, F>] {
        let start = self.shape.start(left, right);
        &mut self.values[start..][..self.shape.area()]
    }

    /// The right columns `reach` for a left row, a right row and a left column.
    #[inline(always)]
    pub fn columns(
        &self,
        [left, right]: [usize; 2],
        left_column: usize,
        reach: Range<usize>,
    ) -> &[Vector<S, F>] {
        let width = self.shape.width;
        let start = self.shape.start(left, right) + left_column * width;
        &self.values[start..][..width][reach]
    }

    /// The entry of row `y` and column `x` of both images.
    pub fn diagonal(&self, y: usize, x: usize) -> Vector<S, F> {
        self.columns([y, y], x, x..x + 1)[0]
    }

    /// The memory of the values.
    #[cfg(test)]
    pub fn values(&self) -> &Vec<Vector<S, F>> {
        &self.values
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
            let shape = RingShape { held: 2, height: 4, width: 3 };
            let mut ring = MapRing::new(cx, shape);
            assert_eq!(ring.values.len(), shape.len());
            for (index, value) in ring.pair_mut(5, 2).iter_mut().enumerate() {
                *value = cx.splat(index as f32);
            }
            let first = |values: &[Vector<S, f32>]| values[0].as_slice()[0];
            assert_eq!(first(ring.columns([5, 2], 1, 2..3)), 5.0);
            // Row 7 takes the place of row 5; other right rows have places of their own.
            ring.pair_mut(5, 3)[4] = cx.splat(9.0);
            ring.pair_mut(7, 2)[4] = cx.splat(8.0);
            assert_eq!(first(ring.columns([5, 2], 1, 1..2)), 8.0);
            assert_eq!(first(ring.columns([5, 3], 1, 1..2)), 9.0);
            ring.pair_mut(2, 2)[8] = cx.splat(7.0);
            assert_eq!(ring.diagonal(2, 2).as_slice()[0], 7.0);
        }
    }

    #[test]
    fn rows_come_round() {
        Isa::best().run(WriteAndRead);
    }
}

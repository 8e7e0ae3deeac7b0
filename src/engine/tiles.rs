//! The results, split into tiles that threads write to independently of each other.

use std::ops::Range;

use ndarray::{ArrayViewMut, ArrayViewMut2, Axis, Ix2};

use crate::simd::Real;

/// The arrays for the results: matrices, or vectors for a list of pairs.
pub struct Outputs<'a, F, D = Ix2> {
    /// The NTK if the plan asks for it, else the CKN.
    pub kernel: ArrayViewMut<'a, F, D>,
    /// Beside an NTK its CKN, or nothing; with gradients one derivative for each parameter.
    pub beside: Vec<ArrayViewMut<'a, F, D>>,
}

/// Pairs of a matrix that one thread computes in one go.
pub(super) struct Tile<'a, F> {
    pub rows: Range<usize>,
    pub cols: Range<usize>,
    /// One for each output.
    cells: Vec<Cells<'a, F>>,
}

/// A tile of a result, and its transpose in a symmetric matrix.
struct Cells<'a, F> {
    tile: ArrayViewMut2<'a, F>,
    mirror: Mirror<'a, F>,
}

enum Mirror<'a, F> {
    /// The matrix is not symmetric.
    None,
    /// The tile lies on the diagonal and mirrors itself.
    Diagonal,
    /// The tile on the other side of the diagonal.
    Transpose(ArrayViewMut2<'a, F>),
}

impl<F: Real> Cells<'_, F> {
    fn put(&mut self, row: usize, col: usize, value: F) {
        self.tile[[row, col]] = value;
        match &mut self.mirror {
            Mirror::None => {}
            Mirror::Diagonal => self.tile[[col, row]] = value,
            Mirror::Transpose(mirror) => mirror[[col, row]] = value,
        }
    }
}

impl<F: Real> Tile<'_, F> {
    /// Whether only pairs on and above its diagonal are wanted.
    pub fn is_triangle(&self) -> bool {
        matches!(self.cells[0].mirror, Mirror::Diagonal)
    }

    /// The pairs that are wanted, row by row.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        self.rows.clone().flat_map(|row| {
            let first = if self.is_triangle() { row } else { self.cols.start };
            (first..self.cols.end).map(move |col| (row, col))
        })
    }

    /// Store a pair's results, the kernel first; those beside it that nobody wants are dropped.
    pub fn put(&mut self, (row, col): (usize, usize), values: &[F]) {
        let (row, col) = (row - self.rows.start, col - self.cols.start);
        for (cells, &value) in self.cells.iter_mut().zip(values) {
            cells.put(row, col, value);
        }
    }
}

/// Least rows and columns of a tile, a multiple of every lane count.
const TILE: usize = 32;

/// Most tiles along an axis, so that their bookkeeping stays small for any matrix.
const TILES: usize = 128;

fn tile_length(len: usize) -> usize {
    len.div_ceil(TILES).next_multiple_of(TILE).max(TILE)
}

/// Split a matrix into cells: all of them, or the upper triangle with its mirror images.
fn cells<F>(view: ArrayViewMut2<'_, F>, symmetric: bool) -> Vec<((usize, usize), Cells<'_, F>)> {
    let (rows, cols) = (tile_length(view.nrows()), tile_length(view.ncols()));
    let shape = (view.nrows().div_ceil(rows), view.ncols().div_ceil(cols));
    let mut grid: Vec<Vec<Option<ArrayViewMut2<F>>>> = split(view, Axis(0), rows)
        .map(|band| split(band, Axis(1), cols).map(Some).collect())
        .collect();
    let mut take = |i: usize, j: usize| grid[i][j].take().expect("each cell is taken once");
    let (down, across) = shape;
    let mut cells = Vec::new();
    for i in 0..down {
        for j in if symmetric { i } else { 0 }..across {
            let tile = take(i, j);
            let mirror = match (symmetric, i == j) {
                (false, _) => Mirror::None,
                (true, true) => Mirror::Diagonal,
                (true, false) => Mirror::Transpose(take(j, i)),
            };
            cells.push(((i * rows, j * cols), Cells { tile, mirror }));
        }
    }
    cells
}

fn split<F>(
    view: ArrayViewMut2<'_, F>,
    axis: Axis,
    length: usize,
) -> impl Iterator<Item = ArrayViewMut2<'_, F>> {
    let mut rest = Some(view);
    std::iter::from_fn(move || {
        let view = rest.take().filter(|view| view.len_of(axis) > 0)?;
        let at = length.min(view.len_of(axis));
        let (head, tail) = view.split_at(axis, at);
        rest = Some(tail);
        Some(head)
    })
}

/// Split the results into tiles: all of them, or the upper triangle with its mirror images.
pub(super) fn tiles<F>(out: Outputs<'_, F>, symmetric: bool) -> Vec<Tile<'_, F>> {
    let mut beside: Vec<_> =
        out.beside.into_iter().map(|view| cells(view, symmetric).into_iter()).collect();
    cells(out.kernel, symmetric)
        .into_iter()
        .map(|((row, col), kernel)| {
            let others = beside.iter_mut().filter_map(Iterator::next).map(|(_, cells)| cells);
            Tile {
                rows: row..row + kernel.tile.nrows(),
                cols: col..col + kernel.tile.ncols(),
                cells: std::iter::once(kernel).chain(others).collect(),
            }
        })
        .collect()
}

//! Weighted sums of rows, entry by entry. Vertical patch sums are such sums, and so is pooling along
//! all axes but the right columns.

use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// Rows that are summed in one pass.
const GROUP: usize = 5;

/// Weighted rows; the group may have fewer than its length.
type WeightedRows<'a, S, F> = [(Vector<S, F>, &'a [Vector<S, F>]); GROUP];

/// Sum the first rows of a group, given a name for each weight and each row.
///
/// The rows are zipped, and `pattern` takes one item of the zip apart: a loop over one iterator has
/// no bounds to check.
macro_rules! weigh {
    ($group:ident, $target:ident, $adds:ident,
     $first_weight:ident $first:ident, $($weight:ident $row:ident),* => $pattern:pat) => {{
        let len = $target.len();
        let [($first_weight, $first), $(($weight, $row),)* ..] = $group;
        let rows = $first[..len].iter();
        $(let rows = rows.zip(&$row[..len]);)*
        if $adds {
            for (target, $pattern) in $target.iter_mut().zip(rows) {
                let sum = $first.mul_add($first_weight, *target);
                $(let sum = $row.mul_add($weight, sum);)*
                *target = sum;
            }
        } else {
            for (target, $pattern) in $target.iter_mut().zip(rows) {
                let sum = *$first * $first_weight;
                $(let sum = $row.mul_add($weight, sum);)*
                *target = sum;
            }
        }
    }};
}

/// `target = sum of weight row`, or `target += sum of weight row` if `adds`; zero for no rows.
///
/// The sum begins with the target and goes on with the rows in their order. Rows may be longer than
/// the target.
#[inline(always)]
pub fn weigh_rows<'a, S: Simd, F: Real>(
    cx: Context<S, F>,
    mut rows: impl Iterator<Item = (F, &'a [Vector<S, F>])>,
    mut adds: bool,
    target: &mut [Vector<S, F>],
) {
    let zero = cx.zero();
    loop {
        let mut group: WeightedRows<S, F> = [(zero, &[]); GROUP];
        let mut count = 0;
        for slot in &mut group {
            let Some((weight, row)) = rows.next() else { break };
            *slot = (cx.splat(weight), row);
            count += 1;
        }
        match count {
            0 if adds => {}
            0 => target.fill(zero),
            1 => weigh!(group, target, adds, u a, => a),
            2 => weigh!(group, target, adds, u a, v b => (a, b)),
            3 => weigh!(group, target, adds, u a, v b, w c => ((a, b), c)),
            4 => weigh!(group, target, adds, u a, v b, w c, x d => (((a, b), c), d)),
            _ => weigh!(group, target, adds, u a, v b, w c, x d, y e => ((((a, b), c), d), e)),
        }
        if count < GROUP {
            return;
        }
        adds = true;
    }
}

/// The sum of rows: [`weigh_rows`] with weights of 1, which round as an addition does.
#[inline(always)]
pub fn sum_rows<'a, S: Simd, F: Real>(
    cx: Context<S, F>,
    rows: impl Iterator<Item = &'a [Vector<S, F>]>,
    adds: bool,
    target: &mut [Vector<S, F>],
) {
    weigh_rows(cx, rows.map(|row| (F::ONE, row)), adds, target);
}

//! Weighted sums of rows, entry by entry: what vertical patch sums and pooling along all axes but
//! the right columns come down to.

use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector};

/// Rows that are summed in one pass.
const GROUP: usize = 5;

/// `target = sum of weight row`, or `target += sum of weight row` if `adds`; zero for no rows.
///
/// The target comes first, then the rows in their order. Rows may be longer than the target.
#[inline(always)]
pub(super) fn weigh_rows<'a, S: Simd, F: Real>(
    simd: S,
    mut rows: impl Iterator<Item = (F, &'a [Vector<S, F>])>,
    mut adds: bool,
    target: &mut [Vector<S, F>],
) {
    let zero = Vector::<S, F>::splat(simd, F::ZERO);
    loop {
        let mut group: Group<S, F> = [(zero, &[]); GROUP];
        let mut count = 0;
        for slot in &mut group {
            let Some((weight, row)) = rows.next() else { break };
            *slot = (Vector::<S, F>::splat(simd, weight), row);
            count += 1;
        }
        match (count, adds) {
            (0, true) => {}
            (0, false) => target.fill(zero),
            (1, true) => weigh_group::<S, F, 1, true>(&group, target),
            (1, false) => weigh_group::<S, F, 1, false>(&group, target),
            (2, true) => weigh_group::<S, F, 2, true>(&group, target),
            (2, false) => weigh_group::<S, F, 2, false>(&group, target),
            (3, true) => weigh_group::<S, F, 3, true>(&group, target),
            (3, false) => weigh_group::<S, F, 3, false>(&group, target),
            (4, true) => weigh_group::<S, F, 4, true>(&group, target),
            (4, false) => weigh_group::<S, F, 4, false>(&group, target),
            (_, true) => weigh_group::<S, F, GROUP, true>(&group, target),
            (_, false) => weigh_group::<S, F, GROUP, false>(&group, target),
        }
        if count < GROUP {
            return;
        }
        adds = true;
    }
}

/// The sum of rows: [`weigh_rows`] with weights of 1, which round as an addition does.
#[inline(always)]
pub(super) fn sum_rows<'a, S: Simd, F: Real>(
    simd: S,
    rows: impl Iterator<Item = &'a [Vector<S, F>]>,
    adds: bool,
    target: &mut [Vector<S, F>],
) {
    weigh_rows(simd, rows.map(|row| (F::ONE, row)), adds, target);
}

type Group<'a, S, F> = [(Vector<S, F>, &'a [Vector<S, F>]); GROUP];

#[inline(always)]
fn weigh_group<S: Simd, F: Real, const N: usize, const ADDS: bool>(
    group: &Group<S, F>,
    target: &mut [Vector<S, F>],
) {
    let len = target.len();
    let mut rows = [(group[0].0, &group[0].1[..len]); N];
    for (row, (weight, source)) in rows.iter_mut().zip(group) {
        *row = (*weight, &source[..len]);
    }
    for (j, target) in target.iter_mut().enumerate() {
        let first = rows[0].1[j];
        let mut sum = if ADDS { first.mul_add(rows[0].0, *target) } else { first * rows[0].0 };
        for (weight, row) in &rows[1..] {
            sum = row[j].mul_add(*weight, sum);
        }
        *target = sum;
    }
}

//! The formulas of the patch kernels, as in `DESIGN.md`.

use std::f64::consts::PI;

use ckn_rs::model::Layer;

/// The least patch norm in the denominator of a cosine. Smaller norms are replaced by it.
const FLOOR: f64 = 1e-6;

/// The kernel `step`, from the cosine.
///
/// Rounding moves the cosine of parallel patches away from 1 or -1, and the arccosine amplifies
/// that error there. So a cosine so near to 1 or -1 counts as exact.
fn step(cosine: f64) -> f64 {
    let rounding = 1.0 - cosine.abs() < 1e-13;
    1.0 - (if rounding { cosine.round() } else { cosine }).acos() / PI
}

/// The value `M` and the slope `dM/dS`, from the patch sum and the norms of the two patches.
pub fn patch_kernel(layer: &Layer, sum: f64, left: f64, right: f64) -> (f64, f64) {
    let norms = left * right;
    let u = (sum / (left.max(FLOOR) * right.max(FLOOR))).clamp(-1.0, 1.0);
    let (sigma, square) = (layer.sigma, layer.sigma * layer.sigma);
    let own = &layer.parameters;
    let k0 = (PI - u.acos()) / PI;
    let k1 = ((1.0 - u * u).sqrt() + u * (PI - u.acos())) / PI;
    let (a, b, c) = (square * left * left, square * right * right, square * sum);
    // exp(-(a + b) / 2) sinh(c) and exp(-(a + b) / 2) cosh(c), as products of exponentials, because
    // sinh(c) and cosh(c) may overflow.
    let (half, less_1) = ((c.abs() - (a + b) / 2.0).exp() / 2.0, (-2.0 * c.abs()).exp_m1());
    let (odd, even) = (-c.signum() * half * less_1, half * (2.0 + less_1));
    match layer.kernel.name() {
        "exp" => {
            let exp = ((u - 1.0) / square).exp();
            (norms * exp, exp / square)
        }
        "relu" => (norms * k1, k0),
        "linear" => (norms * sigma * u, sigma),
        "poly2" => (norms * u.powi(2), 2.0 * u),
        "poly3" => (norms * u.powi(3), 3.0 * u.powi(2)),
        "poly4" => (norms * u.powi(4), 4.0 * u.powi(3)),
        "square" => ((norms * u).powi(2), 2.0 * norms * u),
        "step" => (step(u), 1.0 / (PI * (1.0 - u * u).sqrt() * norms)),
        "arccos2" => {
            let value = 3.0 * u * (1.0 - u * u).sqrt() / PI + (1.0 + 2.0 * u * u) * k0;
            (norms * norms * value, 4.0 * norms * k1)
        }
        "abrelu" => {
            let (a, b) = (own.number("a"), own.number("b"));
            let (kink, straight) = ((a - b).powi(2), 2.0 * a * b);
            (norms * (kink * k1 + straight * u), kink * k0 + straight)
        }
        "erf" => {
            let product = (1.0 + 2.0 * a) * (1.0 + 2.0 * b);
            let slope = square * 4.0 / PI / (product - 4.0 * c * c).sqrt();
            (2.0 / PI * (2.0 * c / product.sqrt()).asin(), slope)
        }
        "gelu" => gelu(a, b, c, square),
        "rbf" => {
            let value = (-(left * left + right * right - 2.0 * sum) / (2.0 * square)).exp();
            (value, value / square)
        }
        "sin" => (odd, square * even),
        "cos" => (even, square * odd),
        "poly" => {
            let (degree, offset) = (own.whole("degree") as i32, own.number("offset"));
            let power = |x: f64| (x + offset).powi(degree);
            let slope = |x: f64| f64::from(degree) * (x + offset).powi(degree - 1);
            if own.flag("homogeneous") {
                (norms * power(u), slope(u))
            } else {
                (power(sum), slope(sum))
            }
        }
        "series" => {
            let coefficients = own.numbers("coefficients");
            let terms = || coefficients.iter().zip(0_i32..);
            let value = |x: f64| terms().map(|(c, k)| c * x.powi(k)).sum::<f64>();
            let slope = |x: f64| {
                terms().skip(1).map(|(c, k)| c * f64::from(k) * x.powi(k - 1)).sum::<f64>()
            };
            if own.flag("homogeneous") {
                (norms * value(u), slope(u))
            } else {
                (value(sum), slope(sum))
            }
        }
        name => panic!("write the formula of {name} here"),
    }
}

/// Value and slope of `gelu`. `square` is `sigma^2`.
fn gelu(a: f64, b: f64, c: f64, square: f64) -> (f64, f64) {
    let product = (1.0 + a) * (1.0 + b);
    let delta = (product - c * c).sqrt();
    let arcsine = (c / product.sqrt()).asin();
    let top = c * c + a * b * delta * delta;
    let value = (top / (product * delta) + c * arcsine) / (2.0 * PI) + c / 4.0;
    let by_top = 2.0 * c * (1.0 - a * b) / (product * delta);
    let by_delta = top * c / (product * delta.powi(3));
    let slope = (by_top + by_delta + arcsine + c / delta) / (2.0 * PI) + 0.25;
    (value, square * slope)
}

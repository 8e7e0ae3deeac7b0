//! The two precisions, with the coefficients of the elementary functions in each.

#![allow(clippy::approx_constant, reason = "minimax coefficients are near Taylor's")]

use std::ops::{Div, Mul};

use fearless_simd::SimdFloatElement;

/// `f32` or `f64`: the arithmetic in which a kernel is computed.
///
/// The polynomials are minimax in the relative error (Remez, 60 digits, rounded to the type);
/// coefficients ascend. Their error bounds are those of the exact polynomial.
pub trait Real:
    SimdFloatElement + PartialOrd + Mul<Output = Self> + Div<Output = Self> + Send + Sync + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// 0.5.
    const HALF: Self;
    /// Patch norms below this count as this when a cosine is formed.
    const NORM_FLOOR: Self;
    /// The least number whose inverse is finite with room to spare.
    const LEAST_INVERTIBLE: Self;
    /// Stored bits of the mantissa.
    const MANTISSA_BITS: u32;
    /// `1.5 * 2^MANTISSA_BITS`: adding it rounds to an integer, left in the low bits.
    const ROUNDER: Self;
    /// The least exponent of a normal number.
    const MIN_EXPONENT: Self;
    /// `2^x` on `[-1/2, 1/2]`, exact at 0: 9.2e-8, or 3.1e-18 in double precision.
    const EXP2: &'static [Self];
    /// `(2^x - 1) / x` on `[-1/2, 1/2]`: 1.1e-8, 1.8e-17.
    const EXP2_LESS_1: &'static [Self];
    /// `arccos(1 - v) / (pi sqrt(v))` on `[0, 1]`: 1.5e-8, 1.6e-17.
    const ARCCOS: &'static [Self];
    /// `(2 / pi) arccos(1 - d) / sqrt(d (2 - d))` on `[0, 1]`: 1.2e-8, 3.1e-17.
    const ARCSIN: &'static [Self];
    /// `(sqrt(1 - a^2) - a arccos(a)) / (pi v^(3/2))`, `a = 1 - v`, `v` in `[0, 1]`: 1.5e-8, 5.8e-18.
    const RELU: &'static [Self];
    /// `((1 + 2 a^2) arccos(a) - 3 a sqrt(1 - a^2)) / (pi v^(5/2))`, `a = 1 - v`, `v` in `[0, 1]`:
    /// 3.2e-9, 2.7e-17.
    const ARCCOS_2: &'static [Self];

    /// The nearest value to `x`.
    fn from_f64(x: f64) -> Self;
    /// The same value, exactly.
    fn to_f64(self) -> f64;
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// The larger one.
    fn max(self, other: Self) -> Self;
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const HALF: Self = 0.5;
    const NORM_FLOOR: Self = 1e-6;
    const LEAST_INVERTIBLE: Self = 1e-30;
    const MANTISSA_BITS: u32 = 23;
    const ROUNDER: Self = 12_582_912.0;
    const MIN_EXPONENT: Self = -126.0;
    const EXP2: &'static [Self] =
        &[1.0, 0.693_147, 0.240_222_42, 0.055_507_34, 0.009_671_513, 0.001_326_472];
    const EXP2_LESS_1: &'static [Self] = &[
        0.693_147_2,
        0.240_226_49,
        0.055_503_573,
        0.009_618_238,
        0.001_339_073_5,
        0.000_154_035_12,
    ];
    const ARCCOS: &'static [Self] = &[
        0.450_158_15,
        0.037_513_975,
        0.008_424_682,
        0.002_630_134,
        0.000_428_311_73,
        0.001_125_513,
        -0.000_679_756_86,
        0.000_398_982_23,
    ];
    const ARCSIN: &'static [Self] = &[
        0.636_619_75,
        0.212_208_03,
        0.084_836_51,
        0.036_947_95,
        0.012_636_063,
        0.019_726_11,
        -0.022_377_778,
        0.033_472_66,
        -0.021_299_65,
        0.007_230_327,
    ];
    const RELU: &'static [Self] = &[
        0.300_105_45,
        0.015_004_869,
        0.002_417_633_3,
        0.000_524_405_45,
        0.000_242_979_32,
        -6.210_2e-5,
        7.665_408e-5,
    ];
    const ARCCOS_2: &'static [Self] = &[
        0.480_168_7,
        0.017_148_74,
        0.002_145_744_2,
        0.000_394_025_9,
        0.000_126_863_87,
        -1.409_651_5e-5,
        3.001_654_5e-5,
    ];

    fn from_f64(x: f64) -> Self {
        x as f32
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn is_finite(self) -> bool {
        self.is_finite()
    }

    fn max(self, other: Self) -> Self {
        self.max(other)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const HALF: Self = 0.5;
    const NORM_FLOOR: Self = 1e-6;
    const LEAST_INVERTIBLE: Self = 1e-300;
    const MANTISSA_BITS: u32 = 52;
    const ROUNDER: Self = 6_755_399_441_055_744.0;
    const MIN_EXPONENT: Self = -1022.0;
    const EXP2: &'static [Self] = &[
        1.0,
        0.693_147_180_559_945_3,
        0.240_226_506_959_101_55,
        0.055_504_108_664_819_925,
        0.009_618_129_107_588_334,
        0.001_333_355_814_678_991_8,
        0.000_154_035_304_625_165_03,
        1.525_273_348_998_663_8e-5,
        1.321_543_308_852_485_9e-6,
        1.017_819_802_345_039_5e-7,
        7.074_105_815_840_354e-9,
        4.435_282_357_258_285_6e-10,
    ];
    const EXP2_LESS_1: &'static [Self] = &[
        0.693_147_180_559_945_3,
        0.240_226_506_959_100_97,
        0.055_504_108_664_821_236,
        0.009_618_129_107_607_065,
        0.001_333_355_814_653_164_4,
        0.000_154_035_304_414_812_9,
        1.525_273_370_120_053e-5,
        1.321_544_272_387_653_2e-6,
        1.017_812_130_588_143_5e-7,
        7.072_561_768_626_289e-9,
        4.445_536_121_970_503_7e-10,
    ];
    const ARCCOS: &'static [Self] = &[
        0.450_158_158_078_553_03,
        0.037_513_179_839_874_49,
        0.008_440_465_464_549_686,
        0.002_512_043_266_091_507,
        0.000_854_793_164_151_807_9,
        0.000_314_709_305_403_152_35,
        0.000_122_150_797_539_384_6,
        4.844_747_483_283_575e-5,
        2.364_402_046_896_219e-5,
        -3.819_829_723_634_488e-6,
        3.854_342_043_207_681_5e-5,
        -7.292_799_997_639_074e-5,
        0.000_122_141_473_524_208_84,
        -0.000_149_486_277_557_966_3,
        0.000_137_923_966_869_351_05,
        -9.170_766_018_828_458e-5,
        4.200_637_167_651_379e-5,
        -1.185_854_619_360_642_3e-5,
        1.593_669_672_854_303_6e-6,
    ];
    const ARCSIN: &'static [Self] = &[
        0.636_619_772_367_581_4,
        0.212_206_590_789_176_75,
        0.084_882_636_318_145_87,
        0.036_378_272_564_708_165,
        0.016_168_125_521_812_366,
        0.007_349_065_766_359_546,
        0.003_392_906_016_883_159,
        0.001_574_247_700_005_095,
        0.000_799_994_012_825_258_6,
        8.889_226_490_465_368e-5,
        0.001_135_969_625_738_52,
        -0.002_670_298_592_068_52,
        0.006_136_798_179_147_398,
        -0.010_546_796_564_374_02,
        0.014_261_484_683_609_73,
        -0.014_816_465_733_448_506,
        0.011_662_961_402_942_993,
        -0.006_722_537_994_551_079,
        0.002_687_436_746_146_800_7,
        -0.000_667_677_255_038_393_8,
        7.862_217_949_280_935e-5,
    ];
    const RELU: &'static [Self] = &[
        0.300_105_438_719_035_33,
        0.015_005_271_935_952_852,
        0.002_411_561_561_021_486,
        0.000_558_231_847_570_937_1,
        0.000_155_416_716_814_225_83,
        4.841_968_513_244_311_4e-5,
        1.626_194_250_696_844_6e-5,
        5.851_127_434_785_757e-6,
        1.816_006_703_199_259e-6,
        1.863_561_640_721_364_4e-6,
        -2.217_884_970_611_481e-6,
        4.755_212_355_956_573e-6,
        -6.259_572_543_710_779e-6,
        6.383_967_740_423_755e-6,
        -4.601_809_130_449_311e-6,
        2.287_029_005_789_450_3e-6,
        -6.955_337_916_182_211e-7,
        1.016_713_119_159_368_5e-7,
    ];
    const ARCCOS_2: &'static [Self] = &[
        0.480_168_701_950_456_6,
        0.017_148_882_212_522_778,
        0.002_143_610_276_030_213_7,
        0.000_405_986_812_224_020_46,
        9.564_082_222_696_123e-5,
        2.582_617_080_898_580_4e-5,
        7.637_636_327_081_955e-6,
        2.528_704_990_637_722_8e-6,
        4.993_046_912_090_247e-7,
        1.032_010_621_407_522_7e-6,
        -1.183_737_977_796_064e-6,
        1.633_103_619_208_755_5e-6,
        -1.380_240_218_564_813_6e-6,
        8.269_591_073_437_432e-7,
        -2.935_405_729_855_154e-7,
        5.155_514_292_799_495e-8,
    ];

    fn from_f64(x: f64) -> Self {
        x
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn is_finite(self) -> bool {
        self.is_finite()
    }

    fn max(self, other: Self) -> Self {
        self.max(other)
    }
}

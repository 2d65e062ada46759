//! How exactly a figure is given.

use rust_decimal::Decimal;

use crate::{
    extract::{Measure, MeasureKind},
    shadow::{Key, key},
    validate::{Context, support::text::words},
};

/// The value of one unit of the last digit shown ("6,8 tỷ đồng": 100 million); 0 for a whole
/// number of single things, which is exact.
pub fn resolution(context: &Context<'_>, measure: &Measure) -> Decimal {
    let scale = if measure.kind == MeasureKind::Money {
        money_scale(context, measure)
    } else {
        Decimal::ONE
    };
    if measure.places == 0 && scale == Decimal::ONE {
        return Decimal::ZERO;
    }
    scale * unit(measure.places)
}

/// Whether a figure can be computed with: a run of thirty digits is a slip of the scan.
pub fn is_plausible(measure: &Measure) -> bool {
    const MOST: u128 = 10_u128.pow(16);
    // Without decimal places a figure is larger still, and mostly small enough all the same.
    let is_small = |value: Decimal| {
        value.mantissa().unsigned_abs() < MOST || value.abs() < Decimal::from_i128_with_scale(MOST as i128, 0)
    };
    is_small(measure.value) && measure.total.is_none_or(is_small)
}

/// One unit of the last of so many decimal places.
pub fn unit(places: u8) -> Decimal {
    Decimal::new(1, u32::from(places.min(20)))
}

/// Thousands, millions, billions by the words at the figure.
fn money_scale(context: &Context<'_>, measure: &Measure) -> Decimal {
    const WORDS: [(Key, i64); 5] = [
        (Key::new("nghìn"), 1_000),
        (Key::new("ngàn"), 1_000),
        (Key::new("triệu"), 1_000_000),
        (Key::new("tỷ"), 1_000_000_000),
        (Key::new("tỉ"), 1_000_000_000),
    ];
    let place = measure.unit.span().map_or(measure.span, |unit| unit);
    let mut scale = Decimal::ONE;
    for word in words(context, measure.span).into_iter().chain(words(context, place)) {
        if let Some((_, factor)) = WORDS.iter().find(|(key, _)| *key == word) {
            scale = scale.max(Decimal::from(*factor));
        }
    }
    // "nghìn tỷ" is both.
    let both = [key!("nghìn"), key!("tỷ")];
    if words(context, measure.span).windows(2).any(|pair| pair == both) {
        scale * Decimal::from(1000)
    } else {
        scale
    }
}
/// How often each digit stands in a figure, five bits each, and whether it has decimal places; None
/// where two of them are too few to tell. No digit stands 32 times in 29.
pub fn digits(value: Decimal) -> Option<u64> {
    let value = value.normalize();
    let mut rest = u128::try_from(value.mantissa()).ok().filter(|&digits| digits >= 100)?;
    let mut counts = u64::from(value.scale() > 0) << 50;
    let mut length = 0;
    while rest > 0 || length <= value.scale() {
        counts += 1 << (5 * (rest % 10));
        rest /= 10;
        length += 1;
    }
    Some(counts)
}

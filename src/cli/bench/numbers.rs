//! Figures from counts: the one place where a whole number becomes a float, and what is made of several rounds.

/// For rates and shares: a count beyond 2^53 would lose its last digit, and none here comes near.
#[allow(clippy::cast_precision_loss, reason = "counts here stay far below 2^53")]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

/// The same for a length.
pub(super) fn len_f64(length: usize) -> f64 {
    as_f64(u64::try_from(length).unwrap_or(u64::MAX))
}

/// The middle one, or the mean of the two middle ones.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    sorted.get(middle.checked_sub(1)?).map(|lower| f64::midpoint(*lower, upper))
}

/// The least and the greatest.
pub(super) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(least, greatest), value| (least.min(*value), greatest.max(*value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ranges() {
        assert_eq!((median(&[]), range(&[])), (None, None));
        assert_eq!((median(&[2.0]), range(&[2.0])), (Some(2.0), Some((2.0, 2.0))));
        assert_eq!((median(&[3.0, 1.0, 2.0]), range(&[3.0, 1.0, 2.0])), (Some(2.0), Some((1.0, 3.0))));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}

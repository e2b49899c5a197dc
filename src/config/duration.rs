//! Durations as Traefik's users write and read them: a bare integer is seconds, everything else is Go's syntax
//! (`1h2m3.5s`, `300ms`), and the API shows them as Go prints them.
use std::time::Duration;

/// Go counts in signed 64-bit nanoseconds; longer durations (292 years) are mistakes there and here.
const MAX_NANOS: u128 = i64::MAX as u128;

const UNITS: [(&str, u128); 8] = [
    // Units that begin with another one come first.
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is none.
    #[error("expected seconds such as `10` or a duration such as `1m30s` or `500ms`")]
    Syntax,
    /// It is less than zero.
    #[error("expected a duration that is not negative")]
    Negative,
    /// It is beyond 292 years.
    #[error("expected a duration of less than 292 years")]
    TooLong,
}

/// Reads `10` (seconds), `1h2m3.5s`, `300ms`, `1us`. Negative ones are refused; `-0` is zero, as in Go.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanos = if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
        whole(rest)?.checked_mul(1_000_000_000).ok_or(DurationError::TooLong)?
    } else {
        terms(rest)?
    };
    if nanos > MAX_NANOS {
        return Err(DurationError::TooLong);
    }
    if negative && nanos > 0 {
        return Err(DurationError::Negative);
    }
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| DurationError::TooLong)
}

fn terms(mut rest: &str) -> Result<u128, DurationError> {
    let mut sum: u128 = 0;
    if rest.is_empty() {
        return Err(DurationError::Syntax);
    }
    while !rest.is_empty() {
        let integer = leading_digits(&mut rest);
        let fraction = rest.strip_prefix('.').map(|after| {
            rest = after;
            leading_digits(&mut rest)
        });
        if integer.is_empty() && fraction.unwrap_or_default().is_empty() {
            return Err(DurationError::Syntax);
        }
        let (unit, after) = UNITS
            .iter()
            .find_map(|(name, unit)| rest.strip_prefix(name).map(|after| (*unit, after)))
            .ok_or(DurationError::Syntax)?;
        rest = after;
        let term = whole(integer)?.checked_mul(unit).ok_or(DurationError::TooLong)?;
        sum = sum.saturating_add(term).saturating_add(part(fraction.unwrap_or_default(), unit));
    }
    Ok(sum)
}

fn leading_digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits
}

fn whole(digits: &str) -> Result<u128, DurationError> {
    if digits.is_empty() { Ok(0) } else { digits.parse().map_err(|_| DurationError::TooLong) }
}

/// The nanoseconds of `0.digits` units, cut off, not rounded. Digits beyond the 15th are below any nanosecond.
fn part(digits: &str, unit: u128) -> u128 {
    let (sum, _) = digits.bytes().take(15).fold((0, unit * 10u128.pow(15)), |(sum, scale), digit| {
        (sum + u128::from(digit - b'0') * (scale / 10), scale / 10)
    });
    sum / 10u128.pow(15)
}

/// Prints a duration as Go does: `1h0m0s`, `1m0s`, `1.5s`, `500ms`, `0s`.
pub fn go_duration(duration: &Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanos, 1_000, 3)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanos, 1_000_000, 6)),
        _ => {
            let seconds = duration.as_secs();
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = decimal(nanos % 60_000_000_000, 1_000_000_000, 9);
            match (hours, minutes) {
                (0, 0) => format!("{rest}s"),
                (0, _) => format!("{minutes}m{rest}s"),
                _ => format!("{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

/// `value / unit` with as many of its `digits` decimals as are not trailing zeros.
fn decimal(value: u128, unit: u128, digits: usize) -> String {
    let text = format!("{}.{:0digits$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_traefik_reads_them() {
        let cases = [
            ("10", 10_000_000_000),
            ("0", 0),
            ("+5", 5_000_000_000),
            ("-0", 0),
            ("007", 7_000_000_000),
            ("300ms", 300_000_000),
            ("1us", 1_000),
            ("1µs", 1_000),
            ("1μs", 1_000),
            ("1ns", 1),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1h2m3.5s", 3_723_500_000_000),
            ("1s1s", 2_000_000_000),
            ("0.3333333333333333333333333h", 1_199_999_999_999),
            ("9223372036854775807ns", i64::MAX as u64),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "s", ".", ".s", "1", "-", "+", "1x", "1 s", " 1s", "1s ", "1.5", "1h2", "1e3s", "٣s", "--1s"]
        {
            let want = if text == "1" { Ok(Duration::from_secs(1)) } else { Err(DurationError::Syntax) };
            assert_eq!(parse_duration(text), want, "{text:?}");
        }
        assert_eq!(parse_duration("-1s"), Err(DurationError::Negative));
        assert_eq!(parse_duration("-1"), Err(DurationError::Negative));
        for text in [
            "9223372036854775808ns",
            "9223372037",
            "99999999999999999999999999999999999999999999h",
            "300000h300000h9999999h",
        ] {
            assert_eq!(parse_duration(text), Err(DurationError::TooLong), "{text}");
        }
    }

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        let cases = [
            (Duration::ZERO, "0s"),
            (Duration::from_nanos(1), "1ns"),
            (Duration::from_nanos(1_100), "1.1µs"),
            (Duration::from_micros(2_200), "2.2ms"),
            (Duration::from_millis(500), "500ms"),
            (Duration::from_secs(1), "1s"),
            (Duration::from_millis(3_300), "3.3s"),
            (Duration::from_secs(60), "1m0s"),
            (Duration::from_secs(180), "3m0s"),
            (Duration::from_secs(4 * 60 + 5), "4m5s"),
            (Duration::from_millis(245_001), "4m5.001s"),
            (Duration::from_millis(5 * 3_600_000 + 6 * 60_000 + 7_001), "5h6m7.001s"),
            (Duration::from_secs(3600), "1h0m0s"),
            (Duration::from_nanos(8 * 60_000_000_000 + 1), "8m0.000000001s"),
        ];
        for (duration, want) in cases {
            assert_eq!(go_duration(&duration), want);
        }
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back_as_itself(nanos in 0..=i64::MAX as u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&go_duration(&duration)), Ok(duration));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[-+0-9.smhunµ ]{0,40}|\\PC{0,20}") {
            if let Ok(duration) = parse_duration(&text) {
                prop_assert!(duration.as_nanos() <= MAX_NANOS);
            }
        }
    }
}

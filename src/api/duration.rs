//! Durations as Traefik's JSON has them: Go's notation, `1m0s`, `100ms`, `0s`.
use std::fmt::Write;
use std::time::Duration;

/// `duration` in Go's notation: hours, minutes and seconds from one second on, else the largest unit that fits.
pub fn text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => decimal(nanos, 1_000, "µs"),
        1_000_000..1_000_000_000 => decimal(nanos, 1_000_000, "ms"),
        _ => long(duration),
    }
}

fn long(duration: Duration) -> String {
    let (minutes, seconds) = (duration.as_secs() / 60, duration.as_secs() % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let mut out = String::new();
    // Writing to a String cannot fail.
    if hours > 0 {
        write!(out, "{hours}h").unwrap_or_default();
    }
    if hours > 0 || minutes > 0 {
        write!(out, "{minutes}m").unwrap_or_default();
    }
    out + &decimal(u128::from(seconds) * 1_000_000_000 + u128::from(duration.subsec_nanos()), 1_000_000_000, "s")
}

/// `value / unit` with as many decimals as it needs.
fn decimal(value: u128, unit: u128, suffix: &str) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return format!("{whole}{suffix}");
    }
    let digits = unit.to_string().len() - 1;
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}{suffix}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_writes_them() {
        let cases = [
            (Duration::ZERO, "0s"),
            (Duration::from_nanos(7), "7ns"),
            (Duration::from_nanos(1_500), "1.5µs"),
            (Duration::from_millis(100), "100ms"),
            (Duration::from_secs(10), "10s"),
            (Duration::from_millis(1_050), "1.05s"),
            (Duration::from_secs(60), "1m0s"),
            (Duration::from_secs(180), "3m0s"),
            (Duration::from_secs(3_600), "1h0m0s"),
            (Duration::from_millis(3_661_250), "1h1m1.25s"),
        ];
        for (given, want) in cases {
            assert_eq!(text(given), want);
        }
    }
}

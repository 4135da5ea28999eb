//! Sizes as people read and write them.

const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// `1.5 GiB`: binary units, three digits at least.
pub(crate) fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match (unit, value) {
        (0, _) => format!("{bytes} B"),
        (_, value) if value >= 100.0 => format!("{value:.0} {}", UNITS[unit]),
        (_, value) if value >= 10.0 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.2} {}", UNITS[unit]),
    }
}

/// Reads `64MiB`, `64 M`, `67108864`: units are binary.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = text.trim()[digits.len()..].trim().to_ascii_lowercase();
    let number: u64 = digits.parse().map_err(|_| format!("'{text}' is no size; write it as 64MiB"))?;
    let power = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        _ => return Err(format!("'{unit}' is no unit; use KiB, MiB or GiB")),
    };
    number.checked_mul(1024_u64.pow(power)).ok_or_else(|| format!("'{text}' is too large"))
}

/// A rate below this would make every time-out strike.
const RATE_MIN: u64 = 16 * 1024;

/// Reads `50MiB/s`, `50MiB`, `400Mbit/s`, in bytes a second: units of bytes are binary, those of bits decimal.
pub(crate) fn parse_rate(text: &str) -> Result<u64, String> {
    let amount = text.trim().trim_end_matches("/s").trim_end_matches("ps").trim();
    let rate = match amount.to_ascii_lowercase().strip_suffix("bit") {
        Some(bits) => parse_bits(bits).map(|bits| bits / 8),
        None => parse(amount).ok(),
    };
    match rate {
        Some(rate) if rate >= RATE_MIN => Ok(rate),
        Some(_) => Err(format!("too slow for registries and stores; {}/s is the least", human(RATE_MIN))),
        None => Err("this is no rate; write it as 50MiB/s or 400Mbit/s".to_owned()),
    }
}

/// `400 m` and `1000`, in bits.
fn parse_bits(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let power = ["", "k", "m", "g"].iter().position(|unit| *unit == text[digits.len()..].trim())?;
    digits.parse::<u64>().ok()?.checked_mul(1000_u64.checked_pow(u32::try_from(power).ok()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(human(0), "0 B");
        assert_eq!(human(1536), "1.50 KiB");
        assert_eq!(human(150 * 1024 * 1024), "150 MiB");
        assert_eq!(parse("64MiB"), Ok(64 << 20));
        assert_eq!(parse("2 g"), Ok(2 << 30));
        assert_eq!(parse("7"), Ok(7));
        assert_eq!(parse_rate("50MiB/s"), Ok(50 << 20));
        assert_eq!(parse_rate("400 Mbit/s"), Ok(50_000_000));
        assert!(parse_rate("1kbit/s").is_err() && parse_rate("fast").is_err() && parse_rate("0").is_err());
        assert!(parse("many").is_err());
        assert!(parse("5 parsecs").is_err());
    }
}

//! Times and durations as they are written.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::Span;

/// What is left of a text.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Takes so many digits.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.0.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.0 = &self.0[count..];
        digits.parse().ok()
    }

    /// Takes as many digits as there are.
    fn run(&mut self) -> &'a str {
        let end = self.0.find(|char: char| !char.is_ascii_digit()).unwrap_or(self.0.len());
        let (run, rest) = self.0.split_at(end);
        self.0 = rest;
        run
    }

    /// Takes a text if it is next.
    fn take(&mut self, wanted: &str) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// A time of ISO 8601 (or the invariant culture's `MM/dd/yyyy HH:mm:ss`), and the pattern it is written by. Without a zone
/// it is in UTC.
pub(super) fn time(text: &str) -> Option<(OffsetDateTime, String)> {
    let mut rest = Rest(text.trim());
    let (date, mut pattern) = date(&mut rest)?;
    let time = match ["T", " "].into_iter().find(|between| rest.take(between)) {
        Some(between) => {
            pattern.push_str(between);
            clock(&mut rest, &mut pattern)?
        }
        None => Time::MIDNIGHT,
    };
    let offset = zone(&mut rest, &mut pattern)?;
    rest.0.is_empty().then(|| (PrimitiveDateTime::new(date, time).assume_offset(offset), pattern))
}

fn date(rest: &mut Rest<'_>) -> Option<(Date, String)> {
    let (year, month, day, pattern) = if rest.0.get(2..3) == Some("/") {
        let month = rest.digits(2)?;
        rest.take("/");
        let day = rest.digits(2)?;
        let year = if rest.take("/") { rest.digits(4)? } else { return None };
        (year, month, day, "MM/dd/yyyy")
    } else {
        let year = rest.digits(4)?;
        let extended = rest.take("-");
        let month = rest.digits(2)?;
        if rest.take("-") != extended {
            return None;
        }
        (year, month, rest.digits(2)?, if extended { "yyyy-MM-dd" } else { "yyyyMMdd" })
    };
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    Some((date, pattern.to_owned()))
}

fn clock(rest: &mut Rest<'_>, pattern: &mut String) -> Option<Time> {
    let hour = rest.digits(2)?;
    let extended = rest.take(":");
    let minute = rest.digits(2)?;
    pattern.push_str(if extended { "HH:mm" } else { "HHmm" });
    let has_seconds =
        if extended { rest.take(":") } else { rest.0.starts_with(|char: char| char.is_ascii_digit()) };
    let mut nanos = 0;
    let second = if has_seconds {
        pattern.push_str(if extended { ":ss" } else { "ss" });
        let second = rest.digits(2)?;
        if rest.take(".") {
            nanos = fraction(rest, pattern)?;
        }
        second
    } else {
        0
    };
    let small = |number: u32| u8::try_from(number).ok();
    Time::from_hms_nano(small(hour)?, small(minute)?, small(second)?, nanos).ok()
}

/// Digits behind the second's point: up to seven are kept, as .NET's ticks do.
fn fraction(rest: &mut Rest<'_>, pattern: &mut String) -> Option<u32> {
    let run = rest.run();
    let kept = run.get(..run.len().min(7)).filter(|kept| !kept.is_empty())?;
    pattern.push('.');
    pattern.push_str(&"f".repeat(kept.len()));
    format!("{kept:0<9}").parse().ok()
}

fn zone(rest: &mut Rest<'_>, pattern: &mut String) -> Option<UtcOffset> {
    if rest.take("Z") {
        pattern.push('Z');
        return Some(UtcOffset::UTC);
    }
    let sign = if rest.take("+") {
        1
    } else if rest.take("-") {
        -1
    } else {
        return Some(UtcOffset::UTC);
    };
    let hours = rest.digits(2)? as i32;
    rest.take(":");
    let minutes = rest.digits(2)? as i32;
    pattern.push_str("zzz");
    // .NET knows offsets up to fourteen hours
    let seconds = hours * 3600 + minutes * 60;
    if seconds > 14 * 3600 || minutes > 59 {
        return None;
    }
    UtcOffset::from_whole_seconds(sign * seconds).ok()
}

/// A duration of ISO 8601: `P1Y2M3W4DT5H6M7.8S`, each part at most once and in this order, perhaps negative.
pub(super) fn duration(text: &str) -> Option<Span> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    let text = text.strip_prefix('P')?;
    let (days, hours) = text.split_once('T').map_or((text, None), |(days, hours)| (days, Some(hours)));
    if hours.unwrap_or(days).is_empty() {
        return None;
    }
    let mut total = Total::default();
    total.add(days, &[('Y', 12, true), ('M', 1, true), ('W', 604_800, false), ('D', 86_400, false)])?;
    total.add(hours.unwrap_or_default(), &[('H', 3600, false), ('M', 60, false), ('S', 1, false)])?;
    let rest = Duration::new(sign * total.seconds, (sign * total.nanos) as i32);
    Some(Span { months: sign * total.months, rest })
}

/// What the parts of a duration add up to.
#[derive(Default)]
struct Total {
    months: i64,
    seconds: i64,
    nanos: i64,
}

impl Total {
    /// Adds parts: numbers, each with its unit (its letter, how many seconds or months it is, whether it is of months).
    fn add(&mut self, parts: &str, mut units: &[(char, i64, bool)]) -> Option<()> {
        let mut rest = Rest(parts);
        while !rest.0.is_empty() {
            let number: i64 = rest.run().parse().ok()?;
            let fraction = if rest.take(".") { Some(rest.run()) } else { None };
            let place = units.iter().position(|unit| rest.0.starts_with(unit.0))?;
            let (name, size, of_months) = units[place];
            units = &units[place + 1..];
            rest.0 = &rest.0[1..];
            if let Some(fraction) = fraction {
                let kept =
                    fraction.get(..fraction.len().min(9)).filter(|kept| name == 'S' && !kept.is_empty())?;
                self.nanos = format!("{kept:0<9}").parse().ok()?;
            }
            let total = if of_months { &mut self.months } else { &mut self.seconds };
            *total = total.checked_add(number.checked_mul(size)?)?;
        }
        Some(())
    }
}

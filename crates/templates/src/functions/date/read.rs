//! Times and durations as they are written.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

const DAY: i64 = 86_400;

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

/// A time of ISO 8601 (or the invariant culture's `MM/dd/yyyy HH:mm:ss`). Without a zone it is in UTC.
pub(super) fn time(text: &str) -> Option<OffsetDateTime> {
    let mut rest = Rest(text.trim());
    let date = date(&mut rest)?;
    let time = if rest.take("T") || rest.take(" ") { clock(&mut rest)? } else { Time::MIDNIGHT };
    let offset = zone(&mut rest)?;
    rest.0.is_empty().then(|| PrimitiveDateTime::new(date, time).assume_offset(offset))
}

fn date(rest: &mut Rest<'_>) -> Option<Date> {
    let (year, month, day) = if rest.0.get(2..3) == Some("/") {
        let month = rest.digits(2)?;
        rest.take("/");
        let day = rest.digits(2)?;
        let year = if rest.take("/") { rest.digits(4)? } else { return None };
        (year, month, day)
    } else {
        let year = rest.digits(4)?;
        let extended = rest.take("-");
        let month = rest.digits(2)?;
        if rest.take("-") != extended {
            return None;
        }
        (year, month, rest.digits(2)?)
    };
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
}

fn clock(rest: &mut Rest<'_>) -> Option<Time> {
    let hour = rest.digits(2)?;
    let extended = rest.take(":");
    let minute = rest.digits(2)?;
    let has_seconds =
        if extended { rest.take(":") } else { rest.0.starts_with(|char: char| char.is_ascii_digit()) };
    let (mut second, mut nanos) = (0, 0);
    if has_seconds {
        second = rest.digits(2)?;
        if rest.take(".") {
            nanos = fraction(rest)?;
        }
    }
    let small = |number: u32| u8::try_from(number).ok();
    Time::from_hms_nano(small(hour)?, small(minute)?, small(second)?, nanos).ok()
}

/// Digits behind the second's point: up to seven are kept, as .NET's ticks do.
fn fraction(rest: &mut Rest<'_>) -> Option<u32> {
    let run = rest.run();
    let kept = run.get(..run.len().min(7)).filter(|kept| !kept.is_empty())?;
    format!("{kept:0<9}").parse().ok()
}

fn zone(rest: &mut Rest<'_>) -> Option<UtcOffset> {
    if rest.take("Z") {
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
    // .NET knows offsets up to fourteen hours
    let seconds = hours * 3600 + minutes * 60;
    if seconds > 14 * 3600 || minutes > 59 {
        return None;
    }
    UtcOffset::from_whole_seconds(sign * seconds).ok()
}

/// A duration of ISO 8601: `P1Y2M3W4DT5H6M7.8S`, each part at most once and in this order, perhaps negative. A year is 365
/// days and a month 30, as they are to Azure.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    let text = text.strip_prefix('P')?;
    let (days, hours) = text.split_once('T').map_or((text, None), |(days, hours)| (days, Some(hours)));
    if hours.unwrap_or(days).is_empty() {
        return None;
    }
    let days = parts(days, &[('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)])?;
    let hours = parts(hours.unwrap_or_default(), &[('H', 3600), ('M', 60), ('S', 1)])?;
    days.checked_add(hours)?.checked_mul(sign)
}

/// The sum of parts: numbers, each with its unit (its letter, and how many seconds it is).
fn parts(parts: &str, mut units: &[(char, i64)]) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = Rest(parts);
    while !rest.0.is_empty() {
        let number: i64 = rest.run().parse().ok()?;
        let fraction = if rest.take(".") { Some(fraction(&mut rest)?) } else { None };
        let place = units.iter().position(|unit| rest.0.starts_with(unit.0))?;
        let (name, seconds) = units[place];
        units = &units[place + 1..];
        rest.0 = &rest.0[1..];
        if fraction.is_some() && name != 'S' {
            return None;
        }
        let part = Duration::new(number.checked_mul(seconds)?, fraction.unwrap_or(0) as i32);
        sum = sum.checked_add(part)?;
    }
    Some(sum)
}

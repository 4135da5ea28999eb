//! Times by .NET's formats, in the invariant culture.

use time::{Month, OffsetDateTime, Weekday};

use crate::Error;

/// A time as `utcNow(format)` and `dateTimeAdd(…, format)` write it: one of .NET's standard formats (`u`, `d`, `o`, …) or
/// a custom one (`yyyy-MM-dd`), in the invariant culture.
///
/// # Errors
/// `Expression` when a format of one letter is not one of the standard ones, or a custom one ends in the middle.
pub fn format_time(time: OffsetDateTime, format: &str) -> Result<String, Error> {
    let mut chars = format.chars();
    let pattern = match (chars.next(), chars.next()) {
        (None, _) => "MM/dd/yyyy HH:mm:ss",
        (Some(letter), None) => standard(letter).ok_or_else(invalid)?,
        _ => format,
    };
    custom(time, pattern)
}

fn invalid() -> Error {
    Error::expression("the format is not one of .NET's formats of dates and times.")
}

fn standard(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "MM/dd/yyyy",
        'D' => "dddd, dd MMMM yyyy",
        'f' => "dddd, dd MMMM yyyy HH:mm",
        'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
        'g' => "MM/dd/yyyy HH:mm",
        'G' => "MM/dd/yyyy HH:mm:ss",
        'M' | 'm' => "MMMM dd",
        'O' | 'o' => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        'R' | 'r' => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        's' => "yyyy-MM-ddTHH:mm:ss",
        't' => "HH:mm",
        'T' => "HH:mm:ss",
        'u' => "yyyy-MM-dd HH:mm:ss'Z'",
        'Y' | 'y' => "yyyy MMMM",
        _ => return None,
    })
}

fn custom(time: OffsetDateTime, pattern: &str) -> Result<String, Error> {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(char) = rest.chars().next() {
        let count = rest.len() - rest.trim_start_matches(char).len();
        rest = match char {
            'd' | 'f' | 'F' | 'g' | 'h' | 'H' | 'K' | 'm' | 'M' | 's' | 't' | 'y' | 'z' => {
                part(time, char, count, &mut text).ok_or_else(invalid)?;
                &rest[count..]
            }
            '\\' => {
                let escaped = rest[1..].chars().next().ok_or_else(invalid)?;
                text.push(escaped);
                &rest[1 + escaped.len_utf8()..]
            }
            '%' => &rest[1..],
            quote @ ('\'' | '"') => {
                let (quoted, behind) = rest[1..].split_once(quote).ok_or_else(invalid)?;
                text.push_str(quoted);
                behind
            }
            other => {
                text.push(other);
                &rest[other.len_utf8()..]
            }
        };
    }
    Ok(text)
}

/// What a letter that stands so many times means.
fn part(time: OffsetDateTime, letter: char, count: usize, text: &mut String) -> Option<()> {
    let number = |number: u32, width: usize| format!("{number:0width$}");
    let two = count.min(2);
    let shown = match (letter, count) {
        ('d', 1 | 2) => number(time.day().into(), two),
        ('d', 3) => weekday(time.weekday())[..3].to_owned(),
        ('d', _) => weekday(time.weekday()).to_owned(),
        ('M', 1 | 2) => number(u8::from(time.month()).into(), two),
        ('M', 3) => month(time.month())[..3].to_owned(),
        ('M', _) => month(time.month()).to_owned(),
        ('y', 1 | 2) => number(time.year().unsigned_abs() % 100, two),
        ('y', count) => number(time.year().unsigned_abs(), count.min(100)),
        ('h', _) => number((u32::from(time.hour()) + 11) % 12 + 1, two),
        ('H', _) => number(time.hour().into(), two),
        ('m', _) => number(time.minute().into(), two),
        ('s', _) => number(time.second().into(), two),
        ('t', 1) => half(time)[..1].to_owned(),
        ('t', _) => half(time).to_owned(),
        ('g', _) => "A.D.".to_owned(),
        ('f', 1..=7) => format!("{:07}", time.nanosecond() / 100)[..count].to_owned(),
        ('F', 1..=7) => {
            let digits = format!("{:07}", time.nanosecond() / 100);
            let shown = digits[..count].trim_end_matches('0');
            // a point before nothing is left out
            if shown.is_empty() && text.ends_with('.') {
                text.pop();
            }
            shown.to_owned()
        }
        ('K', _) if time.offset().is_utc() => "Z".repeat(count),
        ('K', _) => offset(time, 3).repeat(count),
        ('z', count) => offset(time, count),
        _ => return None,
    };
    text.push_str(&shown);
    Some(())
}

fn half(time: OffsetDateTime) -> &'static str {
    if time.hour() < 12 { "AM" } else { "PM" }
}

/// `+1`, `+01`, `+01:00`
fn offset(time: OffsetDateTime, count: usize) -> String {
    let (hours, minutes, _) = time.offset().as_hms();
    let sign = if time.offset().is_negative() { '-' } else { '+' };
    let (hours, minutes) = (hours.unsigned_abs(), minutes.unsigned_abs());
    match count {
        1 => format!("{sign}{hours}"),
        2 => format!("{sign}{hours:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn month(month: Month) -> &'static str {
    match month {
        Month::January => "January",
        Month::February => "February",
        Month::March => "March",
        Month::April => "April",
        Month::May => "May",
        Month::June => "June",
        Month::July => "July",
        Month::August => "August",
        Month::September => "September",
        Month::October => "October",
        Month::November => "November",
        Month::December => "December",
    }
}

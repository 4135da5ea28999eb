//! dateTimeAdd, dateTimeFromEpoch, dateTimeToEpoch.

mod pattern;
mod read;

pub use pattern::format_time;
use time::{Date, Duration, Month, OffsetDateTime};

use super::call::{Call, Function, plain};
use crate::{Error, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "datetimeadd" => plain(2, 3, add),
        "datetimefromepoch" => plain(1, 1, from_epoch),
        "datetimetoepoch" => plain(1, 1, to_epoch),
        _ => return None,
    })
}

/// A time and a duration later or earlier; in the form in which the time was written, unless another is wanted.
fn add(call: &mut Call<'_>) -> Result<Value, Error> {
    let (base, written) = time(call)?;
    let Some(duration) = read::duration(call.text(1)?) else {
        return Err(call.fault("the second argument is no duration of ISO 8601, as 'P1D' or '-PT1H30M'"));
    };
    let sum =
        later(base, &duration).ok_or_else(|| call.fault("the result is outside of the years 1 to 9999"))?;
    let pattern = if call.values.len() > 2 { call.text(2)? } else { &written };
    format_time(sum, pattern)
        .map(Value::Text)
        .map_err(|error| call.fault(error.message.trim_end_matches('.')))
}

fn from_epoch(call: &mut Call<'_>) -> Result<Value, Error> {
    let time = OffsetDateTime::from_unix_timestamp(call.int(0)?).ok().filter(is_in_range);
    let time = time.ok_or_else(|| call.fault("the result is outside of the years 1 to 9999"))?;
    Ok(Value::Text(format_time(time, "yyyy-MM-ddTHH:mm:ssZ")?))
}

fn to_epoch(call: &mut Call<'_>) -> Result<Value, Error> {
    Ok(Value::Int(time(call)?.0.unix_timestamp()))
}

fn time(call: &Call<'_>) -> Result<(OffsetDateTime, String), Error> {
    let no_time = || call.fault("the first argument is no time of ISO 8601, as '2020-04-07T14:53:14Z'");
    read::time(call.text(0)?).filter(|(time, _)| is_in_range(time)).ok_or_else(no_time)
}

fn is_in_range(time: &OffsetDateTime) -> bool {
    (1..=9999).contains(&time.year())
}

/// What is added: months by the calendar, the rest by the clock.
pub(super) struct Span {
    months: i64,
    rest: Duration,
}

fn later(time: OffsetDateTime, span: &Span) -> Option<OffsetDateTime> {
    let months = i64::from(time.year()) * 12 + i64::from(u8::from(time.month())) - 1;
    let months = months.checked_add(span.months)?;
    let year = i32::try_from(months.div_euclid(12)).ok().filter(|year| (1..=9999).contains(year))?;
    let month = Month::try_from(months.rem_euclid(12) as u8 + 1).ok()?;
    let day = time.day().min(month.length(year));
    let date = Date::from_calendar_date(year, month, day).ok()?;
    time.replace_date(date).checked_add(span.rest).filter(is_in_range)
}

//! dateTimeAdd, dateTimeFromEpoch, dateTimeToEpoch.

mod pattern;
mod read;

pub use pattern::format_time;
use time::{OffsetDateTime, UtcOffset};

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

/// What a time is written as when no format is wanted, whatever it was read from.
const ISO: &str = "yyyy-MM-ddTHH:mm:ss.FFFFFFFZ";

/// A time and a duration later or earlier, in UTC.
fn add(call: &mut Call<'_>) -> Result<Value, Error> {
    let base = time(call)?;
    let Some(duration) = read::duration(call.text(1)?) else {
        return Err(Error::expression(format!(
            "The template function '{}' has an invalid parameter. The second parameter is not a valid ISO8601 Duration string. Please see https://aka.ms/arm-syntax-functions.",
            call.name
        )));
    };
    let sum = base.checked_add(duration).filter(is_in_range);
    let sum = sum.ok_or_else(|| call.fault("the result is outside of the years 1 to 9999"))?;
    let pattern = if call.values.len() > 2 { call.text(2)? } else { ISO };
    format_time(sum, pattern)
        .map(Value::Text)
        .map_err(|error| call.fault(error.message.trim_end_matches('.')))
}

fn from_epoch(call: &mut Call<'_>) -> Result<Value, Error> {
    let time = OffsetDateTime::from_unix_timestamp(call.int(0)?).ok().filter(is_in_range);
    let time = time.ok_or_else(|| call.fault("the result is outside of the years 1 to 9999"))?;
    Ok(Value::Text(format_time(time, ISO)?))
}

fn to_epoch(call: &mut Call<'_>) -> Result<Value, Error> {
    Ok(Value::Int(time(call)?.unix_timestamp()))
}

fn time(call: &Call<'_>) -> Result<OffsetDateTime, Error> {
    let no_time = || call.fault("the first argument is no time of ISO 8601, as '2020-04-07T14:53:14Z'");
    let time = read::time(call.text(0)?).and_then(|time| time.checked_to_offset(UtcOffset::UTC));
    time.filter(is_in_range).ok_or_else(no_time)
}

fn is_in_range(time: &OffsetDateTime) -> bool {
    (1..=9999).contains(&time.year())
}

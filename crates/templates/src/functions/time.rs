//! Dates as .NET formats them.

use time::OffsetDateTime;

use crate::Error;

/// A time as `utcNow(format)` gives it.
pub fn format_time(time: OffsetDateTime, format: &str) -> Result<String, Error> {
    let _ = (time, format);
    Err(Error::expression("not yet"))
}

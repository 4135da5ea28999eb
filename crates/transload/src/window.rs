//! `--window 22:00-06:00`: the time of day in which bytes may move.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use transload_transfer::{Closed, Schedule};

/// A time of day, every day, in one time zone. It may go over midnight.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    from: Time,
    to: Time,
    zone: TimeZone,
}

impl FromStr for Window {
    type Err = String;

    /// `FROM-TO` in the machine's time zone, or with a zone behind: `22:00-06:00 Europe/Berlin`, `22:00-06:00 UTC`.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("'{text}' is no window; write it as 22:00-06:00, or with a time zone behind");
        let (times, zone) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let (from, to) = times.split_once('-').ok_or_else(form)?;
        let time = |text: &str| text.trim().parse::<Time>().map_err(|_| form());
        let (from, to) = (time(from)?, time(to)?);
        if from == to {
            return Err(format!("'{text}' is no time at all: it ends when it begins"));
        }
        let zone = match zone.trim() {
            "" => TimeZone::system(),
            name => {
                TimeZone::get(name).map_err(|_| format!("'{name}' is no time zone that is known here"))?
            }
        };
        Ok(Self { from, to, zone })
    }
}

impl Window {
    fn is_open(&self, time: Time) -> bool {
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        }
    }

    /// When it opens next, seen from a moment at which it is closed.
    fn opens(&self, now: &Zoned) -> Option<Zoned> {
        let day = if now.time() < self.from { now.date() } else { now.date().checked_add(1.day()).ok()? };
        // where the clock is put forward over this time, right behind that
        day.to_datetime(self.from).to_zoned(self.zone.clone()).ok()
    }

    fn closed_at(&self, now: &Zoned) -> Option<Closed> {
        if self.is_open(now.time()) {
            return None;
        }
        let opens = self.opens(now)?;
        let wait = Duration::try_from(now.duration_until(&opens)).unwrap_or_default();
        Some(Closed { wait, until: moment(&opens) })
    }
}

impl Schedule for Window {
    fn closed(&self) -> Option<Closed> {
        self.closed_at(&Timestamp::now().to_zoned(self.zone.clone()))
    }
}

/// A moment so far from now, in the machine's time zone.
pub(crate) fn from_now(pause: Duration) -> String {
    let now = Zoned::now();
    moment(&now.checked_add(pause).unwrap_or(now))
}

fn moment(moment: &Zoned) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A length of time: `30s`, `90m`, `1h 30m`, and `90d` for days of 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    const DAY_SECONDS: u64 = 24 * 60 * 60;
    let days = text.trim().strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok());
    if let Some(days) = days {
        let seconds = days.checked_mul(DAY_SECONDS).ok_or_else(|| format!("'{text}' is too long"))?;
        return Ok(Duration::from_secs(seconds));
    }
    let form = |_| format!("'{text}' is no length of time; write it as 30s, 90m or 8h");
    let parsed: jiff::SignedDuration = text.parse().map_err(form)?;
    Duration::try_from(parsed).map_err(|_| format!("'{text}' is less than nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(window: &str, now: &str) -> Option<(u64, String)> {
        let window: Window = window.parse().unwrap();
        let closed = window.closed_at(&now.parse::<Zoned>().unwrap())?;
        Some((closed.wait.as_secs(), closed.until))
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        let night = |now| at("22:00-06:00 UTC", now);
        assert_eq!(night("2026-11-22T23:30:00[UTC]"), None);
        assert_eq!(night("2026-11-22T05:59:59[UTC]"), None);
        assert_eq!(
            night("2026-11-22T06:00:00[UTC]"),
            Some((16 * 3600, "2026-11-22T22:00:00+00:00".to_owned()))
        );
        let day = |now| at("09:00-17:00:30 UTC", now);
        assert_eq!(day("2026-11-22T17:00:29[UTC]"), None);
        assert_eq!(
            day("2026-11-22T18:00:00[UTC]"),
            Some((15 * 3600, "2026-11-23T09:00:00+00:00".to_owned()))
        );
    }

    #[test]
    fn clocks_that_are_put_forward_and_back_are_known() {
        // the night of 29 March 2026 has no 02:30 in Berlin, and is an hour shorter
        let opens = at("02:30-05:00 Europe/Berlin", "2026-03-28T22:00:00[Europe/Berlin]");
        assert_eq!(opens, Some((4 * 3600 + 1800, "2026-03-29T03:30:00+02:00".to_owned())));
        let shorter = at("06:00-07:00 Europe/Berlin", "2026-03-28T22:00:00[Europe/Berlin]");
        assert_eq!(shorter, Some((7 * 3600, "2026-03-29T06:00:00+02:00".to_owned())));
    }

    #[test]
    fn what_is_no_window_is_told() {
        for odd in ["", "22:00", "22-6", "25:00-06:00", "22:00-22:00", "22:00-06:00 Nowhere/City"] {
            assert!(odd.parse::<Window>().is_err(), "{odd}");
        }
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert!(parse_duration("soon").is_err() && parse_duration("-5s").is_err());
    }
}

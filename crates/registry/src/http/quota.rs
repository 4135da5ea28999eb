//! When a host that has had enough wants to be asked again.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// Numbers of seconds above this are moments, counted from 1970, and no durations.
const MOMENT_FROM: u64 = 1_000_000_000;

/// How long to wait, as far as the headers of a 429 or 503 say: `Retry-After` in seconds or as a date (RFC 9110,
/// 10.2.3); `RateLimit-Reset` in seconds, or as a moment where registries mean that (`X-RateLimit-Reset`); for a quota
/// that is used up (`ratelimit-remaining: 0;w=21600`, Docker Hub), its window, behind which it is there again for sure.
pub(super) fn pause(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status.as_u16(), 429 | 503) {
        return None;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER.as_str()).and_then(moment_or_seconds);
    let reset = || {
        ["ratelimit-reset", "x-ratelimit-reset"].into_iter().find_map(|name| moment_or_seconds(text(name)?))
    };
    let window = || {
        let (remaining, parameters) = text("ratelimit-remaining")?.split_once(';')?;
        let window = parameters.split(';').find_map(|one| one.trim().strip_prefix("w="))?;
        (remaining.trim() == "0").then(|| window.trim().parse().ok().map(Duration::from_secs))?
    };
    asked.or_else(reset).or_else(window)
}

fn moment_or_seconds(text: &str) -> Option<Duration> {
    let from_now =
        |moment: OffsetDateTime| Duration::try_from(moment - OffsetDateTime::now_utc()).unwrap_or_default();
    match text.parse::<u64>() {
        Ok(seconds) if seconds < MOMENT_FROM => Some(Duration::from_secs(seconds)),
        Ok(seconds) => OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok().map(from_now),
        Err(_) => OffsetDateTime::parse(text, &Rfc2822).ok().map(from_now),
    }
}

/// The moment behind a pause, for people: `2026-11-22T20:05:00Z`.
pub(super) fn moment(pause: Duration) -> String {
    let moment = OffsetDateTime::now_utc().checked_add(time::Duration::try_from(pause).unwrap_or_default());
    let moment = moment.and_then(|moment| moment.replace_nanosecond(0).ok());
    moment
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{} s from now", pause.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pause(StatusCode::TOO_MANY_REQUESTS, &headers.collect())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(wait(&[("retry-after", "120")]), Some(Duration::from_secs(120)));
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), Some(Duration::ZERO));
        let far = wait(&[("retry-after", "Fri, 21 Oct 2095 07:28:00 GMT")]);
        assert!(far.unwrap() > Duration::from_secs(1 << 30));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn quotas_say_when_they_are_there_again() {
        assert_eq!(
            wait(&[("ratelimit-reset", "30"), ("ratelimit-remaining", "0;w=60")]),
            Some(Duration::from_secs(30))
        );
        assert_eq!(wait(&[("x-ratelimit-reset", "1445412480")]), Some(Duration::ZERO));
        let hub = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600")];
        assert_eq!(wait(&hub), Some(Duration::from_secs(21_600)));
        assert_eq!(wait(&[("ratelimit-remaining", "5;w=21600")]), None);
        assert_eq!(wait(&[("retry-after", "7"), ("ratelimit-reset", "30")]), Some(Duration::from_secs(7)));
        assert!(moment(Duration::from_secs(60)).ends_with('Z'));
    }
}

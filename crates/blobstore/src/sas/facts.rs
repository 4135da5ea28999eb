//! What a SAS token says about itself.

use std::fmt;

use percent_encoding::percent_decode_str;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

/// The readable fields of a SAS token, decoded. Fields that are absent are `None`; unknown ones are left out.
/// No secret is among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SasFacts {
    /// `st`: not valid before.
    pub starts: Option<SasMoment>,
    /// `se`: not valid from then on.
    pub expires: Option<SasMoment>,
    /// `sp`: permission letters.
    pub permissions: Option<String>,
    /// `spr`: protocols, `https` or `https,http`.
    pub protocols: Option<String>,
    /// `sr`: what a service SAS is for: `c` container, `b` blob, `d` directory, …
    pub resource: Option<String>,
    /// `ss`: services of an account SAS; `b` is blobs.
    pub services: Option<String>,
    /// `srt`: resource types of an account SAS: `s` service, `c` container, `o` object.
    pub resource_types: Option<String>,
    /// `sip`: the addresses it may be used from.
    pub addresses: Option<String>,
    /// `sv`: storage version it was signed for.
    pub version: Option<String>,
    /// `si`: stored access policy, which may hold dates and permissions that the token does not show.
    pub policy: Option<String>,
    /// `skoid`: object id of who delegated it (a user delegation SAS).
    pub delegated_by: Option<String>,
}

impl SasFacts {
    pub(crate) fn read(query: &str) -> Self {
        let mut facts = Self::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match key.to_ascii_lowercase().as_str() {
                "st" => facts.starts = Some(SasMoment::read(value)),
                "se" => facts.expires = Some(SasMoment::read(value)),
                "sp" => facts.permissions = Some(value),
                "spr" => facts.protocols = Some(value),
                "sr" => facts.resource = Some(value),
                "ss" => facts.services = Some(value),
                "srt" => facts.resource_types = Some(value),
                "sip" => facts.addresses = Some(value),
                "sv" => facts.version = Some(value),
                "si" => facts.policy = Some(value),
                "skoid" => facts.delegated_by = Some(value),
                _ => {}
            }
        }
        facts
    }

    /// Whether it is an account SAS, whose reach is said by `ss` and `srt`.
    pub fn is_account(&self) -> bool {
        self.resource.is_none() && (self.services.is_some() || self.resource_types.is_some())
    }
}

/// A date of a token: its text, and the moment it means, if it can be read. A date alone is its first second, UTC.
#[derive(Clone, PartialEq, Eq)]
pub struct SasMoment {
    text: String,
    at: Option<OffsetDateTime>,
}

impl SasMoment {
    fn read(text: String) -> Self {
        let at = moment(&text);
        Self { text, at }
    }

    /// The moment, unless the text is no date.
    pub fn at(&self) -> Option<OffsetDateTime> {
        self.at
    }
}

impl fmt::Display for SasMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => f.write_str(&show(at)),
            None => f.write_str(&self.text),
        }
    }
}

impl fmt::Debug for SasMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A moment as `2026-11-01T00:00:00Z`.
pub(crate) fn show(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| at.to_string())
}

/// A length of time as people say it: its largest unit, rounded down.
pub(crate) fn show_length(length: time::Duration) -> String {
    let seconds = length.whole_seconds().unsigned_abs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The forms that tokens are made with: a date, a date and minutes, RFC 3339.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let day = format_description!("[year]-[month]-[day]");
    let minute = format_description!("[year]-[month]-[day]T[hour]:[minute]Z");
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| PrimitiveDateTime::parse(text, minute).ok().map(PrimitiveDateTime::assume_utc))
        .or_else(|| Date::parse(text, day).ok().map(|d| d.with_time(Time::MIDNIGHT).assume_utc()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn dates_are_read_in_every_precision() {
        for (text, at) in [
            ("2027-01-01", datetime!(2027-01-01 0:00 UTC)),
            ("2027-01-01T14:20Z", datetime!(2027-01-01 14:20 UTC)),
            ("2027-01-01T14:20:05Z", datetime!(2027-01-01 14:20:05 UTC)),
            ("2027-01-01T14:20:05.0000000Z", datetime!(2027-01-01 14:20:05 UTC)),
            ("2027-01-01T14:20:05+02:00", datetime!(2027-01-01 12:20:05 UTC)),
        ] {
            assert_eq!(moment(text), Some(at), "{text}");
        }
        assert_eq!(moment("soon"), None);
    }

    #[test]
    fn every_fact_is_decoded() {
        let facts = SasFacts::read(
            "st=2026-01-01T00%3A00Z&se=2027-01-01&sp=rl&spr=https%2Chttp&ss=b&srt=sco&sip=10.0.0.1&sv=2024-11-04&sig=x",
        );
        assert_eq!(facts.starts.as_ref().unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(facts.expires.as_ref().unwrap().to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(facts.protocols.as_deref(), Some("https,http"));
        assert!(facts.is_account());
        assert!(!SasFacts::read("sr=c&sv=1&sig=x").is_account());
    }

    #[test]
    fn lengths_are_said_in_one_unit() {
        for (seconds, text) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (7_199, "119 minutes"),
            (90_000, "25 hours"),
            (1_814_400, "21 days"),
        ] {
            assert_eq!(show_length(time::Duration::seconds(seconds)), text);
        }
    }
}

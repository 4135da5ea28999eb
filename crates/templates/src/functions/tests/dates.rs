use serde_json::json;
use time::macros::datetime;

use super::{are, fail};
use crate::format_time;

#[test]
fn times_are_moved_by_days_of_24_hours() {
    are(&[
        // as people saw Azure do it: a year is 365 days, a month 30
        ("dateTimeAdd('2023-09-11 14:42:56Z', 'P2Y')", json!("2025-09-10T14:42:56Z")),
        ("dateTimeAdd('2022-09-01T00:00:00Z', 'P10Y')", json!("2032-08-29T00:00:00Z")),
        ("dateTimeAdd('2023-01-31 00:00:00Z', 'P1M')", json!("2023-03-02T00:00:00Z")),
        ("dateTimeAdd('2024-01-31 00:00:00Z', 'P1M')", json!("2024-03-01T00:00:00Z")),
        ("dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", json!("2023-04-07T14:53:14Z")),
        ("dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')", json!("2020-03-29T14:53:14Z")),
        ("dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H')", json!("2020-04-07T15:53:14Z")),
        ("dateTimeAdd('20200407T145314Z', 'P1D')", json!("2020-04-08T14:53:14Z")),
        ("dateTimeAdd('2020-01-31T00:00:00.5Z', 'PT0.25S')", json!("2020-01-31T00:00:00.75Z")),
        ("dateTimeAdd('2020-04-07T14:53:14+02:00', 'P1W')", json!("2020-04-14T12:53:14Z")),
        ("dateTimeAdd('2020-04-07T14:53', 'P1DT2H3M', 'u')", json!("2020-04-08 16:56:00Z")),
        ("dateTimeAdd('03/05/2019', 'P1D')", json!("2019-03-06T00:00:00Z")),
        ("dateTimeAdd('2020-04-07T14:53:14Z', 'P1D', 'yyyy-MM-dd')", json!("2020-04-08")),
        ("dateTimeToEpoch('1970-01-01T00:00:10Z')", json!(10)),
        ("dateTimeToEpoch('1970-01-01T01:00:00+01:00')", json!(0)),
        ("dateTimeFromEpoch(1683040573)", json!("2023-05-02T15:16:13Z")),
        ("dateTimeFromEpoch(-1)", json!("1969-12-31T23:59:59Z")),
    ]);
    fail(&[
        ("dateTimeAdd('yesterday', 'P1D')", "no time of ISO 8601"),
        ("dateTimeAdd('2020-13-01', 'P1D')", "no time of ISO 8601"),
        ("dateTimeAdd('2020-01-01T25:00:00Z', 'P1D')", "no time of ISO 8601"),
        ("dateTimeAdd('2020-01-01T00:00:00+23:00', 'P1D')", "no time of ISO 8601"),
        ("dateTimeAdd('0000-01-01', 'P1D')", "no time of ISO 8601"),
        ("dateTimeAdd('2020-01-01', '1D')", "not a valid ISO8601 Duration string"),
        ("dateTimeAdd('2020-01-01', 'P')", "not a valid ISO8601 Duration"),
        ("dateTimeAdd('2020-01-01', 'P1DT')", "not a valid ISO8601 Duration"),
        ("dateTimeAdd('2020-01-01', 'P1D1Y')", "not a valid ISO8601 Duration"),
        ("dateTimeAdd('2020-01-01', 'PT1HT1M')", "not a valid ISO8601 Duration"),
        ("dateTimeAdd('2020-01-01', 'P99999999999999999999Y')", "not a valid ISO8601 Duration"),
        ("dateTimeAdd('2020-01-01', 'P8000Y')", "years 1 to 9999"),
        ("dateTimeAdd('2020-01-01', '-P3000Y')", "years 1 to 9999"),
        ("dateTimeAdd('2020-01-01', 'PT9223372036854775807S')", "years 1 to 9999"),
        ("dateTimeAdd('2020-01-01', '-P1Y9223372036854775807D')", "not a valid ISO8601 Duration"),
        ("dateTimeAdd('2020-01-01', 'P1.5D')", "not a valid ISO8601 Duration"),
        ("dateTimeAdd('2020-01-01', 'P1D', 'q')", "not one of .NET's formats"),
        ("dateTimeFromEpoch(9223372036854775807)", "years 1 to 9999"),
        ("dateTimeFromEpoch(-99999999999)", "years 1 to 9999"),
    ]);
}

#[test]
fn times_are_written_by_dotnets_formats() {
    let time = datetime!(2019-03-05 17:53:18.1234567 UTC);
    let table = [
        ("yyyyMMddTHHmmssZ", "20190305T175318Z"),
        ("d", "03/05/2019"),
        ("M d", "3 5"),
        ("D", "Tuesday, 05 March 2019"),
        ("f", "Tuesday, 05 March 2019 17:53"),
        ("F", "Tuesday, 05 March 2019 17:53:18"),
        ("g", "03/05/2019 17:53"),
        ("G", "03/05/2019 17:53:18"),
        ("", "03/05/2019 17:53:18"),
        ("M", "March 05"),
        ("o", "2019-03-05T17:53:18.1234567Z"),
        ("R", "Tue, 05 Mar 2019 17:53:18 GMT"),
        ("s", "2019-03-05T17:53:18"),
        ("t", "17:53"),
        ("T", "17:53:18"),
        ("u", "2019-03-05 17:53:18Z"),
        ("Y", "2019 March"),
        ("h:mm tt", "5:53 PM"),
        ("hh t", "05 P"),
        ("yy y yyyyy", "19 19 02019"),
        ("ddd MMM", "Tue Mar"),
        ("%d", "5"),
        ("'year' yyyy", "year 2019"),
        ("\\y\\d", "yd"),
        ("fff FF", "123 12"),
        ("K zzz zz z", "Z +00:00 +00 +0"),
        ("H g", "17 A.D."),
    ];
    for (format, wanted) in table {
        assert_eq!(format_time(time, format).as_deref(), Ok(wanted), "{format}");
    }
    for format in ["x", "1", "ffffffff", "'open", "yyyy\\"] {
        assert!(format_time(time, format).is_err(), "{format}");
    }
    assert_eq!(format_time(datetime!(2019-03-05 0:00 -05:30), "h K").as_deref(), Ok("12 -05:30"));
    assert_eq!(format_time(datetime!(2019-03-05 0:00 UTC), "s.FFF").as_deref(), Ok("0"));
}

//! Numbers by .NET's standard formats, in the invariant culture: `D5`, `N0`, `X`, `F2`, `P`, `E3`, `C`, `G`.

use super::custom;
use crate::Value;

/// The most digits that a format may ask for.
const PRECISION_MAX: usize = 99;

/// A number in a standard format (a letter and up to two digits), or else in a custom one. Errors go on after "…: ".
pub(super) fn format(value: &Value, format: &str) -> Result<String, String> {
    let letter = format.chars().next().filter(char::is_ascii_alphabetic);
    let digits = format.get(1..).unwrap_or_default();
    let (Some(letter), true) = (letter, digits.chars().all(|char| char.is_ascii_digit())) else {
        return custom::format(value, format);
    };
    let precision = match digits {
        "" => None,
        digits => match digits.parse() {
            Ok(precision) if precision <= PRECISION_MAX => Some(precision),
            _ => return Err(format!("a format asks for {PRECISION_MAX} digits at most")),
        },
    };
    match (letter.to_ascii_uppercase(), value) {
        ('D', Value::Int(number)) => {
            let width = precision.unwrap_or(0);
            Ok(signed(*number < 0, format!("{:0>width$}", number.unsigned_abs())))
        }
        ('X', Value::Int(number)) => {
            let width = precision.unwrap_or(0);
            Ok(if letter == 'X' { format!("{number:0>width$X}") } else { format!("{number:0>width$x}") })
        }
        ('D' | 'X', _) => Err(format!("the format '{letter}' is for integers")),
        ('N', _) => Ok(with_sign(value, precision.unwrap_or(2), 1, true)),
        ('F', _) => Ok(with_sign(value, precision.unwrap_or(2), 1, false)),
        ('P', _) => Ok(format!("{} %", with_sign(value, precision.unwrap_or(2), 100, true))),
        ('C', _) => {
            let (negative, whole, fraction) = fixed(value, precision.unwrap_or(2), 1);
            let amount = format!("¤{}", pointed(&grouped(&whole), &fraction));
            Ok(if negative { format!("({amount})") } else { amount })
        }
        ('E', _) => Ok(scientific(value, precision.unwrap_or(6), letter)),
        ('G' | 'R', _) => Ok(super::written(value)),
        _ => Err(format!("the format '{letter}' is not known for numbers")),
    }
}

fn with_sign(value: &Value, decimals: usize, times: i64, in_groups: bool) -> String {
    let (negative, whole, fraction) = fixed(value, decimals, times);
    signed(negative, pointed(&if in_groups { grouped(&whole) } else { whole }, &fraction))
}

fn signed(negative: bool, number: String) -> String {
    if negative { format!("-{number}") } else { number }
}

fn pointed(whole: &str, fraction: &str) -> String {
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// A number times a factor with so many decimals: whether it is negative, its digits before the point and behind it.
pub(super) fn fixed(value: &Value, decimals: usize, times: i64) -> (bool, String, String) {
    let (negative, digits) = match value {
        Value::Int(number) => {
            let number = i128::from(*number) * i128::from(times);
            (number < 0, format!("{}.{}", number.unsigned_abs(), "0".repeat(decimals)))
        }
        Value::Float(number) => {
            let number = number * times as f64;
            (number < 0.0, format!("{:.decimals$}", number.abs()))
        }
        _ => (false, "0".to_owned()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let is_zero = digits.chars().all(|char| matches!(char, '0' | '.'));
    (negative && !is_zero, whole.to_owned(), fraction.to_owned())
}

/// Digits with a comma before every three.
fn grouped(whole: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `-1.234560E+003`: the exponent has a sign and three digits at least.
fn scientific(value: &Value, decimals: usize, letter: char) -> String {
    let number = match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        _ => 0.0,
    };
    let written = format!("{number:.decimals$e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{mantissa}{letter}{sign}{exponent:0>3}")
}

//! Numbers by .NET's custom formats: `000`, `#,##0.00`, `0.#%`, `0;(0);none`.

use super::number::fixed;
use crate::Value;

/// The most places for digits that a format may have before the point, and behind it.
const PLACES_MAX: usize = 99;

/// A piece of a section.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    /// `0`: a digit, or zero
    Zero,
    /// `#`: a digit, or nothing
    Digit,
    Point,
    Comma,
    Percent,
    Literal(char),
}

/// A number in a custom format. Errors go on after "…: ".
pub(super) fn format(value: &Value, format: &str) -> Result<String, String> {
    let sections = sections(format)?;
    let is_zero = matches!(value, Value::Int(0)) || matches!(value, Value::Float(number) if *number == 0.0);
    let is_negative = fixed(value, PLACES_MAX, 1).0;
    let nth = |place: usize| sections.get(place).filter(|section| !section.is_empty());
    let own = if is_zero {
        nth(2)
    } else if is_negative {
        nth(1)
    } else {
        None
    };
    let shown = in_section(value, own.or(sections.first()).map_or(&[], Vec::as_slice))?;
    // a section of its own for negative numbers says itself what marks them
    Ok(if is_negative && own.is_none() { format!("-{shown}") } else { shown })
}

fn sections(format: &str) -> Result<Vec<Vec<Piece>>, String> {
    let mut sections = vec![Vec::new()];
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        let piece = match char {
            '0' => Piece::Zero,
            '#' => Piece::Digit,
            '.' => Piece::Point,
            ',' => Piece::Comma,
            '%' => Piece::Percent,
            ';' => {
                sections.push(Vec::new());
                continue;
            }
            '\\' => Piece::Literal(chars.next().ok_or("a format ends in a backslash")?),
            quote @ ('\'' | '"') => {
                push_quoted(&mut chars, quote, sections.last_mut());
                continue;
            }
            other => Piece::Literal(other),
        };
        if let Some(section) = sections.last_mut() {
            section.push(piece);
        }
    }
    Ok(sections)
}

/// What stands in quotes is meant as it is.
fn push_quoted(chars: &mut std::str::Chars<'_>, quote: char, section: Option<&mut Vec<Piece>>) {
    let quoted = chars.by_ref().take_while(|char| *char != quote).map(Piece::Literal);
    match section {
        Some(section) => section.extend(quoted),
        None => drop(quoted.count()),
    }
}

fn in_section(value: &Value, pieces: &[Piece]) -> Result<String, String> {
    let point = pieces.iter().position(|piece| *piece == Piece::Point).unwrap_or(pieces.len());
    let (before, behind) = pieces.split_at(point);
    let is_digit = |piece: &&Piece| matches!(piece, Piece::Zero | Piece::Digit);
    let places = behind.iter().filter(is_digit).copied().collect::<Vec<_>>();
    if places.len() > PLACES_MAX || before.iter().filter(is_digit).count() > PLACES_MAX {
        return Err(format!(
            "a format has {PLACES_MAX} places for digits at most, before the point and behind it"
        ));
    }
    let times = if pieces.contains(&Piece::Percent) { 100 } else { 1 };
    let (_, whole, fraction) = fixed(value, places.len(), times);
    let least = places.iter().rposition(|place| *place == Piece::Zero).map_or(0, |place| place + 1);
    let fraction = &fraction[..fraction.trim_end_matches('0').len().max(least)];
    Ok(whole_part(before, whole.trim_start_matches('0'))? + &fraction_part(behind, fraction))
}

/// The digits before the point, among the literals of the format; more digits than places stand at the first place.
fn whole_part(pieces: &[Piece], digits: &str) -> Result<String, String> {
    let is_digit = |piece: &Piece| matches!(piece, Piece::Zero | Piece::Digit);
    let places = pieces.iter().filter(|piece| is_digit(piece)).count();
    let last = pieces.iter().rposition(is_digit).unwrap_or(0);
    if pieces.iter().skip(last).any(|piece| *piece == Piece::Comma) {
        return Err("a comma behind the last digit of a format is not supported".to_owned());
    }
    let first_zero = pieces.iter().filter(|piece| is_digit(piece)).position(|piece| *piece == Piece::Zero);
    let least = first_zero.map_or(0, |zero| places - zero);
    let digits = format!("{digits:0>least$}");
    let in_groups = pieces.contains(&Piece::Comma);
    let mut shown = String::new();
    let mut left = digits.len();
    let mut places_left = places;
    for piece in pieces {
        match piece {
            Piece::Literal(char) => shown.push(*char),
            Piece::Percent => shown.push('%'),
            Piece::Zero | Piece::Digit => {
                let from = digits.len() - left;
                let to = digits.len().saturating_sub(places_left - 1).max(from);
                shown.push_str(&separated(&digits, from, to, in_groups));
                left = digits.len() - to;
                places_left -= 1;
            }
            Piece::Comma | Piece::Point => {}
        }
    }
    Ok(shown)
}

/// Digits of a number, with the commas that stand before them.
fn separated(digits: &str, from: usize, to: usize, in_groups: bool) -> String {
    if !in_groups {
        return digits[from..to].to_owned();
    }
    let mut shown = String::new();
    for (place, digit) in digits.char_indices().take(to).skip(from) {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn fraction_part(pieces: &[Piece], fraction: &str) -> String {
    let mut digits = fraction.chars();
    let mut shown = String::new();
    for piece in pieces {
        match piece {
            Piece::Point if !fraction.is_empty() && !shown.contains('.') => shown.push('.'),
            Piece::Literal(char) => shown.push(*char),
            Piece::Percent => shown.push('%'),
            Piece::Zero | Piece::Digit => shown.extend(digits.next()),
            Piece::Point | Piece::Comma => {}
        }
    }
    shown
}

//! Many rows with one statement.

use std::fmt::Write as _;

/// Rows of one statement; what is left over goes one by one.
pub(super) const ROWS: usize = 50;

/// `($1, $2), ($3, $4), …` for so many rows of so many columns.
pub(super) fn values(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text += if row == 0 { "(" } else { ", (" };
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            // writing to a text does not fail
            let _ = write!(text, "{comma}${}", row * columns + column + 1);
        }
        text += ")";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_on() {
        assert_eq!(values(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(values(1, 1), "($1)");
    }
}

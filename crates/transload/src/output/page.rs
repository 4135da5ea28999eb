//! What a person is shown: text and tables, fitted to the terminal.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement};
use owo_colors::OwoColorize;
use transload_oci::Digest;

use super::bytes::human;

/// What a column that may be broken into lines is left with at least; with less, each row becomes a record.
const WRAPPED_CHARS_MIN: usize = 16;

/// Where a page is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Screen {
    /// Characters in a line; `None` where lines may be as long as they like.
    pub(crate) width: Option<usize>,
    /// Whether escape sequences are understood and wanted.
    pub(crate) color: bool,
}

/// Text and tables, one below the other.
#[derive(Debug, Default)]
pub(crate) struct Page {
    parts: Vec<Part>,
}

/// How a line is meant, for terminals that show colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something new.
    Good,
    /// Something that is lost.
    Bad,
    /// Something that is different.
    Changed,
    /// Nothing that matters.
    Faint,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Lines(Vec<(Tone, String)>),
    Table(Table),
    /// For programs only: the text of the page says the same.
    Rows(Table),
}

impl Page {
    /// An empty page.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With text: whole lines, each with its end.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// With lines, each without its end, and in a colour where there are any.
    pub(crate) fn lines(mut self, lines: Vec<(Tone, String)>) -> Self {
        self.parts.push(Part::Lines(lines));
        self
    }

    /// With a table. The first one is what `--output tsv` prints.
    pub(crate) fn table(mut self, table: Table) -> Self {
        self.parts.push(Part::Table(table));
        self
    }

    /// With rows for `--output tsv`, where people are told the same in text.
    pub(crate) fn rows(mut self, table: Table) -> Self {
        self.parts.push(Part::Rows(table));
        self
    }

    /// The page as it is shown.
    pub(crate) fn render(&self, screen: Screen) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Lines(lines) => {
                    for (tone, line) in lines {
                        text.push_str(&painted(*tone, line, screen.color));
                        text.push('\n');
                    }
                }
                Part::Table(table) => text.push_str(&table.render(screen)),
                Part::Rows(_) => {}
            }
        }
        text
    }

    /// The rows of the first table, exact, without a header, tabs between the cells.
    pub(crate) fn tsv(&self) -> String {
        let table = self.parts.iter().find_map(|part| match part {
            Part::Table(table) | Part::Rows(table) => Some(table),
            Part::Text(_) | Part::Lines(_) => None,
        });
        table.map(Table::tsv).unwrap_or_default()
    }
}

fn painted(tone: Tone, line: &str, color: bool) -> String {
    match tone {
        _ if !color => line.to_owned(),
        Tone::Good => line.green().to_string(),
        Tone::Bad => line.red().to_string(),
        Tone::Changed => line.yellow().to_string(),
        Tone::Faint => line.dimmed().to_string(),
    }
}

/// A value in a table: as people read it, and as programs do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    shown: String,
    exact: String,
}

impl Cell {
    /// A size: `1.5 MiB`, and in bytes.
    pub(crate) fn bytes(bytes: u64) -> Self {
        Self { shown: human(bytes), exact: bytes.to_string() }
    }

    /// A digest: its first digits, and whole. Empty for none.
    pub(crate) fn digest(digest: Option<Digest>) -> Self {
        digest.map(|digest| Self { shown: digest.short(), exact: digest.to_string() }).unwrap_or_default()
    }

    /// A value that people are told in other words.
    pub(crate) fn told(shown: impl Into<String>, exact: impl Into<String>) -> Self {
        Self { shown: shown.into(), exact: exact.into() }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        let text = text.into();
        Self { shown: text.clone(), exact: text }
    }
}

/// Rows under a header.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug)]
struct Column {
    name: String,
    right: bool,
    wraps: bool,
}

impl Table {
    /// A table without rows. Columns are on the left and stay in one line until something else is said.
    pub(crate) fn new<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        let column = |name: T| Column { name: name.into(), right: false, wraps: false };
        Self { columns: names.into_iter().map(column).collect(), rows: Vec::new() }
    }

    /// With the columns of these indexes on the right: numbers.
    pub(crate) fn right(mut self, indexes: &[usize]) -> Self {
        self.columns.iter_mut().enumerate().for_each(|(at, column)| column.right |= indexes.contains(&at));
        self
    }

    /// With the columns of these indexes broken into several lines where the terminal is too narrow: long texts.
    pub(crate) fn wraps(mut self, indexes: &[usize]) -> Self {
        self.columns.iter_mut().enumerate().for_each(|(at, column)| column.wraps |= indexes.contains(&at));
        self
    }

    /// Adds a row: one cell a column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn tsv(&self) -> String {
        let line = |row: &Vec<Cell>| {
            let cells: Vec<String> = row.iter().map(|cell| tsv_cell(&cell.exact)).collect();
            cells.join("\t") + "\n"
        };
        self.rows.iter().map(line).collect()
    }

    fn render(&self, screen: Screen) -> String {
        let widths = self.widths();
        // comfy-table puts a space on each side of a cell
        let natural: usize = widths.iter().map(|width| width + 2).sum();
        let Some(width) = screen.width.filter(|width| *width < natural) else {
            return self.lines(screen, None);
        };
        let least = |(column, width): (&Column, &usize)| {
            if column.wraps { (*width).min(WRAPPED_CHARS_MIN) + 2 } else { width + 2 }
        };
        if self.columns.iter().zip(&widths).map(least).sum::<usize>() > width {
            return self.records(screen);
        }
        self.lines(screen, Some(width))
    }

    fn lines(&self, screen: Screen, width: Option<usize>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(self.columns.iter().map(|column| column.name.as_str()));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| cell.shown.as_str()));
        }
        for (at, column) in self.columns.iter().enumerate() {
            let Some(made) = table.column_mut(at) else { continue };
            if column.right {
                made.set_cell_alignment(CellAlignment::Right);
            }
            if width.is_some() && !column.wraps {
                made.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        match width.and_then(|width| u16::try_from(width).ok()) {
            Some(width) => {
                table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        let mut text = String::new();
        for (at, line) in table.lines().enumerate() {
            let line = line.trim_end();
            let line = line.strip_prefix(' ').unwrap_or(line);
            match screen.color && at == 0 {
                true => text.push_str(&format!("{}\n", line.bold())),
                false => text.push_str(&format!("{line}\n")),
            }
        }
        text
    }

    /// One line a cell, for terminals that are too narrow for a table.
    fn records(&self, screen: Screen) -> String {
        let longest = self.columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for row in &self.rows {
            for (column, cell) in self.columns.iter().zip(row).filter(|(_, cell)| !cell.shown.is_empty()) {
                let name = format!("{:longest$}", column.name);
                let name = if screen.color { name.bold().to_string() } else { name };
                text.push_str(&format!("{name}  {}\n", cell.shown));
            }
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let width = |(at, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.shown.chars().count());
            cells.max().unwrap_or(0).max(column.name.chars().count())
        };
        self.columns.iter().enumerate().map(width).collect()
    }
}

/// A cell that cannot be taken for two, or for two lines.
pub(super) fn tsv_cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Page {
        let mut table = Table::new(["NAME", "SIZE", "PLATFORMS"]).right(&[1]).wraps(&[2]);
        table.row(["a/b".into(), Cell::bytes(2048), "linux/amd64 linux/arm64 linux/arm linux/s390x".into()]);
        table.row(["c\td".into(), Cell::bytes(1), Cell::default()]);
        Page::new().text("above\n").table(table).text("below\n")
    }

    #[test]
    fn a_table_fits_its_terminal() {
        let wide = sample().render(Screen::default());
        assert_eq!(wide.lines().nth(1), Some("NAME      SIZE  PLATFORMS"));
        let wrapped = sample().render(Screen { width: Some(44), color: false });
        assert!(wrapped.lines().all(|line| line.chars().count() <= 44), "{wrapped}");
        assert!(wrapped.lines().count() > wide.lines().count(), "{wrapped}");
        assert!(wrapped.contains("linux/amd64\n") || wrapped.contains("linux/arm64\n"), "{wrapped}");
        let records = sample().render(Screen { width: Some(20), color: false });
        assert!(records.contains("SIZE       2.00 KiB\n"), "{records}");
        assert!(!records.contains("PLATFORMS  \n"), "nothing is said of what is empty: {records}");
    }

    #[test]
    fn programs_get_what_is_exact() {
        assert_eq!(sample().tsv(), "a/b\t2048\tlinux/amd64 linux/arm64 linux/arm linux/s390x\nc\\td\t1\t\n");
    }

    #[test]
    fn without_colours_there_is_no_escape() {
        assert!(!sample().render(Screen::default()).contains('\u{1b}'));
        assert!(sample().render(Screen { width: None, color: true }).contains('\u{1b}'));
    }
}

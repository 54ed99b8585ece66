//! The list as a table: aligned, and cut to the width of the terminal.

use std::io;

use jobwait::TaskRow;
use jobwait::text::safe;

const COLUMNS: [&str; 6] = ["ID", "STATUS", "PROGRESS", "NAME", "INSTANCE", "CREATED"];

/// The columns that are made narrower to fit a terminal, in this order, and their least width.
const FLEXIBLE: [usize; 2] = [4, 3];
const NARROWEST: usize = 12;

/// The longest text of a cell.
const LONGEST: usize = 120;

/// The width of the terminal that standard output is, if it is one.
pub(super) fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0.max(1)))
}

/// Formats the table, or nothing without rows.
pub(super) fn text(rows: &[TaskRow], width: Option<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 6]> =
        [COLUMNS.map(str::to_owned)].into_iter().chain(rows.iter().map(cells)).collect();
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    for column in FLEXIBLE {
        let total: usize = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
        let excess = total.saturating_sub(width.unwrap_or(usize::MAX));
        widths[column] = widths[column].saturating_sub(excess).max(NARROWEST.min(widths[column]));
    }
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let cell = cut(cell, width);
            let padding = " ".repeat(width - columns(&cell));
            cell + &padding
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let line = line.trim_end();
        width.map_or_else(|| line.to_owned(), |width| cut(line, width)) + "\n"
    };
    rows.iter().map(line).collect()
}

fn cells(row: &TaskRow) -> [String; 6] {
    let shown = |text: Option<&str>| safe(text.unwrap_or("-"), LONGEST).to_string();
    let status = Some(row.status().as_str()).filter(|status| !status.is_empty());
    let (id, name) = (row.instance().id.as_deref(), row.instance().name.as_deref());
    let instance = match (name, id) {
        (Some(name), Some(id)) => format!("{} ({})", safe(name, LONGEST), safe(id, LONGEST)),
        (one, other) => shown(one.or(other)),
    };
    [
        shown(row.id().map(jobwait::JobId::as_str)),
        shown(status),
        row.progress().map_or_else(|| "-".to_owned(), |progress| progress.to_string()),
        shown(row.name()),
        instance,
        shown(row.created()),
    ]
}

/// The number of columns that a text takes on a terminal.
fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// Chinese, Japanese and Korean characters take two columns.
fn char_columns(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Cuts a text to this number of columns.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let kept = text.chars().take_while(|c| {
        let fits = char_columns(*c) <= room;
        room = room.saturating_sub(char_columns(*c));
        fits
    });
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_the_columns_that_it_takes() {
        for (text, width, shown) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("磁盘不足", 8, "磁盘不足"),
            ("磁盘不足", 6, "磁盘…"),
            ("ab", 1, "…"),
        ] {
            assert_eq!(cut(text, width), shown);
            assert!(columns(&cut(text, width)) <= width);
        }
    }
}

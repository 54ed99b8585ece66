//! `docs/reliability.md` against the tests: it lists for each row of the bad cases the tests that are named after it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How many rows each chapter has.
const ROWS: [(char, usize); 7] = [('t', 15), ('h', 15), ('b', 10), ('s', 10), ('c', 7), ('a', 6), ('l', 8)];

/// The tests of each row: a test is named `t8_h1_what_it_shows`, after all the rows that it is for.
fn tests() -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut folders = vec!["src".to_owned(), "tests".to_owned()];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(root.join(&path)).unwrap();
                let mut is_test = false;
                for line in text.lines().map(str::trim) {
                    is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                    let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                    let Some((name, _)) = name.and_then(|name| name.split_once('(')) else { continue };
                    for row in name.split('_').take_while(|word| is_row(word)).filter(|_| is_test) {
                        tests.entry(row.to_owned()).or_default().push(name.to_owned());
                    }
                    is_test = false;
                }
            }
        }
    }
    for names in tests.values_mut() {
        names.sort();
    }
    tests
}

fn is_row(word: &str) -> bool {
    let (chapter, number) = word.split_at(word.len().min(1));
    let rows = ROWS.iter().find(|(known, _)| chapter.starts_with(*known)).map(|(_, rows)| *rows);
    number.parse().is_ok_and(|number| (1..=rows.unwrap_or(0)).contains(&number))
}

#[test]
fn every_bad_case_has_a_test_and_the_list_of_them_is_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let text = fs::read_to_string(&file).unwrap();
    let tests = tests();
    let mut listed = Vec::new();
    let mut fresh = String::new();
    for line in text.lines() {
        let row =
            line.strip_prefix("| ").and_then(|rest| rest.split_once(" |")).map(|(row, _)| row.to_lowercase());
        match row.filter(|row| is_row(row)) {
            Some(row) => {
                let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
                let names = tests.get(&row).unwrap_or_else(|| panic!("no test is named after {row}"));
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let words = line.rsplit_once(" |").and_then(|(words, _)| words.rsplit_once(" |")).unwrap().0;
                assert!(cells.len() >= 3, "{line}");
                fresh.extend([words, " | ", &names.join(", "), " |\n"]);
                listed.push(row);
            }
            None => fresh.extend([line, "\n"]),
        }
    }
    let all = ROWS.iter().flat_map(|(chapter, rows)| (1..=*rows).map(move |row| format!("{chapter}{row}")));
    assert_eq!(listed, all.collect::<Vec<_>>(), "the rows of the list");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &fresh).unwrap();
    } else {
        assert_eq!(text, fresh, "the list is not true: UPDATE_DOCS=1 cargo test --test outside reliability");
    }
}

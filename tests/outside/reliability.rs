//! `docs/reliability.md` against the tests: it lists the tests that cover each bad case.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The number of cases in each chapter.
const CASES: [(char, usize); 11] = [
    ('T', 15),
    ('H', 15),
    ('B', 10),
    ('S', 10),
    ('C', 7),
    ('A', 6),
    ('L', 8),
    ('Q', 6),
    ('E', 16),
    ('K', 13),
    ('U', 9),
];

/// Collects the tests of each case. A test names its cases in its doc comment: `/// Covers T8 and H1.`
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
                let mut covered: Vec<&str> = Vec::new();
                for line in text.lines().map(str::trim) {
                    if let Some(cases) = line.strip_prefix("/// Covers ") {
                        let words = cases.split(|c: char| !c.is_ascii_alphanumeric());
                        covered.extend(words.filter(|word| is_case(word)));
                    }
                    let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                    let Some((name, _)) = name.and_then(|name| name.split_once('(')) else { continue };
                    for case in covered.drain(..) {
                        tests.entry(case.to_owned()).or_default().push(name.to_owned());
                    }
                }
                assert!(covered.is_empty(), "{path}: the cases {covered:?} stand above no test");
            }
        }
    }
    for names in tests.values_mut() {
        names.sort();
    }
    tests
}

fn is_case(word: &str) -> bool {
    let (chapter, number) = word.split_at(word.len().min(1));
    let cases = CASES.iter().find(|(known, _)| chapter.starts_with(*known)).map(|(_, cases)| *cases);
    number.parse().is_ok_and(|number| (1..=cases.unwrap_or(0)).contains(&number))
}

#[test]
fn every_bad_case_has_a_test_and_the_list_of_them_is_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let text = fs::read_to_string(&file).unwrap();
    let tests = tests();
    let mut listed = Vec::new();
    let mut fresh = String::new();
    for line in text.lines() {
        let case =
            line.strip_prefix("| ").and_then(|rest| rest.split_once(" |")).map(|(case, _)| case.to_owned());
        match case.filter(|case| is_case(case)) {
            Some(case) => {
                let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
                let names = tests.get(&case).unwrap_or_else(|| panic!("no test covers {case}"));
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let words = line.rsplit_once(" |").and_then(|(words, _)| words.rsplit_once(" |")).unwrap().0;
                assert!(cells.len() >= 3, "{line}");
                fresh.extend([words, " | ", &names.join(", "), " |\n"]);
                listed.push(case);
            }
            None => fresh.extend([line, "\n"]),
        }
    }
    let all =
        CASES.iter().flat_map(|(chapter, cases)| (1..=*cases).map(move |case| format!("{chapter}{case}")));
    assert_eq!(listed, all.collect::<Vec<_>>(), "the cases of the list");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &fresh).unwrap();
    } else {
        assert_eq!(text, fresh, "the list is not true: UPDATE_DOCS=1 cargo test --test outside reliability");
    }
}

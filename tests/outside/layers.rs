//! The layers of the library: each module imports only from its own layer or those below, and never in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The layers, lowest first. ARCHITECTURE.md explains them.
const LAYERS: [&[&str]; 8] = [
    &["text", "error", "fault", "id", "language"],
    &["job", "endpoint", "service", "region"],
    &["probe", "outcome", "event", "clock"],
    &["limiter", "wait", "http"],
    &["auth"],
    &["cloud"],
    &["environment"],
    &["simulator"],
];

fn layer(module: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("the module '{module}' belongs to no layer: add it to LAYERS"))
}

/// Collects the modules of the library, each with the paths that it imports from the crate and the file that does so.
fn imports() -> BTreeMap<String, Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path != root.join("bin") {
                    folders.push(path);
                }
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            let module = name.components().next().unwrap().as_os_str().to_str().unwrap().to_owned();
            if module == "lib" || path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let found = imports.entry(module).or_default();
            for line in code {
                for (_, rest) in
                    line.match_indices("crate::").map(|(at, found)| line.split_at(at + found.len()))
                {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                    found.push((rest[..end].to_owned(), path.display().to_string()));
                }
            }
        }
    }
    imports
}

#[test]
fn modules_import_only_from_their_own_layer_or_those_below() {
    for (module, imports) in imports() {
        for (imported, file) in imports {
            let is_module = imported.chars().next().is_some_and(char::is_lowercase);
            assert!(
                is_module,
                "{file} imports through the crate root: name the module that defines '{imported}'"
            );
            assert!(
                layer(&imported) <= layer(&module),
                "{file} imports from '{imported}', which is in a layer above '{module}'"
            );
        }
    }
}

#[test]
fn no_module_imports_itself_through_others() {
    let imports: BTreeMap<String, BTreeSet<String>> = imports()
        .into_iter()
        .map(|(module, imports)| {
            let others = imports.into_iter().map(|(imported, _)| imported).filter(|other| *other != module);
            (module.clone(), others.collect())
        })
        .collect();
    for module in imports.keys() {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&String> = imports[module].iter().collect();
        while let Some(other) = next.pop() {
            assert_ne!(other, module, "the imports of '{module}' lead back to it");
            if reached.insert(other) {
                next.extend(&imports[other]);
            }
        }
    }
}

//! The README against what it quotes.

use std::fs;
use std::path::Path;

#[test]
fn the_hooks_of_the_readme_are_those_that_are_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for (language, file) in
        [("sh", "create-and-deploy.sh"), ("hcl", "main.tf"), ("yaml", "github-actions.yml")]
    {
        let hook = fs::read_to_string(root.join("examples/hooks").join(file)).unwrap();
        assert!(readme.contains(&format!("```{language}\n{hook}```\n")), "{file} is another one");
    }
}

/// Whoever reads a link to a file of the project finds it.
#[test]
fn what_the_readme_links_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in
        ["README.md", "docs/pace.md", "docs/schedules.md", "docs/reliability.md", "docs/performance.md"]
    {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let here = root.join(document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap();
            assert!(here.parent().unwrap().join(file).exists(), "{document} links to {link}");
        }
    }
}

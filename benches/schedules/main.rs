//! The study of schedules: `cargo bench --bench schedules` writes the table into `docs/schedules.md` and `docs/pace.md`,
//! and the chart into `docs/schedules.svg`. It fails when jobwait misses a bound that it promises. `docs/pace.md`
//! explains the measures. `tests/schedules.rs` is a smaller study.

mod bounds;
mod chart;
mod schedules;
mod score;
mod shapes;
mod study;
mod table;

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::study::Study;

#[expect(clippy::print_stdout, reason = "a benchmark prints its results")]
fn main() -> Result<(), Box<dyn Error>> {
    let study = Study::of(4000);
    print!("{}", table::brief(&study));
    println!("\n{}", bounds::check(&study)?);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(root.join("docs"))?;
    fs::write(root.join("docs/schedules.md"), table::full(&study))?;
    fs::write(root.join("docs/schedules.svg"), chart::svg(&study)?)?;
    let pace = fs::read_to_string(root.join("docs/pace.md"))?;
    fs::write(root.join("docs/pace.md"), table::placed(&pace, &table::brief(&study))?)?;
    Ok(())
}

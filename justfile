# The main job, on the embedded simulator
demo:
    cargo run --release -- demo

# All tests
test:
    cargo test

# The README's picture of a session: needs pip install pyte
picture:
    cargo build --release
    python3 docs/session.py

# A minute of waits against random faults
soak:
    cargo test --test outside -- --ignored --nocapture soak

# How the pace does against others: writes docs/schedules.* and the README's table
study:
    cargo bench --bench schedules

# Everything that has to pass
ci:
    .ci/run

# Break the pure files, and see whether a test notices
mutants:
    cargo mutants --file src/wait/machine.rs --file src/wait/gate.rs --file src/wait/many.rs --file src/wait/budget.rs --file src/wait/pace.rs --file src/wait/pace/foresight.rs --file 'src/cloud/judge*.rs' --file 'src/cloud/judge/*.rs' --file src/cloud/endpoint.rs --file src/cloud/entry.rs --file src/credentials/signer.rs --file src/credentials/redactor.rs -- --lib

# What it costs, beside its peers and with many tasks: docs/performance.md
bench:
    benches/against_peers.sh
    benches/many_tasks.sh
    benches/instructions.sh

# The static binary, the Debian package and the image, with checksums
release:
    packaging/release

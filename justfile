# Run a wait against the embedded simulator
demo:
    cargo run --release -- demo

# Run all tests
test:
    cargo test

# Draw the terminal session of the README; needs pip install pyte
picture:
    cargo build --release
    python3 docs/session.py

# Run waits against random faults for a minute
soak:
    cargo test --test outside -- --ignored --nocapture soak

# Compare the pace with other waiters; writes docs/schedules.* and the table in docs/pace.md
study:
    cargo bench --bench schedules

# Run everything that must pass before a merge
ci:
    .ci/run

# Change the pure code and check that a test fails
mutants:
    cargo mutants --file src/wait/machine.rs --file src/wait/many.rs --file src/wait/pace.rs --file src/wait/foresight.rs --file src/limiter.rs --file "src/limiter/*.rs" --file src/cloud/response.rs --file src/http/refusal.rs --file src/http/error_body.rs --file src/http/retry_after.rs --file src/http/transport_fault.rs --file src/endpoint.rs --file src/service.rs --file src/region.rs --file src/auth/single_flight.rs --file src/auth/signer.rs --file src/auth/redact.rs -- --lib

# Measure time, memory and instructions; see docs/performance.md
bench:
    benches/against_peers.sh
    benches/many_tasks.sh
    benches/instructions.sh

# Build the static binary, the Debian package and the image, with checksums
release:
    packaging/release

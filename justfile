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
    cargo mutants --file src/wait/machine.rs --file src/wait/many.rs --file src/wait/pace.rs --file src/wait/foresight.rs --file src/limiter.rs --file "src/limiter/*.rs" --file src/cloud/response.rs --file src/http/refusal.rs --file src/http/error_body.rs --file src/http/retry_after.rs --file src/http/transport_fault.rs --file src/endpoint.rs --file src/service.rs --file src/region.rs --file src/auth/single_flight.rs --file src/auth/signer.rs --file src/auth/redact.rs -- --lib

# What it costs, beside its peers and with many tasks: docs/performance.md
bench:
    benches/against_peers.sh
    benches/many_tasks.sh
    benches/instructions.sh

# The static binary, the Debian package and the image, with checksums
release:
    packaging/release

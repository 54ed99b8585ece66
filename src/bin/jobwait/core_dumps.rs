//! No core dumps: they would hold the secrets that are in memory.

/// From now on. Where it cannot be had, the system's setting stands.
#[cfg(unix)]
pub(crate) fn forbid() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

#[cfg(not(unix))]
pub(crate) fn forbid() {}

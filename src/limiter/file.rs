//! The state in a file that all processes of a user share.
//!
//! The folder belongs to the user and is closed to others; the file is neither a link nor somebody else's.
//! The system releases the lock of a process that is killed. Any fault makes the process keep to itself, and
//! is reported once.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use super::state::State;
use super::{RateLimit, lock};
use crate::clock::machine_time;
use crate::text::safe;

/// The age at which a copy of the state is read anew.
const STALE: Duration = Duration::from_secs(1);

/// The time after which a lock that is held counts as a fault. A change takes microseconds.
const LONGEST_LOCK: Duration = Duration::from_secs(2);

/// The delay before a lock that is held is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// Attempts that are further apart say nothing about who held the lock in between.
const LONGEST_RETRY: Duration = Duration::from_millis(250);

/// The age at which an unused file is removed: longer than the longest window of a rate limit.
const UNUSED: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// The largest file that is read.
const LARGEST: usize = 1 << 20;

/// A file with the state of an account.
#[derive(Debug)]
pub(super) struct SharedFile {
    limit: RateLimit,
    folder: PathBuf,
    name: String,
    clock: fn() -> Duration,
    /// The number of this process in the state.
    process: u64,
    /// A recent copy, and the time at which it was read.
    copy: Mutex<Option<(State, Duration)>>,
    /// The first and the latest of the attempts in a row that found the file locked.
    locked: Mutex<Option<(Duration, Duration)>>,
    fault: OnceLock<String>,
}

impl SharedFile {
    pub(super) fn new(limit: RateLimit, account: &str) -> Self {
        Self::at(folder(), machine_time, limit, account)
    }

    fn at(folder: PathBuf, clock: fn() -> Duration, limit: RateLimit, account: &str) -> Self {
        // Limits of another size are not comparable, and the clock starts over with the machine.
        let about = format!("{account}\n{}/{:?}\n{}", limit.requests(), limit.window(), system::boot());
        let digest = ring::digest::digest(&ring::digest::SHA256, about.as_bytes());
        let name = digest.as_ref()[..16].iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
        let process = fastrand::u64(1..);
        let (copy, locked, fault) = Default::default();
        Self { limit, folder, name, clock, process, copy, locked, fault }
    }

    /// The fault that keeps the file from being used.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.get().cloned()
    }

    /// Returns whether the file was in use and no longer is.
    pub(super) fn is_lost(&self) -> bool {
        self.fault.get().is_some() && lock(&self.copy).is_some()
    }

    /// Reads from a recent copy of the state. `None` if the file is not in use.
    pub(super) fn view<T>(&self, read: &impl Fn(&State, Duration) -> T) -> Option<T> {
        let now = (self.clock)();
        let is_stale = lock(&self.copy).as_ref().is_none_or(|(_, at)| now.saturating_sub(*at) > STALE);
        if is_stale && self.change(|_: &mut State, _, _| ()).is_err() && self.fault.get().is_some() {
            return None;
        }
        Some(
            lock(&self.copy)
                .as_ref()
                .map_or_else(|| read(&State::default(), now), |(state, _)| read(state, now)),
        )
    }

    /// Changes the state in the file.
    ///
    /// # Errors
    ///
    /// The time until the lock can be tried again, or `None` if the file cannot be used.
    pub(super) fn change<T>(
        &self,
        change: impl Fn(&mut State, u64, Duration) -> T,
    ) -> Result<T, Option<Duration>> {
        if self.fault.get().is_some() {
            return Err(None);
        }
        let now = (self.clock)();
        match self.try_change(now, change) {
            Ok(Some(changed)) => {
                *lock(&self.locked) = None;
                Ok(changed)
            }
            Ok(None) => {
                let mut locked = lock(&self.locked);
                let since = match *locked {
                    Some((since, latest)) if now.saturating_sub(latest) <= LONGEST_RETRY => since,
                    _ => now,
                };
                *locked = Some((since, now));
                if now.saturating_sub(since) < LONGEST_LOCK {
                    return Err(Some(LOCK_RETRY));
                }
                self.give_up("another process keeps it locked")
            }
            Err(error) => self.give_up(&error.to_string()),
        }
    }

    fn give_up<T>(&self, reason: &str) -> Result<T, Option<Duration>> {
        let folder = self.folder.display().to_string();
        let _ = self.fault.set(format!("{}: {}", safe(&folder, 200), safe(reason, 200)));
        Err(None)
    }

    /// Changes the state, unless another process holds the lock.
    fn try_change<T>(
        &self,
        now: Duration,
        change: impl Fn(&mut State, u64, Duration) -> T,
    ) -> io::Result<Option<T>> {
        let mut file = open(&self.folder, &self.name)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut text = String::new();
        // A file that is not text is a state that makes no sense.
        let is_text = (&mut file).take(LARGEST as u64).read_to_string(&mut text).is_ok();
        let before = if is_text { State::parse(&text) } else { None };
        let is_new = is_text && text.is_empty();
        let mut state = match &before {
            Some(before) => before.clone().clamped(now, self.limit),
            None if is_new => State::default(),
            // A state that was lost may have used up its burst.
            None => State::empty(now, self.limit),
        };
        let changed = change(&mut state, self.process, now);
        if before.as_ref() != Some(&state) {
            // One write replaces all, so that a process that is killed leaves a whole state behind.
            let mut new = state.to_text();
            match usize::try_from(file.metadata()?.len()) {
                Ok(length) if length <= LARGEST => {
                    new.extend(std::iter::repeat_n(' ', length.saturating_sub(new.len())));
                }
                _ => file.set_len(0)?,
            }
            file.rewind()?;
            file.write_all(new.as_bytes())?;
        }
        *lock(&self.copy) = Some((state, now));
        Ok(Some(changed))
    }
}

/// The folder of the user's own.
fn folder() -> PathBuf {
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    match runtime {
        Some(runtime) => runtime.join("jobwait"),
        None => std::env::temp_dir().join(format!("jobwait-{}", system::user())),
    }
}

/// Opens a file in the folder of the user's own, and makes it if it is missing.
pub(crate) fn private_file(name: &str) -> io::Result<File> {
    open(&folder(), name)
}

/// Opens the file in the folder, and makes both if they are missing.
fn open(folder: &Path, name: &str) -> io::Result<File> {
    if let Err(error) = system::create_folder(folder)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || !system::is_private(&metadata) {
        return Err(io::Error::other("the folder is a link, or other users may write to it"));
    }
    let path = folder.join(name);
    if !path.exists() {
        remove_unused(folder);
    }
    let file = system::open(&path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || !system::is_private(&metadata) {
        return Err(io::Error::other("the file is not a regular file of this user"));
    }
    Ok(file)
}

/// Removes the files of accounts that were not used for a long time. Errors are ignored: another process may
/// do the same.
fn remove_unused(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok());
        if age.is_some_and(|age| age > UNUSED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(unix)]
mod system {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
    use std::path::Path;

    use rustix::fs::OFlags;
    use rustix::process::geteuid;

    pub(super) fn user() -> u32 {
        geteuid().as_raw()
    }

    /// A name of the time since the machine has started, where the system has one.
    pub(super) fn boot() -> String {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
    }

    pub(super) fn create_folder(path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    /// Opens a file of this user. A link is not followed, and a FIFO does not block.
    pub(super) fn open(path: &Path) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        OpenOptions::new().read(true).write(true).create(true).mode(0o600).custom_flags(flags).open(path)
    }

    /// Whether a file or folder belongs to this user, and only this user can write to it.
    pub(super) fn is_private(metadata: &Metadata) -> bool {
        metadata.uid() == user() && metadata.mode() & 0o022 == 0
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    /// The temporary folder belongs to the user already.
    pub(super) fn user() -> &'static str {
        "user"
    }

    /// The wall clock does not start over.
    pub(super) fn boot() -> &'static str {
        ""
    }

    pub(super) fn create_folder(path: &Path) -> io::Result<()> {
        DirBuilder::new().create(path)
    }

    pub(super) fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
    }

    pub(super) fn is_private(_: &Metadata) -> bool {
        true
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;

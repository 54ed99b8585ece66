//! Processes that share a file: the limit, faults of the file, and a clock that is set.

use std::cell::Cell;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::from_secs(100_000)) };
}

fn now() -> Duration {
    NOW.get()
}

fn pass(time: Duration) {
    NOW.set(NOW.get() + time);
}

/// A folder that does not exist yet, below a folder of the test's own.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("jobwait-limiter-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn folder(&self) -> PathBuf {
        self.0.join("jobwait")
    }

    fn process(&self, account: &str) -> SharedFile {
        SharedFile::at(self.folder(), now, limit(), account)
    }

    fn file(&self) -> PathBuf {
        fs::read_dir(self.folder()).unwrap().next().unwrap().unwrap().path()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.folder(), fs::Permissions::from_mode(0o700));
        let _ = fs::remove_dir_all(&self.0);
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Something that stands in the way of the shared file.
type Prepare<'a> = &'a dyn Fn(&Place);

/// Eight requests in 4 s: two at once, and then one in 667 ms.
fn limit() -> RateLimit {
    RateLimit::new(8, Duration::from_secs(4)).unwrap()
}

fn take(process: &SharedFile) -> Result<Result<(), Duration>, Option<Duration>> {
    process.change(|state, _, now| state.take(now, limit()))
}

/// Takes as much as the limit allows in this time, and returns the times.
fn spend(processes: &[SharedFile], time: Duration) -> Vec<Duration> {
    let (start, mut taken) = (now(), Vec::new());
    while now().saturating_sub(start) < time {
        for process in processes {
            if take(process).unwrap().is_ok() {
                taken.push(now());
            }
        }
        pass(Duration::from_millis(10));
    }
    taken
}

fn is_within_the_limit(taken: &[Duration]) -> bool {
    taken.iter().enumerate().all(|(first, from)| {
        let within =
            taken[first..].iter().take_while(|at| at.saturating_sub(*from) < limit().window()).count();
        within <= limit().requests() as usize
    })
}

/// Covers Q6.
#[test]
fn processes_share_one_limit_for_each_account() {
    let place = Place::new();
    let one_account = [place.process("a"), place.process("a"), place.process("a")];
    let taken = spend(&one_account, Duration::from_secs(20));
    assert!(is_within_the_limit(&taken) && taken.len() >= 30, "{}", taken.len());
    let accounts = [place.process("b"), place.process("c")];
    assert_eq!(spend(&accounts, Duration::from_millis(5)).len(), 2, "accounts do not share a limit");
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 3);
    assert!(one_account.iter().all(|process| process.fault().is_none()));
    let mode = place.folder().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "the folder is closed to others");
}

/// Covers Q6.
#[test]
fn limits_of_different_sizes_are_separate() {
    let place = Place::new();
    let other = RateLimit::new(9, Duration::from_secs(4)).unwrap();
    take(&place.process("a")).unwrap().unwrap();
    let process = SharedFile::at(place.folder(), now, other, "a");
    process.change(|state, _, now| state.take(now, other)).unwrap().unwrap();
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 2);
}

/// Covers Q6.
#[test]
fn a_state_that_makes_no_sense_is_replaced_by_one_without_a_burst() {
    for garbage in ["{", "null", "\0\0\0\0", "[]", r#"{"full_at": 7}"#, &"x".repeat(2 << 20)] {
        let place = Place::new();
        let mut taken = spend(&[place.process("a")], Duration::from_secs(1));
        fs::write(place.file(), garbage).unwrap();
        let process = place.process("a");
        assert!(take(&process).unwrap().is_err(), "the burst is used up: {garbage:.20}");
        taken.extend(spend(&[process], Duration::from_secs(10)));
        assert!(is_within_the_limit(&taken) && taken.len() >= 15, "{garbage:.20}: {}", taken.len());
    }
}

/// Covers Q6.
#[test]
fn a_clock_that_is_set_neither_blocks_nor_exceeds_the_limit() {
    let place = Place::new();
    let process = place.process("a");
    for jump in [Duration::from_secs(50_000), Duration::ZERO] {
        spend(std::slice::from_ref(&process), Duration::from_secs(5));
        // Back by hours, and then forward to where it was.
        NOW.set(if jump.is_zero() { Duration::from_secs(200_000) } else { now().saturating_sub(jump) });
        let taken = spend(std::slice::from_ref(&process), Duration::from_secs(20));
        assert!(is_within_the_limit(&taken) && taken.len() >= 20, "{jump:?}: {}", taken.len());
    }
}

/// Covers Q6.
#[test]
fn a_folder_or_a_file_that_others_could_have_placed_is_not_used() {
    let linked_folder = |place: &Place| symlink(std::env::temp_dir(), place.folder()).unwrap();
    let open_folder = |place: &Place| {
        fs::create_dir(place.folder()).unwrap();
        fs::set_permissions(place.folder(), fs::Permissions::from_mode(0o777)).unwrap();
    };
    let file_for_folder = |place: &Place| fs::write(place.folder(), "").unwrap();
    let linked_file = |place: &Place| {
        take(&place.process("a")).unwrap().unwrap();
        let file = place.file();
        fs::rename(&file, place.0.join("elsewhere")).unwrap();
        symlink(place.0.join("elsewhere"), file).unwrap();
    };
    let folder_for_file = |place: &Place| {
        take(&place.process("a")).unwrap().unwrap();
        let file = place.file();
        fs::remove_file(&file).unwrap();
        fs::create_dir(file).unwrap();
    };
    let cases: [(&str, Prepare); 5] = [
        ("linked folder", &linked_folder),
        ("open folder", &open_folder),
        ("file for folder", &file_for_folder),
        ("linked file", &linked_file),
        ("folder for file", &folder_for_file),
    ];
    for (name, prepare) in cases {
        let place = Place::new();
        prepare(&place);
        let process = place.process("a");
        assert_eq!(take(&process), Err(None), "{name}");
        let fault = process.fault().unwrap();
        assert!(fault.contains("jobwait"), "{name}: {fault}");
        let elsewhere = fs::read_to_string(place.0.join("elsewhere")).unwrap_or_default();
        assert_eq!(elsewhere.matches("full_at").count(), usize::from(name == "linked file"), "{name}");
    }
}

/// Covers Q6.
#[test]
fn a_lock_that_is_never_released_is_given_up_after_a_while() {
    let place = Place::new();
    take(&place.process("a")).unwrap().unwrap();
    let holder = File::open(place.file()).unwrap();
    holder.lock().unwrap();
    let process = place.process("a");
    // The holders may have been different ones between the attempts.
    for _ in 0..3 {
        assert_eq!(take(&process), Err(Some(LOCK_RETRY)));
        pass(LONGEST_LOCK);
    }
    let mut attempts = 0;
    while take(&process) == Err(Some(LOCK_RETRY)) {
        pass(LONGEST_RETRY);
        attempts += 1;
    }
    assert_eq!(attempts, 8, "the lock was held for 2 s");
    assert!(process.fault().unwrap().contains("locked"));
    drop(holder);
    assert!(take(&place.process("a")).unwrap().is_ok(), "a new process uses the file again");
}

#[test]
fn a_429_of_one_process_pauses_all() {
    let place = Place::new();
    let (one, other) = (place.process("a"), place.process("a"));
    let window = Some(Duration::from_secs(100));
    one.change(|state, _, now| state.throttle.throttled(now, None, window, 0.5)).unwrap();
    let pause = other.view(&|state: &State, now| state.pause(now)).unwrap();
    assert_eq!(pause, Duration::from_secs(10));
}

#[test]
fn files_that_were_not_used_for_a_month_are_removed() {
    let place = Place::new();
    take(&place.process("old")).unwrap().unwrap();
    let old = place.file();
    let days_ago = |days| {
        std::fs::FileTimes::new().set_modified(old.metadata().unwrap().modified().unwrap() - DAY * days)
    };
    File::options().write(true).open(&old).unwrap().set_times(days_ago(30)).unwrap();
    take(&place.process("new")).unwrap().unwrap();
    assert!(old.exists());
    File::options().write(true).open(&old).unwrap().set_times(days_ago(32)).unwrap();
    take(&place.process("newer")).unwrap().unwrap();
    assert!(!old.exists());
}

//! The first use of an access key, in turn with the other processes of this machine.
//!
//! The service locks a key after five signatures in a row that it refuses. Twenty processes that start with a
//! wrong key must not send twenty of them. A file of the user's own has the latest refusals of the key; its
//! lock lets one process at a time find out. Any fault of the file makes a process keep to itself.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::time::Duration;

use super::{Credentials, Secret, Source};
use crate::fault::{Fault, FaultKind};
use crate::http::wall_clock;
use crate::limiter::private_file;
use crate::probe::Observation;

/// The number of refusals after which a key is no longer tried. The service allows five, also for others.
const MOST_REFUSALS: usize = 3;

/// The time for which the service locks a key, in seconds.
const LOCKED: i64 = 5 * 60;

/// The time for which a key that was accepted is not tried in turn, in seconds.
const ACCEPTED: i64 = 10;

/// The longest delay for the sake of another process.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The delay before the lock is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// The use of a key that may be refused. Other processes wait for its result.
#[derive(Debug)]
pub(crate) struct Trial {
    file: File,
    record: Record,
}

/// The content of the file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Record {
    /// The times of the refusals, in seconds.
    refused: Vec<i64>,
    /// The time at which the key was last accepted.
    accepted: Option<i64>,
}

impl Credentials {
    /// Starts the first use of a key in this process. Returns `None` if it need not be watched.
    ///
    /// # Errors
    ///
    /// The observation of a poll that is not sent, because the key was refused too often.
    pub(crate) async fn start_trial(&self) -> Result<Option<Trial>, Observation> {
        let Some(name) = self.trial_file.as_ref().filter(|_| !self.guard.was_authenticated()) else {
            return Ok(None);
        };
        let Ok(file) = private_file(name) else { return Ok(None) };
        let mut waited = Duration::ZERO;
        while let Err(error) = file.try_lock() {
            if !matches!(error, std::fs::TryLockError::WouldBlock) || waited >= LONGEST_DELAY {
                return Ok(None);
            }
            tokio::time::sleep(LOCK_RETRY).await;
            waited += LOCK_RETRY;
        }
        let record = Record::read(&file).unwrap_or_default();
        let now = wall_clock().as_second();
        match record.refused_lately(now) {
            Some(last) => Err(Observation::Permanent(Fault::new(
                FaultKind::Unauthenticated,
                format!(
                    "this access key was refused {MOST_REFUSALS} times on this machine, the last time {} s \
                     ago, and is not tried again for {} s: the service locks a key after five refusals",
                    now - last,
                    LOCKED - (now - last)
                ),
            ))),
            None if record.accepted.is_some_and(|at| (0..ACCEPTED).contains(&(now - at))) => Ok(None),
            None => Ok(Some(Trial { file, record })),
        }
    }

    /// Tries the key in turn with the other processes of this machine. The name of the file reveals neither
    /// the key nor its secret.
    pub(crate) fn try_in_turn(&mut self, host: &str) {
        let name = match (&self.source, &self.active().1) {
            (Source::Keys, Some(active)) => match &active.secret {
                Secret::Keys(keys) => Some(keys.fingerprint(host)),
                Secret::Token(_) => None,
            },
            _ => None,
        };
        self.trial_file = name;
    }
}

impl Trial {
    /// Records the result for other processes. A fault of the network is none.
    pub(crate) fn end<T>(mut self, result: &Result<T, Observation>) {
        let now = wall_clock().as_second();
        match result {
            Err(Observation::Permanent(fault)) if fault.kind == FaultKind::Unauthenticated => {
                self.record.refused.push(now);
                self.record.accepted = None;
            }
            Ok(_) | Err(Observation::Seen(_) | Observation::NotVisible(_)) => {
                self.record = Record { accepted: Some(now), refused: Vec::new() };
            }
            Err(Observation::Permanent(fault))
                if matches!(fault.kind, FaultKind::Forbidden | FaultKind::BadRequest) =>
            {
                self.record = Record { accepted: Some(now), refused: Vec::new() };
            }
            Err(_) => return,
        }
        // The file can be lost at any time.
        let _ = self.record.write(&self.file);
    }
}

impl Record {
    fn read(mut file: &File) -> io::Result<Self> {
        const LONGEST: u64 = 4096;
        let mut text = String::new();
        file.rewind()?;
        file.take(LONGEST).read_to_string(&mut text)?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut record = Self::default();
        for line in text.lines() {
            match line.split_once(' ').map(|(what, at)| (what, at.parse())) {
                Some(("refused", Ok(at))) => record.refused.push(at),
                Some(("accepted", Ok(at))) => record.accepted = Some(at),
                _ => {}
            }
        }
        record
    }

    fn write(&self, mut file: &File) -> io::Result<()> {
        let refused = self.refused.iter().rev().take(MOST_REFUSALS).rev().map(|at| format!("refused {at}\n"));
        let accepted = self.accepted.map(|at| format!("accepted {at}\n"));
        let text: String = refused.chain(accepted).collect();
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(text.as_bytes())
    }

    /// The time of the last refusal, if there were too many lately.
    fn refused_lately(&self, now: i64) -> Option<i64> {
        let lately = self.refused.iter().filter(|at| (0..LOCKED).contains(&(now - **at)));
        let lately: Vec<i64> = lately.copied().collect();
        lately.last().copied().filter(|_| lately.len() >= MOST_REFUSALS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_tried_after_some_refusals_for_a_while() {
        let now = 1_767_323_045;
        let record =
            |ages: &[i64]| Record { refused: ages.iter().map(|age| now - age).collect(), accepted: None };
        assert_eq!(record(&[2, 1]).refused_lately(now), None);
        assert_eq!(record(&[3, 2, 1]).refused_lately(now), Some(now - 1));
        assert_eq!(record(&[301, 2, 1]).refused_lately(now), None);
        assert_eq!(record(&[-9, 2, 1]).refused_lately(now), None, "the clock was set back");
    }

    #[test]
    fn garbage_in_the_file_counts_as_nothing() {
        assert_eq!(
            Record::parse("refused x\n\u{0}\naccepted\nrefused 7\n"),
            Record { refused: vec![7], accepted: None }
        );
    }
}

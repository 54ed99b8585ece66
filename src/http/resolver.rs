//! Name lookup with an error type of its own, so that an unknown host is distinguishable from a refused
//! connection, and with a memory of the addresses that work.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// The system's resolver. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub(super) struct SystemResolver {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The hosts that were found before.
    hosts: HashSet<String>,
    /// The addresses that have responded, the latest first.
    addresses: Vec<IpAddr>,
}

/// A host name that the system could not resolve.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up {host}: {source}")]
pub(super) struct LookupError {
    pub(super) host: String,
    pub(super) source: io::Error,
    /// The host was found before, so the name is right.
    pub(super) was_known: bool,
    /// This machine lacks file descriptors or threads.
    pub(super) is_local: bool,
}

impl LookupError {
    pub(super) fn new(host: &str, source: io::Error) -> Self {
        Self { host: host.to_owned(), source, was_known: false, is_local: false }
    }
}

impl SystemResolver {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an address that has responded. It is tried first from now on: another one of the same
    /// host may be dead.
    pub(super) fn responded(&self, address: IpAddr) {
        let addresses = &mut self.known().addresses;
        if addresses.first() != Some(&address) {
            addresses.retain(|known| *known != address);
            addresses.insert(0, address);
        }
    }

    async fn look_up(&self, host: &str) -> Result<Vec<SocketAddr>, LookupError> {
        let error = |source| LookupError {
            was_known: self.known().hosts.contains(host),
            ..LookupError::new(host, source)
        };
        let (report, result) = oneshot::channel();
        let name = host.to_owned();
        // The runtime's own threads would panic if the system had none left.
        let look_up = move || _ = report.send((name.as_str(), 0).to_socket_addrs());
        let lacking = |source| LookupError { is_local: true, ..error(source) };
        thread::Builder::new().name("lookup".into()).spawn(look_up).map_err(lacking)?;
        let ended = || io::Error::other("the lookup has ended without a result");
        let found = result.await.map_err(|_| error(ended()))?;
        let mut found: Vec<SocketAddr> = found
            .map_err(|source| match shortage() {
                Some(shortage) => lacking(shortage),
                None => error(source),
            })?
            .collect();
        let mut known = self.known();
        known.hosts.insert(host.to_owned());
        let rank = |address: &SocketAddr| {
            known.addresses.iter().position(|known| *known == address.ip()).unwrap_or(usize::MAX)
        };
        // A stable sort keeps the order of the system for the others.
        found.sort_by_key(rank);
        Ok(found)
    }
}

/// Returns the error of a machine that lacks file descriptors. The system's lookup reports an unknown host
/// then.
fn shortage() -> Option<io::Error> {
    // EMFILE and ENFILE.
    File::open("/dev/null").err().filter(|error| cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24)))
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.look_up(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

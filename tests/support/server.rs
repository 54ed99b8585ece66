//! A server on a raw socket that can reset, cut, hang and drip: no HTTP library breaks connections well.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The server's action on one request.
#[derive(Clone)]
pub enum Act {
    /// Send these bytes, keep the connection.
    Send(Vec<u8>),
    /// Send these bytes, end the stream.
    SendAndClose(Vec<u8>),
    /// Send these bytes, then nothing more.
    SendAndHang(Vec<u8>),
    /// Send these bytes one by one.
    Drip(Vec<u8>, Duration),
    /// Send the first bytes, then these again and again.
    Flood(Vec<u8>, Vec<u8>),
    /// Reset the connection.
    Reset,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The time since the server's start.
    pub at: Duration,
    pub connection: usize,
    pub head: String,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Acts on the n-th request as `script` says.
    pub fn start(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        Self::asked(move |n, _| script(n))
    }

    /// Acts on the n-th request as `script` says of its number and head.
    pub fn asked(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        Self::with(true, script)
    }

    /// Acts as `script` says on the requests for a task. There is no list of tasks: requests for it do not count.
    pub fn by_id(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        Self::with(false, script)
    }

    fn with(has_lists: bool, script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log, start) = (Arc::new(script), Arc::clone(&seen), Instant::now());
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                thread::spawn(move || serve(&stream.unwrap(), connection, start, has_lists, &*script, &log));
            }
        });
        Self { address, seen }
    }

    /// Acts in this order, and as the last for ever.
    pub fn acts(acts: impl IntoIterator<Item = Act>) -> Self {
        let acts: Vec<Act> = acts.into_iter().collect();
        Self::start(move |n| acts[n.min(acts.len() - 1)].clone())
    }

    /// Responds in this order, and with the last for ever.
    pub fn answers<'a>(answers: impl IntoIterator<Item = (u16, &'a str)>) -> Self {
        Self::acts(answers.into_iter().map(|(status, body)| answer(status, body)))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The delays between the requests, in milliseconds.
    pub fn delays(&self) -> Vec<u128> {
        self.seen().windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at).as_millis()).collect()
    }
}

/// The job ID in the head of a request.
pub fn asked_for(head: &str) -> &str {
    head.split_once("?id=").and_then(|(_, rest)| rest.split_once(' ')).unwrap().0
}

/// A whole response that keeps the connection.
pub fn answer(status: u16, body: &str) -> Act {
    answer_with(status, "", body)
}

/// A whole response with more headers, each ended by CRLF.
pub fn answer_with(status: u16, headers: &str, body: &str) -> Act {
    Act::Send(raw(status, headers, body.as_bytes()))
}

pub fn raw(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nX-Request-Id: req-7\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn serve(
    mut stream: &TcpStream,
    connection: usize,
    start: Instant,
    has_lists: bool,
    script: &(dyn Fn(usize, &str) -> Act + Send + Sync),
    log: &Mutex<Vec<Seen>>,
) {
    // Nagle's algorithm and delayed acknowledgements would turn a drip into bursts.
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some((head, body)) = read_request(&mut reader) {
        if !has_lists && head.split(' ').nth(1).is_some_and(|path| path.contains("/immediate-jobs")) {
            let _ = stream.write_all(&raw(404, "", b"{}"));
            continue;
        }
        let n = {
            let mut log = log.lock().unwrap();
            log.push(Seen { at: start.elapsed(), connection, head: head.clone(), body });
            log.len() - 1
        };
        match script(n, &head) {
            Act::Send(bytes) => {
                let _ = stream.write_all(&bytes);
            }
            Act::SendAndClose(bytes) => {
                let _ = stream.write_all(&bytes);
                return;
            }
            Act::SendAndHang(bytes) => {
                let _ = stream.write_all(&bytes);
                // The other side closes the connection at last.
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
            Act::Drip(bytes, pause) => {
                for byte in bytes {
                    if stream.write_all(&[byte]).is_err() {
                        return;
                    }
                    thread::sleep(pause);
                }
            }
            Act::Flood(first, again) => {
                let _ = stream.write_all(&first);
                while stream.write_all(&again).is_ok() {}
                return;
            }
            Act::Reset => {
                socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
        }
    }
}

/// Reads a request, and returns its head and its body.
fn read_request(stream: &mut BufReader<&TcpStream>) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, length)| length.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}

/// The address of a listener that accepts no more, so that connecting to it hangs as long as the second value lives.
pub fn black_hole() -> (SocketAddr, impl Sized) {
    black_hole_at("127.0.0.1:0".parse().unwrap())
}

/// The same at this address.
pub fn black_hole_at(address: SocketAddr) -> (SocketAddr, impl Sized) {
    use socket2::{Domain, Socket, Type};

    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    // The queue holds one more than the backlog says, on some kernels two.
    let fillers: Vec<Socket> = (0..4)
        .map(|_| {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            filler.set_nonblocking(true).unwrap();
            let _ = filler.connect(&address.into());
            filler
        })
        .collect();
    thread::sleep(Duration::from_millis(50));
    (address, (socket, fillers))
}

/// An address without a listener.
pub fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

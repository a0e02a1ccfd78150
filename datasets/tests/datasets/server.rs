//! A server of one file on this machine, with the habits and faults of real ones.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a server that stalls is silent.
pub const SILENCE: Duration = Duration::from_secs(3);

/// How the server answers a connection.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// With the file, or the part that is asked for.
    Honest,
    /// With the whole file, whatever is asked for.
    Whole,
    /// As `Honest`, but the connection ends after so many bytes.
    Cut(usize),
    /// As `Honest`, but for [`SILENCE`] nothing comes after so many bytes.
    Stall(usize),
    /// With a part of a file of another size, where one is asked for.
    OtherPart,
    /// With no more than a status.
    Status(&'static str),
}

/// A server that gives one answer after the other, and then is no more.
pub struct Server {
    pub url: String,
    /// The `Range` of every request.
    ranges: Arc<Mutex<Vec<Option<String>>>>,
}

impl Server {
    pub fn new(file: Vec<u8>, answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/archive.tar.gz", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers) = (ranges.clone(), Vec::from_iter(answers));
        thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                let range = requested(&stream);
                seen.lock().unwrap().push(range.clone());
                // One that hangs up early is no fault of the server's.
                let _ = send(stream, &file, answer, range);
            }
        });
        Self { url, ranges }
    }

    pub fn ranges(&self) -> Vec<Option<String>> {
        self.ranges.lock().unwrap().clone()
    }
}

/// Reads the head of a request; its range, if it has one.
fn requested(stream: &TcpStream) -> Option<String> {
    let mut range = None;
    for line in BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("range")
        {
            range = Some(value.trim().to_owned());
        }
    }
    range
}

fn send(mut stream: TcpStream, file: &[u8], answer: Answer, range: Option<String>) -> std::io::Result<()> {
    if let Answer::Status(status) = answer {
        return write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let start = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let start = start.filter(|_| !matches!(answer, Answer::Whole));
    let body = &file[start.unwrap_or(0)..];
    match start {
        None => write!(stream, "HTTP/1.1 200 OK\r\n")?,
        Some(start) => {
            let size = file.len() + usize::from(matches!(answer, Answer::OtherPart));
            write!(stream, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{size}\r\n", size - 1)?;
        }
    }
    write!(stream, "Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    match answer {
        Answer::Cut(count) => stream.write_all(&body[..count])?,
        Answer::Stall(count) => {
            stream.write_all(&body[..count])?;
            stream.flush()?;
            thread::sleep(SILENCE);
        }
        _ => stream.write_all(body)?,
    }
    Ok(())
}

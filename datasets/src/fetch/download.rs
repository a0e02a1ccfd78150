//! A download over HTTP that carries on where an earlier one was cut off.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use lookback_registry::{Error, ErrorKind, Result};
use ureq::http::Response;
use ureq::{Agent, Body, Proxy};

use super::{FetchEvent, RemoteArchive};

/// Downloads `archive` to the file `partial`, which may hold a beginning of it. The size is right afterwards; the sum
/// is for the caller to check.
pub(super) fn download(
    archive: &RemoteArchive,
    partial: &Path,
    patience: Duration,
    observe: &mut dyn FnMut(FetchEvent),
) -> Result<()> {
    let mut had = partial.metadata().map_or(0, |found| found.len());
    if had > archive.size {
        observe(FetchEvent::StartedOver { bytes: had });
        had = 0;
    } else if had == archive.size {
        observe(FetchEvent::Resumed { bytes: had });
        return Ok(());
    }
    let failed = |have: u64, cause: &dyn Display| failure(archive, partial, have, cause);
    let (mut have, response) = request(&agent(archive, patience), archive, had).map_err(|cause| failed(had, &cause))?;
    if have > 0 {
        observe(FetchEvent::Resumed { bytes: have });
    } else if had > 0 {
        observe(FetchEvent::StartedOver { bytes: had });
    }
    let mut file = File::options()
        .create(true)
        .write(true)
        .append(have > 0)
        .truncate(have == 0)
        .open(partial)
        .map_err(|error| Error::io("write", partial, error))?;
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    while have < archive.size {
        let count = match body.read(&mut buffer) {
            Ok(0) => return Err(failed(have, &"the connection ended early")),
            Ok(count) => count.min(usize::try_from(archive.size - have).unwrap_or(usize::MAX)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(have, &error)),
        };
        file.write_all(&buffer[..count]).map_err(|error| Error::io("write", partial, error))?;
        have += count as u64;
        observe(FetchEvent::Progress { bytes: have, total: archive.size });
    }
    Ok(())
}

/// Nothing but the time between two signs of the server is limited: a slow line may take hours.
fn agent(archive: &RemoteArchive, patience: Duration) -> Agent {
    let patience = Some(patience);
    // This machine reaches itself without a proxy.
    let local = ["//127.0.0.1", "//localhost", "//[::1]"].iter().any(|host| archive.url.contains(host));
    Agent::config_builder()
        .http_status_as_error(false)
        .https_only(archive.url.starts_with("https://"))
        .proxy(if local { None } else { Proxy::try_from_env() })
        .timeout_resolve(patience)
        .timeout_connect(patience)
        .timeout_send_request(patience)
        .timeout_recv_response(patience)
        .timeout_per_read(patience)
        .build()
        .into()
}

/// Asks for all after the first `had` bytes, and says after how many the answer begins: `had`, or 0 where the server
/// sends everything.
fn request(agent: &Agent, archive: &RemoteArchive, had: u64) -> Result<(u64, Response<Body>), String> {
    let mut request = agent.get(&archive.url);
    if had > 0 {
        request = request.header("Range", format!("bytes={had}-"));
    }
    let response = request.call().map_err(|error| error.to_string())?;
    match response.status().as_u16() {
        200 => match response.body().content_length() {
            Some(size) if size != archive.size => {
                Err(format!("the server's file has {size} bytes, but the archive has {}", archive.size))
            }
            _ => Ok((0, response)),
        },
        206 if had > 0 && continues(&response, had, archive.size) => Ok((had, response)),
        // Another part than was asked for, or no such part: the beginning is not one of the server's file.
        206 | 416 if had > 0 => self::request(agent, archive, 0),
        _ => Err(format!("the server answered {}", response.status())),
    }
}

/// Whether a partial answer says that it begins at byte `had` of `size`.
fn continues(response: &Response<Body>, had: u64, size: u64) -> bool {
    let range = response.headers().get("Content-Range").and_then(|value| value.to_str().ok());
    range.and_then(|range| range.strip_prefix("bytes ")?.split_once('/')).is_some_and(|(part, whole)| {
        part.split_once('-').is_some_and(|(start, _)| start.parse() == Ok(had))
            && (whole == "*" || whole.parse() == Ok(size))
    })
}

fn failure(archive: &RemoteArchive, partial: &Path, have: u64, cause: &dyn Display) -> Error {
    let kept = if have == 0 {
        "The same command tries again.".to_owned()
    } else {
        format!(
            "{have} of {} bytes are kept in `{}`, and the same command carries on from there.",
            archive.size,
            partial.display()
        )
    };
    let message = format!(
        "`{}` could not be downloaded: {cause}. {kept} Without a network, download it elsewhere and name the file: \
         `lookback data fetch cifar10 --from FILE`.",
        archive.url
    );
    Error::new(ErrorKind::Io, message).at(&archive.url)
}

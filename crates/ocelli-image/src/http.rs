//! Pictures from the web: one request, bounded in time, size and redirects.
//!
//! The request says nothing of the caller: no cookies, no user agent, no proxy of the environment, no referrer.

use crate::input::{Input, read_all};
use ocelli_core::{Error, Limits, Result};
use std::io::ErrorKind;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Uri;

/// Redirects that are followed.
const MAX_REDIRECTS: u32 = 5;

/// Fetches what is at `url`.
///
/// # Errors
/// [`Error::Parameter`] for something else than an `http` or `https` address, [`Error::Limits`] for a body that is too
/// large, [`Error::Io`] for everything that can happen on the way.
pub(crate) fn fetch(name: &str, url: &str, limits: &Limits) -> Result<Input> {
    check(url)?;
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(limits.max_seconds.into())))
        .max_redirects(MAX_REDIRECTS)
        .proxy(None)
        .user_agent("")
        .max_response_header_size(16 << 10)
        .build();
    let answer = config.new_agent().get(url).header("accept", "image/*").call();
    let mut body = answer.map_err(|e| failed(name, e))?.into_body();
    if let Some(bytes) = body.content_length().filter(|bytes| *bytes > limits.max_file_bytes) {
        let (limit, hint) = (limits.max_file_bytes, "raise Limits::max_file_bytes if the picture is genuine");
        return Err(Error::Limits { input: name.to_owned(), what: "file size in bytes", value: bytes, limit, hint });
    }
    // The reader of pictures has the limit, and says what it is.
    read_all(name, body.with_config().limit(u64::MAX).reader(), limits)
}

fn check(url: &str) -> Result<()> {
    let expected = || Error::parameter("url", url, "an http or https address such as https://example.org/party.jpg");
    let address: Uri = url.parse().map_err(|_| expected())?;
    let known = matches!(address.scheme_str(), Some("http" | "https")) && address.host().is_some_and(|h| !h.is_empty());
    if known { Ok(()) } else { Err(expected()) }
}

fn failed(name: &str, error: ureq::Error) -> Error {
    let (kind, advice) = match &error {
        ureq::Error::StatusCode(404 | 410) => {
            (ErrorKind::NotFound, "there is nothing at this address; check it".to_owned())
        }
        ureq::Error::StatusCode(401 | 403) => (
            ErrorKind::PermissionDenied,
            "the server wants a login; fetch it yourself and hand over the bytes".to_owned(),
        ),
        ureq::Error::StatusCode(code) => {
            (ErrorKind::Other, format!("the server answered with status {code}; try again later"))
        }
        ureq::Error::Timeout(_) => {
            (ErrorKind::TimedOut, "the server took too long; raise Limits::max_seconds".to_owned())
        }
        ureq::Error::TooManyRedirects => {
            (ErrorKind::Other, format!("it was redirected more than {MAX_REDIRECTS} times; name the last address"))
        }
        ureq::Error::HostNotFound => (ErrorKind::NotFound, "no such host; check the address".to_owned()),
        other => (ErrorKind::Other, other.to_string()),
    };
    Error::io(name, std::io::Error::new(kind, advice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Picture, Source};
    use image::{DynamicImage, ImageFormat, RgbImage};
    use std::io::{BufRead, BufReader, Cursor, Write};
    use std::net::{TcpListener, TcpStream};

    /// Answers one connection after the other, as `answer` says for the path asked for; returns its address.
    fn server(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(std::io::Result::ok);
                let request = lines.next().unwrap_or_default();
                let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let asked: Vec<_> =
                    headers.iter().filter_map(|h| h.split_once(':')).map(|(k, _)| k.to_lowercase()).collect();
                assert!(
                    asked.iter().all(|k| ["host", "accept", "accept-encoding", "connection"].contains(&k.as_str())),
                    "{headers:?}"
                );
                answer(request.split(' ').nth(1).unwrap_or(""), &mut stream);
            }
        });
        format!("http://{address}")
    }

    fn picture() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(RgbImage::new(40, 30)).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn reply(stream: &mut TcpStream, head: &str, body: &[u8]) {
        let _ = write!(stream, "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(body);
    }

    fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.max_seconds = 1;
        limits.max_file_bytes = 10_000;
        limits
    }

    #[test]
    fn a_picture_is_fetched_through_redirects() {
        let root = server(|path, stream| match path {
            "/a.png" => reply(stream, "200 OK", &picture()),
            "/moved" => reply(stream, "302 Found\r\nlocation: /a.png", b""),
            _ => reply(stream, "302 Found\r\nlocation: /round", b""),
        });
        for path in ["/a.png", "/moved"] {
            let opened = Picture::open(Source::url(format!("{root}{path}")), &limits()).unwrap();
            assert_eq!(opened.info().size.to_string(), "40×30");
        }
        let error = Picture::open(Source::url(format!("{root}/round")), &limits()).unwrap_err();
        assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("redirected"), "{error}");
    }

    #[test]
    fn what_is_too_large_or_slow_or_absent_is_refused() {
        let root = server(|path, stream| match path {
            "/declared" => reply(stream, "200 OK", &[0; 20_000]),
            "/endless" => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
                while stream.write_all(&[0; 4096]).is_ok() {}
            }
            "/slow" => std::thread::sleep(Duration::from_secs(3)),
            _ => reply(stream, "404 Not Found", b""),
        });
        let open = |path: &str| Picture::open(Source::url(format!("{root}{path}")), &limits()).unwrap_err();
        assert!(matches!(open("/declared"), Error::Limits { value: 20_000, .. }));
        assert!(matches!(open("/endless"), Error::Limits { .. }));
        assert!(open("/absent").to_string().contains("nothing at this address"));
        let slow = open("/slow");
        assert!(slow.to_string().contains("took too long"), "{slow}");
    }

    #[test]
    fn other_addresses_are_refused() {
        for url in ["file:///etc/passwd", "party.jpg", "ftp://example.org/a.png", "http://", "http://[::"] {
            let error = Picture::open(Source::url(url), &limits()).unwrap_err();
            assert!(matches!(error, Error::Parameter { .. }), "{url}: {error}");
        }
    }
}

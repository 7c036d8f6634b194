//! Pictures from the web: one request, bounded in time, size and redirects.
//!
//! The request says nothing of the caller: no cookies, no user agent, no proxy of the environment, no referrer.

use crate::input::{Input, read_all};
use ocelli_core::{Error, Limits, Result};
use std::io::{ErrorKind, Read};
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
    read_all(name, Explained(body.with_config().limit(u64::MAX).reader()), limits)
}

/// A body whose failures say what to do, as those of the request do.
struct Explained<R>(R);

impl<R: Read> Read for Explained<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer).map_err(|e| explained(e.into()))
    }
}

fn check(url: &str) -> Result<()> {
    let expected = || Error::parameter("url", url, "an http or https address such as https://example.org/party.jpg");
    let address: Uri = url.parse().map_err(|_| expected())?;
    let known = matches!(address.scheme_str(), Some("http" | "https")) && address.host().is_some_and(|h| !h.is_empty());
    if known { Ok(()) } else { Err(expected()) }
}

fn failed(name: &str, error: ureq::Error) -> Error {
    Error::io(name, explained(error))
}

fn explained(error: ureq::Error) -> std::io::Error {
    let (kind, advice) = match error {
        ureq::Error::Io(error) => return error,
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
    std::io::Error::new(kind, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Picture, Source};
    use image::{DynamicImage, ImageFormat, RgbImage};
    use std::io::{BufRead, BufReader, Cursor, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, mpsc};

    /// Answers one connection after the other, as `answer` says for the request (its first line, then its headers);
    /// returns its address.
    fn server(answer: impl Fn(&[String], &mut TcpStream) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(std::io::Result::ok);
                let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                answer(&request, &mut stream);
            }
        });
        format!("http://{address}")
    }

    /// A [`server`] that asks for the path alone.
    fn pages(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
        server(move |request, stream| {
            let path = request.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("");
            answer(path, stream);
        })
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

    fn refused(url: String) -> Error {
        Picture::open(Source::url(url), &limits()).expect_err("this address gives no picture")
    }

    #[test]
    fn a_picture_is_fetched_through_redirects() {
        // As many as are followed, and one more.
        let last = format!("/{MAX_REDIRECTS}");
        let root = pages(move |path, stream| match path {
            path if path == last => reply(stream, "200 OK", &picture()),
            path => {
                let next = path.trim_start_matches('/').parse::<i64>().unwrap() + 1;
                reply(stream, &format!("302 Found\r\nlocation: /{next}"), b"");
            }
        });
        for path in [format!("/{MAX_REDIRECTS}"), "/0".into()] {
            let opened = Picture::open(Source::url(format!("{root}{path}")), &limits()).unwrap();
            assert_eq!(opened.info().size.to_string(), "40×30", "{path}");
        }
        let error = refused(format!("{root}/-1"));
        assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("redirected"), "{error}");
    }

    #[test]
    fn a_loop_of_redirects_ends_with_its_bound() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        let root = pages(move |_, stream| {
            count.fetch_add(1, Ordering::SeqCst);
            reply(stream, "302 Found\r\nlocation: /round", b"");
        });
        let error = refused(format!("{root}/round"));
        assert!(error.to_string().contains("redirected"), "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), MAX_REDIRECTS + 1);
    }

    /// A server must not be able to make its caller read a file of its own.
    #[test]
    fn redirects_to_other_schemes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.png");
        std::fs::write(&file, picture()).unwrap();
        let own = format!("file://{}", file.display());
        let root = pages(move |path, stream| {
            let to = if path == "/file" { &own } else { "ftp://127.0.0.1/a.png" };
            reply(stream, &format!("302 Found\r\nlocation: {to}"), b"");
        });
        for path in ["/file", "/ftp"] {
            let error = refused(format!("{root}{path}"));
            assert!(matches!(error, Error::Io { .. }), "{path}: {error}");
        }
    }

    #[test]
    fn what_is_too_large_or_absent_is_refused() {
        let root = pages(|path, stream| match path {
            "/declared" => reply(stream, "200 OK", &[0; 20_000]),
            "/endless" => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
                while stream.write_all(&[0; 4096]).is_ok() {}
            }
            "/chunks" => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
                while write!(stream, "100\r\n{:0256}\r\n", 0).is_ok() {}
            }
            _ => reply(stream, "404 Not Found", b""),
        });
        let open = |path: &str| refused(format!("{root}{path}"));
        assert!(matches!(open("/declared"), Error::Limits { value: 20_000, limit: 10_000, .. }));
        // Not announced, so it is read to one byte beyond the limit.
        for path in ["/endless", "/chunks"] {
            let error = open(path);
            assert!(matches!(error, Error::Limits { value: 10_001, limit: 10_000, .. }), "{path}: {error}");
        }
        assert!(open("/absent").to_string().contains("nothing at this address"));
    }

    /// Time is bounded as a whole, not between two bytes: a server that sends now and then gains nothing.
    #[test]
    fn what_is_slow_is_refused() {
        const PAUSE: Duration = Duration::from_millis(100);
        let drip = |stream: &mut TcpStream, bytes: &[u8]| {
            for byte in bytes {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::sleep(PAUSE);
            }
        };
        let root = pages(move |path, stream| match path {
            "/silent" => std::thread::sleep(Duration::from_secs(4)),
            "/head" => drip(stream, &b"HTTP/1.1 200 OK\r\nconnection: close\r\nx-slow: ".repeat(2)),
            _ => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
                drip(stream, &picture());
            }
        });
        // The silent server is asked last, since it answers one connection after the other.
        for path in ["/head", "/body", "/silent"] {
            let error = refused(format!("{root}{path}"));
            // Who waits to the end gets a picture, or an answer that breaks off.
            assert!(error.to_string().contains("took too long"), "{path}: {error}");
        }
    }

    /// Nothing is said of the caller.
    #[test]
    fn the_request_is_all_that_is_sent() {
        let (send, requests) = mpsc::channel();
        let root = server(move |request, stream| {
            let _ = send.send(request.to_vec());
            match request[0].as_str() {
                "GET /moved?size=2 HTTP/1.1" => reply(stream, "302 Found\r\nset-cookie: a=b\r\nlocation: /a.png", b""),
                _ => reply(stream, "200 OK", &picture()),
            }
        });
        Picture::open(Source::url(format!("{root}/moved?size=2#part")), &limits()).unwrap();
        let host = format!("host: {}", root.trim_start_matches("http://"));
        let sent: Vec<Vec<String>> = requests.try_iter().collect();
        let headers = |first: &str| vec![first.to_owned(), "accept: image/*".into(), host.clone()];
        let sorted = |mut lines: Vec<String>| {
            lines[1..].iter_mut().for_each(|line| *line = line.to_lowercase());
            lines[1..].sort();
            lines
        };
        let sent: Vec<_> = sent.into_iter().map(sorted).collect();
        assert_eq!(sent, [headers("GET /moved?size=2 HTTP/1.1"), headers("GET /a.png HTTP/1.1")]);
    }

    #[test]
    fn other_addresses_are_refused() {
        for url in ["file:///etc/passwd", "party.jpg", "ftp://example.org/a.png", "http://", "http://[::"] {
            let error = refused(url.into());
            assert!(matches!(error, Error::Parameter { .. }), "{url}: {error}");
        }
    }
}

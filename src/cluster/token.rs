//! A bearer token in a file: trimmed, and read again while we run, because service account tokens expire.
//!
//! kube's client reads token files, too, but sends them verbatim, so that a line break at the end (any editor's) makes every
//! request fail; spec/ingress.md 2.1 and 20.
use crate::base::clock::Clock;
use http::HeaderValue;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

/// How long what was read is used. Kubelet writes a new token long before the old one expires.
const FRESH: Duration = Duration::from_secs(10);

/// A token that follows its file.
#[derive(Clone)]
pub struct TokenFile {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    read: Arc<Mutex<Option<(HeaderValue, Instant)>>>,
}

impl TokenFile {
    /// The token in the file at `path`. Nothing is read yet.
    pub fn new(path: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { path, clock, read: Arc::default() }
    }

    /// The `Authorization` header to send now. Where the file cannot be read or used any more, the last good one stays.
    pub fn header(&self) -> Option<HeaderValue> {
        let now = self.clock.now();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match read.as_ref() {
            Some((header, at)) if now.saturating_duration_since(*at) < FRESH => return Some(header.clone()),
            _ => {}
        }
        match self.load() {
            Ok(header) => *read = Some((header, now)),
            Err(error) => {
                warn!(path = %self.path.display(), %error, "token file cannot be used");
                // Asked again after the same time, not with every request.
                if let Some((_, at)) = read.as_mut() {
                    *at = now;
                }
            }
        }
        read.as_ref().map(|(header, _)| header.clone())
    }

    /// The server did not accept it: the file is read again for the next request.
    pub fn refused(&self) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at)) = read.as_mut() {
            *at = at.checked_sub(FRESH).unwrap_or(*at);
        }
    }

    fn load(&self) -> std::io::Result<HeaderValue> {
        let text = std::fs::read_to_string(&self.path)?;
        let token = text.trim();
        if token.is_empty() {
            return Err(std::io::Error::other("it is empty"));
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| std::io::Error::other("it holds characters that no token has"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    #[test]
    fn a_token_is_trimmed_followed_and_kept_when_its_file_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let clock = ManualClock::new();
        let token = TokenFile::new(path.clone(), Arc::new(clock.clone()));
        assert_eq!(token.header(), None);
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(token.header().unwrap(), "Bearer one");
        std::fs::write(&path, " two \r\n").unwrap();
        assert_eq!(token.header().unwrap(), "Bearer one", "not read with every request");
        clock.advance(FRESH);
        assert_eq!(token.header().unwrap(), "Bearer two");
        std::fs::write(&path, "three").unwrap();
        token.refused();
        assert_eq!(token.header().unwrap(), "Bearer three", "the old one was not accepted");
        std::fs::write(&path, "two").unwrap();
        clock.advance(FRESH);
        assert_eq!(token.header().unwrap(), "Bearer two");
        for useless in ["", "\n", "a\u{1}b"] {
            std::fs::write(&path, useless).unwrap();
            clock.advance(FRESH);
            assert_eq!(token.header().unwrap(), "Bearer two");
        }
        std::fs::remove_file(&path).unwrap();
        clock.advance(FRESH);
        assert_eq!(token.header().unwrap(), "Bearer two");
        assert!(!format!("{:?}", token.header()).contains("two"), "a token is never printed");
    }
}

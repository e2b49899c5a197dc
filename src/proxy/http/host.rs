//! Which host a request is for (spec/http.md 1.5 and 1.13): checked, canonical, and remembered per connection.
use super::answer::Refused;
use crate::model::rule::canonical_host;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Uri, Version};

/// The host a connection named last, with what follows from it. Clients name the same again and again: a comparison of
/// bytes then stands for the check, the lower case and the parsing of the port.
#[derive(Debug, Default)]
pub(crate) struct HostMemory {
    raw: Option<HeaderValue>,
    canonical: String,
    port: Option<HeaderValue>,
}

impl HostMemory {
    /// Takes note of `raw`, the host of the present request.
    pub(super) fn note(&mut self, raw: Option<&HeaderValue>) -> Result<(), Refused> {
        if self.raw.as_ref() == raw {
            return Ok(());
        }
        let text = match raw {
            Some(value) => readable(value)?,
            None => "",
        };
        self.canonical.clear();
        self.canonical.push_str(&canonical_host(text));
        self.port = port(text).and_then(|port| HeaderValue::from_str(port).ok());
        // A copy: a clone would keep the buffer that the head was read into as long as the connection lives.
        self.raw = raw.and_then(|raw| HeaderValue::from_bytes(raw.as_bytes()).ok());
        Ok(())
    }

    /// The host as the client wrote it.
    pub(super) fn raw(&self) -> Option<&HeaderValue> {
        self.raw.as_ref()
    }

    /// The host as rules see it; empty if there is none.
    pub(super) fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The port the client named with it.
    pub(super) fn port(&self) -> Option<&HeaderValue> {
        self.port.as_ref()
    }
}

/// The host a request names: of an absolute target, else of its Host header. An empty one is none.
pub(super) fn requested(uri: &Uri, headers: &HeaderMap, version: Version) -> Result<Option<HeaderValue>, Refused> {
    let mut given = headers.get_all(HOST).iter();
    let header = given.next();
    if given.next().is_some() {
        return Err(Refused::TwoHosts);
    }
    // HTTP/2 names it in the target.
    if header.is_none() && version >= Version::HTTP_11 && !(version == Version::HTTP_2 && uri.authority().is_some()) {
        return Err(Refused::NoHost);
    }
    if let Some(authority) = uri.authority() {
        if let Some(value) = header {
            readable(value)?;
        }
        let text = authority.as_str();
        let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
        if port(host).is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(Refused::BadTarget);
        }
        return HeaderValue::from_str(host).map(Some).map_err(|_| Refused::BadTarget);
    }
    Ok(header.filter(|value| !value.is_empty()).cloned())
}

/// The text of a host; anything that can stand in no host is an error, as are bytes above ASCII: the running reference
/// refuses them, whatever spec/http.md 1.5 says of comparing them.
fn readable(value: &HeaderValue) -> Result<&str, Refused> {
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(byte);
    if !value.as_bytes().iter().all(good) {
        return Err(Refused::MalformedHost);
    }
    std::str::from_utf8(value.as_bytes()).map_err(|_| Refused::MalformedHost)
}

/// The port behind a host, IPv6 in brackets or not, as the client wrote it. An empty one is none.
fn port(authority: &str) -> Option<&str> {
    let (host, port) = authority.rsplit_once(':')?;
    let bare_ipv6 = host.contains(':') && !host.ends_with(']');
    (!port.is_empty() && !bare_ipv6 && !port.ends_with(']')).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_behind_names_and_bracketed_addresses() {
        let cases = [
            ("a.test", None),
            ("a.test:8080", Some("8080")),
            ("a.test:", None),
            ("a.test:x", Some("x")),
            ("a:b:c", None),
            ("[::1]", None),
            ("[::1]:8080", Some("8080")),
            ("::1", None),
            ("", None),
        ];
        for (given, want) in cases {
            assert_eq!(port(given), want, "{given}");
        }
    }

    #[test]
    fn what_can_stand_in_no_host_is_refused() {
        for bad in ["a b", "a/b", "a\tb", "<a>", "a@b", "a#b", "a?b"] {
            let value = HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            assert_eq!(HostMemory::default().note(Some(&value)), Err(Refused::MalformedHost), "{bad}");
        }
    }

    #[test]
    fn the_memory_follows_the_requests() {
        let mut memory = HostMemory::default();
        for (given, canonical, port) in
            [("A.test:81", "a.test", Some("81")), ("a.TEST", "a.test", None), ("[::1]:8", "::1", Some("8"))]
        {
            memory.note(Some(&HeaderValue::from_static(given))).unwrap();
            assert_eq!(memory.canonical(), canonical);
            assert_eq!(memory.port().and_then(|port| port.to_str().ok()), port);
        }
        memory.note(None).unwrap();
        assert_eq!((memory.canonical(), memory.port()), ("", None));
    }

    #[test]
    fn the_host_of_an_absolute_target_wins_and_loses_its_user() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("other.test"));
        let uri = "http://user:secret@a.test:81/x".parse().unwrap();
        assert_eq!(requested(&uri, &headers, Version::HTTP_11), Ok(Some(HeaderValue::from_static("a.test:81"))));
    }

    #[test]
    fn the_port_of_an_absolute_target_is_a_number() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("a.test"));
        let given = |text: &str| requested(&text.parse().unwrap(), &headers, Version::HTTP_11);
        assert_eq!(given("http://a.test:x/"), Err(Refused::BadTarget));
        assert_eq!(given("http://[::1]/"), Ok(Some(HeaderValue::from_static("[::1]"))));
    }

    #[test]
    fn a_missing_host_is_an_error_since_http_1_1() {
        let (uri, none) = (Uri::default(), HeaderMap::new());
        assert_eq!(requested(&uri, &none, Version::HTTP_11), Err(Refused::NoHost));
        assert_eq!(requested(&uri, &none, Version::HTTP_10), Ok(None));
    }
}

//! Percent-decoding and the query parameters of requests.
//!
//! Names and meaning: <https://kubernetes.io/docs/reference/using-api/api-concepts/>. Unknown parameters are ignored,
//! as by Kubernetes; known ones with nonsense in them are a bad request.

use std::borrow::Cow;
use std::time::Duration;

use crate::apiserver::status::ApiError;
use crate::apiserver::store::Run;

/// Decodes `%XX`; anything that is not valid UTF-8 afterwards is replaced, so that it simply matches nothing.
pub(super) fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|it| char::from(*it).to_digit(16));
        match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The parameters of one request.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let decode = |text: &str| percent_decode(&text.replace('+', " ")).into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(n, v)| (decode(n), decode(v))).collect(),
        )
    }

    /// The value of a parameter; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
    }

    /// Whether a switch is on. As in Kubernetes, everything but `false` and `0` turns it on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.0.iter().any(|(it, value)| it == name && !matches!(value.as_str(), "false" | "0"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        match self.text(name) {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| ApiError::BadRequest(format!("{name} must be a number, not {text:?}"))),
        }
    }

    /// `resourceVersion`: `None` for none, 0 means "any".
    pub(super) fn version(&self) -> Result<Option<u64>, ApiError> {
        self.number("resourceVersion")
    }

    pub(super) fn seconds(&self, name: &str) -> Result<Option<Duration>, ApiError> {
        Ok(self.number(name)?.map(Duration::from_secs))
    }

    pub(super) fn run(&self) -> Result<Run, ApiError> {
        match self.text("dryRun") {
            "" => Ok(Run::Real),
            "All" => Ok(Run::Dry),
            other => Err(ApiError::BadRequest(format!("dryRun must be All, not {other:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("labelSelector=app%20in+%28a%2Cb%29&watch=1&limit=5&pretty=false&x");
        assert_eq!(query.text("labelSelector"), "app in (a,b)");
        assert!(query.is_on("watch") && !query.is_on("pretty") && query.is_on("x") && !query.is_on("y"));
        assert_eq!(query.number("limit"), Ok(Some(5)));
        assert_eq!(query.number("labelSelector").map_err(|error| error.code()), Err(400));
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        for (given, want) in
            [("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("a%2Fb", "a/b"), ("%ff", "\u{fffd}"), ("ü%C3%BC", "üü")]
        {
            assert_eq!(percent_decode(given), want);
        }
    }
}

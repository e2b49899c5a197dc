//! Percent-decoding of path segments, and the query of a list request.
use std::collections::HashMap;

/// The parameters of a query; of equal names the first counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query(HashMap<String, String>);

impl Query {
    /// Reads `a=b&c=d`. `+` is a blank; pairs that do not decode are left out.
    pub fn parse(text: &str) -> Self {
        let mut parameters = HashMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(name), Some(value)) = (decode(&name.replace('+', " ")), decode(&value.replace('+', " "))) {
                parameters.entry(name).or_insert(value);
            }
        }
        Self(parameters)
    }

    /// The value of a parameter; empty when absent.
    pub fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// `text` with its percent escapes resolved; `None` when an escape is broken or the result is not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_decoded_and_the_first_of_a_name_counts() {
        let query = Query::parse("search=Host%28%60a%60%29+x&page=2&page=3&&flag&bad=%zz");
        assert_eq!(query.value("search"), "Host(`a`) x");
        assert_eq!(query.value("page"), "2");
        assert_eq!(query.value("flag"), "");
        assert_eq!(query.value("bad"), "");
    }

    #[test]
    fn broken_escapes_and_broken_utf8_do_not_decode() {
        for text in ["%", "%4", "%g0", "%ff", "a%"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode("a%40b%2Fc").as_deref(), Some("a@b/c"));
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(text in "\\PC*") {
            Query::parse(&text);
        }
    }
}

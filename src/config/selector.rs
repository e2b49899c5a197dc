//! Whether a text is a Kubernetes label selector: `team=blue,stage!=test,tier in (a, b),!legacy,size>3`.
//!
//! The API server does the selecting; a selector that it would refuse is a mistake in the options and is found here,
//! before any client is built (`ingress.md` 2.1). Grammar: apimachinery `pkg/labels/selector.go`.

/// Why a text is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Something else stands where this should.
    #[error("found `{found}`, expected {expected}")]
    Unexpected {
        /// What stands there; `end` at the end.
        found: String,
        /// What could.
        expected: &'static str,
    },
    /// No label can be called that.
    #[error("`{0}` is not a label key")]
    Key(String),
    /// No label can have that value.
    #[error("`{0}` is not a label value")]
    Value(String),
    /// `<` and `>` compare numbers.
    #[error("`{0}` is not a whole number, which `<` and `>` need")]
    Number(String),
}

/// Checks a selector. The empty one is valid and selects everything.
pub fn validate_selector(text: &str) -> Result<(), SelectorError> {
    let mut tokens = Tokens::of(text);
    if tokens.peek().is_none() {
        return Ok(());
    }
    loop {
        requirement(&mut tokens)?;
        match tokens.next() {
            None => return Ok(()),
            Some(",") => {}
            other => return Err(unexpected(other, "`,` or the end")),
        }
    }
}

fn requirement(tokens: &mut Tokens<'_>) -> Result<(), SelectorError> {
    if tokens.peek() == Some("!") {
        tokens.next();
        return key(tokens.next());
    }
    key(tokens.next())?;
    match tokens.peek() {
        None | Some(",") => Ok(()),
        Some("=" | "==" | "!=") => {
            tokens.next();
            value_or_nothing(tokens)
        }
        Some("<" | ">") => {
            tokens.next();
            number(tokens.next())
        }
        Some("in" | "notin") => {
            tokens.next();
            values(tokens)
        }
        other => Err(unexpected(other, "`=`, `==`, `!=`, `in`, `notin`, `<`, `>`, `,` or the end")),
    }
}

fn value_or_nothing(tokens: &mut Tokens<'_>) -> Result<(), SelectorError> {
    match tokens.peek() {
        None | Some(",") => Ok(()),
        _ => value(tokens.next()),
    }
}

/// `(a, b)`; empty values and even `()` are allowed and stand for the empty value.
fn values(tokens: &mut Tokens<'_>) -> Result<(), SelectorError> {
    match tokens.next() {
        Some("(") => {}
        other => return Err(unexpected(other, "`(`")),
    }
    loop {
        if !matches!(tokens.peek(), Some("," | ")")) {
            value(tokens.next())?;
        }
        match tokens.next() {
            Some(")") => return Ok(()),
            Some(",") => {}
            other => return Err(unexpected(other, "`,` or `)`")),
        }
    }
}

fn key(token: Option<&str>) -> Result<(), SelectorError> {
    let token = word(token, "a label key")?;
    let (prefix, name) = token.split_once('/').map_or((None, token), |(prefix, name)| (Some(prefix), name));
    let prefix_fits = prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_dns_label));
    if prefix_fits && is_label_text(name) { Ok(()) } else { Err(SelectorError::Key(token.to_owned())) }
}

fn value(token: Option<&str>) -> Result<(), SelectorError> {
    let token = word(token, "a label value")?;
    if is_label_text(token) { Ok(()) } else { Err(SelectorError::Value(token.to_owned())) }
}

fn number(token: Option<&str>) -> Result<(), SelectorError> {
    let token = word(token, "a whole number")?;
    // A number that begins with a sign is not a label value.
    let fits = token.parse::<i64>().is_ok() && is_label_text(token);
    if fits { Ok(()) } else { Err(SelectorError::Number(token.to_owned())) }
}

fn word<'a>(token: Option<&'a str>, expected: &'static str) -> Result<&'a str, SelectorError> {
    token.filter(|token| !token.starts_with(is_special)).ok_or_else(|| unexpected(token, expected))
}

fn unexpected(found: Option<&str>, expected: &'static str) -> SelectorError {
    SelectorError::Unexpected { found: found.unwrap_or("end").to_owned(), expected }
}

/// A non-empty label value or the name part of a key.
fn is_label_text(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 63 && edge(text.bytes().next()) && edge(text.bytes().last()) && text.bytes().all(inside)
}

/// An RFC 1123 label: one part of a DNS name, and the name of a namespace.
pub(super) fn is_dns_label(text: &str) -> bool {
    is_label_text(text) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '<' | '>')
}

/// Words and operators, without the blanks between them.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    fn split(&self) -> Option<(&'a str, &'a str)> {
        if self.rest.is_empty() {
            return None;
        }
        let operator =
            ["==", "!=", "=", "!", "(", ")", ",", "<", ">"].iter().find(|sign| self.rest.starts_with(**sign));
        let length = match operator {
            Some(sign) => sign.len(),
            None => self.rest.find(|c: char| c.is_whitespace() || is_special(c)).unwrap_or(self.rest.len()),
        };
        Some(self.rest.split_at(length))
    }

    fn peek(&self) -> Option<&'a str> {
        self.split().map(|(token, _)| token)
    }

    fn next(&mut self) -> Option<&'a str> {
        let (token, rest) = self.split()?;
        self.rest = rest.trim_start();
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_kubernetes_takes_is_taken() {
        let valid = [
            "",
            "  ",
            "a",
            "!a",
            " a , !b ",
            "a=b",
            "a==b",
            "a!=b",
            "a=",
            "a=,b",
            "a != ",
            "app.kubernetes.io/name=x",
            "x in (a)",
            "x in (a,b)",
            "x in ( a , b )",
            "x notin (a,,b)",
            "x in ()",
            "x notin (,)",
            "a>1",
            "a < 22",
            "in in (in,notin)",
            "notin",
            "team=blue,stage!=test",
            "x in (a),y=z,!q",
        ];
        for text in valid {
            assert_eq!(validate_selector(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        let long = "x".repeat(64);
        let invalid = [
            "A and not B",
            "a b",
            ",",
            "a,",
            ",a",
            "a,,b",
            "=b",
            "a=b=c",
            "a in",
            "a in b",
            "a in (b",
            "a in (b c)",
            "a in )",
            "(a)",
            "!",
            "!!a",
            "!a=b",
            "a>b",
            "a>",
            "a>-1",
            "-a",
            "a-",
            "a/b/c",
            "/a",
            "A/",
            "UP.er/a",
            "a=-b",
            "a=b/c",
            "a===b",
            "a=é",
            &long,
        ];
        for text in invalid {
            assert!(validate_selector(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_reason_names_what_was_found_and_what_was_expected() {
        assert_eq!(
            validate_selector("A and not B").unwrap_err().to_string(),
            "found `and`, expected `=`, `==`, `!=`, `in`, `notin`, `<`, `>`, `,` or the end"
        );
        assert_eq!(validate_selector("a in").unwrap_err().to_string(), "found `end`, expected `(`");
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(text in "[a-zé!=<>(), ]{0,30}|\\PC{0,30}") {
            if let Err(error) = validate_selector(&text) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}

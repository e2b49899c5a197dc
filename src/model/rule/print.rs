//! Writes rules as v3 text that reads back as the same expression, with string literals as Go quotes them.
use std::fmt::{self, Display, Formatter, Write};

use super::ast::{Expr, Polarity};
use super::matcher::Matcher;

/// `text` as a Go string literal in double quotes, as `strconv.Quote` and `%q` write it: printable characters of all
/// languages stay, others become `\n`-like, `\x07`, `\u00a0` or `\U0001f000` escapes.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    text.chars().for_each(|c| push_quoted(&mut quoted, c));
    quoted.push('"');
    quoted
}

fn push_quoted(out: &mut String, c: char) {
    let code = u32::from(c);
    let escape = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x0b' => "\\v",
        _ if is_printable(c) => return out.push(c),
        _ if code < 0x80 => return push_number(out, 'x', 2, code),
        _ if code < 0x1_0000 => return push_number(out, 'u', 4, code),
        _ => return push_number(out, 'U', 8, code),
    };
    out.push_str(escape);
}

fn push_number(out: &mut String, kind: char, digits: usize, code: u32) {
    // Writing to a `String` cannot fail.
    write!(out, "\\{kind}{code:0digits$x}").unwrap_or_default();
}

/// Go's `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols, and of all spaces only the ASCII one.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    // The standard library draws the same line, but only for the characters after the first it lets combining marks stand.
    let mut buffer = [b'a'; 5];
    let end = 1 + c.encode_utf8(&mut buffer[1..]).len();
    str::from_utf8(&buffer[..end]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(members) => separated(f, members, " || "),
            Self::And(members) => separated(f, members, " && "),
            Self::Call { polarity, matcher } => {
                if *polarity == Polarity::Negative {
                    f.write_char('!')?;
                }
                matcher.fmt(f)
            }
        }
    }
}

fn separated(f: &mut Formatter<'_>, members: &[Expr], operator: &str) -> fmt::Result {
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            f.write_str(operator)?;
        }
        // Only `&&` needs them around `||`; the other way round they cost nothing to leave out.
        match member {
            Expr::Or(_) => write!(f, "({member})")?,
            _ => member.fmt(f)?,
        }
    }
    Ok(())
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(pattern) => call(f, "Host", &[&pattern.text()]),
            Self::HostRegexp(pattern) => call(f, "HostRegexp", &[pattern.source()]),
            Self::Path(path) => call(f, "Path", &[path]),
            Self::PathPrefix(prefix) => call(f, "PathPrefix", &[prefix]),
            Self::PathRegexp(pattern) => call(f, "PathRegexp", &[pattern.source()]),
            Self::Method(method) => call(f, "Method", &[method]),
            Self::Header(key, value) => call(f, "Header", &[key.text(), value]),
            Self::HeaderRegexp(key, pattern) => call(f, "HeaderRegexp", &[key.text(), pattern.source()]),
            Self::Query(key, value) if value.is_empty() => call(f, "Query", &[key]),
            Self::Query(key, value) => call(f, "Query", &[key, value]),
            Self::QueryRegexp(key, pattern) => call(f, "QueryRegexp", &[key, pattern.source()]),
            Self::ClientIp(network) => call(f, "ClientIP", &[&network.to_string()]),
        }
    }
}

fn call(f: &mut Formatter<'_>, name: &str, arguments: &[&str]) -> fmt::Result {
    let quoted: Vec<String> = arguments.iter().map(|argument| quote(argument)).collect();
    write!(f, "{name}({})", quoted.join(", "))
}

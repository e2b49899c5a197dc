//! Rewrites Go's regular expressions (RE2) into those of the crate `regex`, so that both mean the same.
//!
//! The two are close relatives that differ in corners users do meet: `\d`, `\w`, `\s`, `\b` are ASCII in Go; `{` without
//! numbers is a plain brace; `[` and `&&` inside a class are plain characters; `\Q..\E` and octal escapes exist; `\<` is a
//! plain character. What Go refuses is refused here with Go's text. Source: <https://pkg.go.dev/regexp/syntax>.

/// A regular expression that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {0}")]
pub struct RegexpError(pub(super) String);

/// Go refuses higher numbers in `{n,m}`.
const MAX_REPEAT: u32 = 1000;

const CLASS_NAMES: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// `source`, an expression of Go, in the language of the crate `regex`.
pub fn translate(source: &str) -> Result<String, RegexpError> {
    let mut translator =
        Translator { source, at: 0, out: String::with_capacity(source.len() + 8), open: 0, last: Last::Nothing };
    while let Some(c) = translator.peek() {
        translator.step(c)?;
    }
    if translator.open > 0 {
        return Err(about("missing closing )", source));
    }
    Ok(translator.out)
}

/// `text` as an expression of Go that matches just it (Go's `regexp.QuoteMeta`).
pub fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

fn about(problem: &str, part: &str) -> RegexpError {
    RegexpError(format!("{problem}: `{part}`"))
}

/// What a repetition operator would apply to.
#[derive(Clone, Copy)]
enum Last {
    Nothing,
    Atom,
    /// A repetition operator that began at this byte.
    Repeat(usize),
}

struct Translator<'s> {
    source: &'s str,
    at: usize,
    out: String,
    /// Open parentheses.
    open: usize,
    last: Last,
}

impl<'s> Translator<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Copies the next `bytes` bytes.
    fn copy(&mut self, bytes: usize) {
        self.out.push_str(&self.rest()[..bytes]);
        self.at += bytes;
    }

    fn step(&mut self, c: char) -> Result<(), RegexpError> {
        match c {
            '\\' => {
                self.escape()?;
                self.last = Last::Atom;
            }
            '[' => {
                self.class()?;
                self.last = Last::Atom;
            }
            '(' => self.group()?,
            ')' => {
                self.open = self.open.checked_sub(1).ok_or_else(|| about("unexpected )", self.source))?;
                self.copy(1);
                self.last = Last::Atom;
            }
            '|' => {
                self.copy(1);
                self.last = Last::Nothing;
            }
            '*' | '+' | '?' => self.repetition(1)?,
            '{' => match self.counted()? {
                Some(length) => self.repetition(length)?,
                None => self.plain('{'),
            },
            ']' | '}' => self.plain(c),
            _ => {
                self.copy(c.len_utf8());
                self.last = Last::Atom;
            }
        }
        Ok(())
    }

    /// The next character, which Go takes as itself, escaped.
    fn plain(&mut self, c: char) {
        self.out.push('\\');
        self.out.push(c);
        self.at += c.len_utf8();
        self.last = Last::Atom;
    }

    /// Copies a repetition operator of `length` bytes and a `?` behind it.
    fn repetition(&mut self, length: usize) -> Result<(), RegexpError> {
        let start = self.at;
        match self.last {
            Last::Nothing => return Err(about("missing argument to repetition operator", &self.rest()[..length])),
            Last::Repeat(first) => {
                return Err(about("invalid nested repetition operator", &self.source[first..start + length]));
            }
            Last::Atom => {}
        }
        let lazy = usize::from(self.rest()[length..].starts_with('?'));
        self.copy(length + lazy);
        self.last = Last::Repeat(start);
        Ok(())
    }

    /// The length of `{n}`, `{n,}` or `{n,m}` if it stands here; any other brace is a plain character.
    fn counted(&self) -> Result<Option<usize>, RegexpError> {
        let Some(end) = self.rest().find('}') else { return Ok(None) };
        let inner = &self.rest()[1..end];
        let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if least.is_empty() || !digits(least) || !digits(most) {
            return Ok(None);
        }
        let count = |text: &str| text.parse::<u32>().ok().filter(|&count| count <= MAX_REPEAT);
        let fine = match (count(least), count(most)) {
            (Some(_), None) => most.is_empty(),
            (Some(least), Some(most)) => least <= most,
            (None, _) => false,
        };
        if fine { Ok(Some(end + 1)) } else { Err(about("invalid repeat count", &self.rest()[..=end])) }
    }

    fn group(&mut self) -> Result<(), RegexpError> {
        let rest = self.rest();
        let Some(special) = rest.strip_prefix("(?") else {
            self.copy(1);
            self.open += 1;
            self.last = Last::Nothing;
            return Ok(());
        };
        if let Some(named) = special.strip_prefix("P<").or_else(|| special.strip_prefix('<')) {
            let end = named.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(named.len());
            if end == 0 || !named[end..].starts_with('>') {
                return Err(about("invalid named capture", rest));
            }
            self.copy(rest.len() - named.len() + end + 1);
            self.open += 1;
            self.last = Last::Nothing;
            return Ok(());
        }
        let end = special.find(|c: char| !"imsU-".contains(c)).unwrap_or(special.len());
        match special[end..].chars().next() {
            // Flags alone are neither an atom nor the end of one.
            Some(')') => self.copy(end + 3),
            Some(':') => {
                self.copy(end + 3);
                self.open += 1;
                self.last = Last::Nothing;
            }
            Some(other) => {
                return Err(about("invalid or unsupported Perl syntax", &rest[..2 + end + other.len_utf8()]));
            }
            None => return Err(about("missing closing )", self.source)),
        }
        Ok(())
    }

    /// An escape outside a class.
    fn escape(&mut self) -> Result<(), RegexpError> {
        let Some(kind) = self.rest()[1..].chars().next() else {
            return Err(about("trailing backslash at end of expression", ""));
        };
        let ascii = match kind {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => r"[\t\n\x0c\r ]",
            'S' => r"[^\t\n\x0c\r ]",
            'b' => r"(?-u:\b)",
            'B' => r"(?-u:\B)",
            'A' => r"\A",
            'z' => r"\z",
            'Q' => return self.quoted(),
            'p' | 'P' => return self.unicode_class(),
            _ => {
                let literal = self.literal()?;
                push_literal(&mut self.out, literal);
                return Ok(());
            }
        };
        self.out.push_str(ascii);
        self.at += 2;
        Ok(())
    }

    /// `\Q...\E`, or to the end of the expression.
    fn quoted(&mut self) -> Result<(), RegexpError> {
        let inner = &self.rest()[2..];
        let end = inner.find(r"\E").unwrap_or(inner.len());
        inner[..end].chars().for_each(|c| push_literal(&mut self.out, c));
        self.at += (end + 4).min(self.rest().len());
        Ok(())
    }

    /// `\pN` or `\p{Greek}`, `\P...`, `\p{^...}`.
    fn unicode_class(&mut self) -> Result<(), RegexpError> {
        let rest = self.rest();
        let bad = |part: &str| Err(about("invalid character class range", part));
        let Some(first) = rest[2..].chars().next() else { return bad(rest) };
        if first != '{' {
            self.copy(2 + first.len_utf8());
            return Ok(());
        }
        let Some(end) = rest.find('}') else { return bad(rest) };
        match rest[3..end].strip_prefix('^') {
            None => self.copy(end + 1),
            Some(name) => {
                let kind = if rest.starts_with(r"\p") { 'P' } else { 'p' };
                self.out.push_str(&format!(r"\{kind}{{{name}}}"));
                self.at += end + 1;
            }
        }
        Ok(())
    }

    /// The character that the escape here stands for.
    fn literal(&mut self) -> Result<char, RegexpError> {
        let rest = self.rest();
        let mut chars = rest[1..].chars();
        let invalid = |length: usize| about("invalid escape sequence", rest.get(..length).unwrap_or(rest));
        let Some(kind) = chars.next() else {
            return Err(about("trailing backslash at end of expression", ""));
        };
        let (value, length) = match kind {
            'a' => ('\x07', 2),
            'f' => ('\x0c', 2),
            't' => ('\t', 2),
            'n' => ('\n', 2),
            'r' => ('\r', 2),
            'v' => ('\x0b', 2),
            '0'..='7' => {
                let digits = rest[1..].bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                if kind != '0' && digits == 1 {
                    return Err(invalid(2));
                }
                let code = u32::from_str_radix(&rest[1..=digits], 8).map_err(|_| invalid(1 + digits))?;
                (char::from_u32(code).ok_or_else(|| invalid(1 + digits))?, 1 + digits)
            }
            'x' => {
                let (digits, length) = match rest[2..].strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                    Some((inner, _)) => (inner, inner.len() + 4),
                    None => (rest.get(2..4).unwrap_or(""), 4),
                };
                let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let code = if valid { u32::from_str_radix(digits, 16).ok() } else { None };
                (code.and_then(char::from_u32).ok_or_else(|| invalid(length))?, length)
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => (c, 2),
            c => return Err(invalid(1 + c.len_utf8())),
        };
        self.at += length;
        Ok(value)
    }

    /// A class in brackets, each member rewritten so that no character has a meaning Go does not give it.
    fn class(&mut self) -> Result<(), RegexpError> {
        let whole = self.rest();
        let open = if whole.starts_with("[^") { 2 } else { 1 };
        self.copy(open);
        let mut first = true;
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else { return Err(about("missing closing ]", whole)) };
            if c == ']' && !first {
                self.copy(1);
                return Ok(());
            }
            first = false;
            if let Some(length) = posix_class(rest)? {
                self.copy(length);
            } else if !self.class_escape()? {
                self.range(whole)?;
            }
        }
    }

    /// A shorthand class such as `\d` inside brackets. `Ok(false)` if there is none here.
    fn class_escape(&mut self) -> Result<bool, RegexpError> {
        let Some(kind) = self.rest().strip_prefix('\\').and_then(|rest| rest.chars().next()) else { return Ok(false) };
        let members = match kind {
            'd' => "0-9",
            'D' => "[^0-9]",
            'w' => "0-9A-Za-z_",
            'W' => "[^0-9A-Za-z_]",
            's' => r"\t\n\x0c\r\x20",
            'S' => r"[^\t\n\x0c\r\x20]",
            'p' | 'P' => {
                self.unicode_class()?;
                return Ok(true);
            }
            _ => return Ok(false),
        };
        self.out.push_str(members);
        self.at += 2;
        Ok(true)
    }

    /// One character or `a-z`.
    fn range(&mut self, whole: &str) -> Result<(), RegexpError> {
        let start = self.at;
        let low = self.class_character(whole)?;
        push_literal(&mut self.out, low);
        let rest = self.rest();
        if rest.starts_with('-') && rest.len() > 1 && !rest.starts_with("-]") {
            self.at += 1;
            let high = self.class_character(whole)?;
            if high < low {
                return Err(about("invalid character class range", &self.source[start..self.at]));
            }
            self.out.push('-');
            push_literal(&mut self.out, high);
        }
        Ok(())
    }

    fn class_character(&mut self, whole: &str) -> Result<char, RegexpError> {
        match self.peek() {
            None => Err(about("missing closing ]", whole)),
            Some('\\') => self.literal(),
            Some(c) => {
                self.at += c.len_utf8();
                Ok(c)
            }
        }
    }
}

/// The length of `[:alpha:]` or `[:^alpha:]` at the start of `rest`, if that is what stands there.
fn posix_class(rest: &str) -> Result<Option<usize>, RegexpError> {
    let Some((inner, _)) = rest.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) else { return Ok(None) };
    let length = inner.len() + 4;
    if CLASS_NAMES.contains(&inner.strip_prefix('^').unwrap_or(inner)) {
        return Ok(Some(length));
    }
    // Go looks no further than the first `:]` either.
    Err(about("invalid character class range", &rest[..length]))
}

/// `c` as itself, inside a class or outside: all that has a meaning in either place is ASCII punctuation.
fn push_literal(out: &mut String, c: char) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        push_code(out, c);
    } else {
        out.push(c);
    }
}

fn push_code(out: &mut String, c: char) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let code = u32::from(c) as usize;
    out.push_str("\\x");
    out.push(char::from(DIGITS[(code >> 4) & 0xf]));
    out.push(char::from(DIGITS[code & 0xf]));
}

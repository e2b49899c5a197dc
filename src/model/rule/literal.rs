//! Go's interpreted string literals: reading their escapes (Go specification, "Rune literals" and "String literals").

/// What is wrong with a literal, and at which byte of it.
pub(super) struct LiteralError {
    pub at: usize,
    pub message: String,
}

/// Reads the literal at the start of `source`, which begins with `"`. Returns its value and its length in `source`.
pub(super) fn unquote(source: &str) -> Result<(String, usize), LiteralError> {
    let mut value = Vec::new();
    let mut at = 1;
    loop {
        let Some(c) = source[at..].chars().next().filter(|&c| c != '\n') else {
            return Err(LiteralError { at: 0, message: "string literal not terminated".to_owned() });
        };
        match c {
            '"' => break,
            '\\' => at = escape(source, at, &mut value)?,
            _ => {
                value.extend_from_slice(&source.as_bytes()[at..at + c.len_utf8()]);
                at += c.len_utf8();
            }
        }
    }
    // Escapes such as `\xff` can form bytes that are no text. Go would keep them; no part of a request that rules see is
    // such bytes, so the rule could not mean anything.
    let text = String::from_utf8(value)
        .map_err(|_| LiteralError { at: 0, message: "string literal is not valid UTF-8".to_owned() })?;
    Ok((text, at + 1))
}

/// `U+0023 '#'`, as Go names a character in its errors.
pub(super) fn unicode_name(c: char) -> String {
    let code = u32::from(c);
    if c.is_control() { format!("U+{code:04X}") } else { format!("U+{code:04X} '{c}'") }
}

/// Reads the escape whose backslash is at `start`, appends its value, and returns where it ends.
fn escape(source: &str, start: usize, value: &mut Vec<u8>) -> Result<usize, LiteralError> {
    let kind = source[start + 1..].chars().next();
    let simple = match kind {
        Some('a') => 0x07,
        Some('b') => 0x08,
        Some('f') => 0x0c,
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('v') => 0x0b,
        Some('\\') => b'\\',
        Some('"') => b'"',
        Some('0'..='7') => {
            return numeric(source, start, Numeric { skip: 1, digits: 3, radix: 8, is: Is::Byte }, value);
        }
        Some('x') => return numeric(source, start, Numeric { skip: 2, digits: 2, radix: 16, is: Is::Byte }, value),
        Some('u') => {
            return numeric(source, start, Numeric { skip: 2, digits: 4, radix: 16, is: Is::Character }, value);
        }
        Some('U') => {
            return numeric(source, start, Numeric { skip: 2, digits: 8, radix: 16, is: Is::Character }, value);
        }
        Some(_) => return Err(LiteralError { at: start, message: "unknown escape sequence".to_owned() }),
        None => return Err(LiteralError { at: start, message: "escape sequence not terminated".to_owned() }),
    };
    value.push(simple);
    Ok(start + 2)
}

/// The shape of a numeric escape: bytes before its digits, how many digits, and what the number is.
struct Numeric {
    skip: usize,
    digits: usize,
    radix: u32,
    is: Is,
}

enum Is {
    Byte,
    Character,
}

fn numeric(source: &str, start: usize, shape: Numeric, value: &mut Vec<u8>) -> Result<usize, LiteralError> {
    let first = start + shape.skip;
    let mut code: u32 = 0;
    let mut rest = source[first..].char_indices();
    for _ in 0..shape.digits {
        let Some((offset, c)) = rest.next() else {
            return Err(LiteralError { at: source.len(), message: "escape sequence not terminated".to_owned() });
        };
        let Some(digit) = c.to_digit(shape.radix) else {
            let message = format!("illegal character {} in escape sequence", unicode_name(c));
            return Err(LiteralError { at: first + offset, message });
        };
        // Eight hexadecimal digits at most: 32 bits.
        code = code.wrapping_mul(shape.radix).wrapping_add(digit);
    }
    let invalid = || LiteralError { at: start, message: "escape sequence is invalid Unicode code point".to_owned() };
    match shape.is {
        Is::Byte => value.push(u8::try_from(code).map_err(|_| invalid())?),
        Is::Character => {
            let c = char::from_u32(code).ok_or_else(invalid)?;
            value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(first + shape.digits)
}

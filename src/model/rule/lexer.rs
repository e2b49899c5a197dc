//! Cuts a rule text into the tokens of Go, whose expression syntax rules borrow.
//!
//! Includes Go's automatic semicolon: a line break after a name, a string, a number or `)` ends the expression, and so does
//! the end of the text. Numbers and foreign operators are tokens too, so that the parser can say what it found.
use std::sync::Arc;

use super::error::SyntaxError;
use super::literal;

/// A kind of token. The text it was read from is [`Spanned::text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Name,
    /// A string with its escapes resolved.
    Text(Arc<str>),
    Number,
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
    /// Any other operator or punctuation of Go.
    Operator,
    /// The automatic semicolon.
    Newline,
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Spanned<'t> {
    pub token: Token,
    pub text: &'t str,
    pub at: usize,
}

impl Spanned<'_> {
    /// The token as Go's parser names what it found: literals bare, all else in single quotes.
    pub fn described(&self) -> String {
        match self.token {
            Token::Name | Token::Text(_) | Token::Number => self.text.to_owned(),
            Token::Newline => "newline".to_owned(),
            Token::End => "'EOF'".to_owned(),
            _ => format!("'{}'", self.text),
        }
    }
}

/// Go's operators and punctuation, longest first.
const OPERATORS: &[&str] = &[
    "<<=", ">>=", "&^=", "...", "&&", "||", "<-", "++", "--", "==", "!=", "<=", ">=", ":=", "+=", "-=", "*=", "/=",
    "%=", "&=", "|=", "^=", "<<", ">>", "&^", "+", "-", "*", "/", "%", "&", "|", "^", "<", ">", "=", "!", "(", ")",
    "[", "]", "{", "}", ",", ".", ";", ":", "~",
];

pub(super) struct Lexer<'t> {
    source: &'t str,
    at: usize,
    /// What the last token was, as far as the automatic semicolon cares.
    last: Last,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A line break here ends the expression.
    EndsOperand,
    /// A line break here is white space.
    Open,
}

impl<'t> Lexer<'t> {
    pub fn new(source: &'t str) -> Self {
        Self { source, at: 0, last: Last::Open }
    }

    /// The next token; [`Token::End`] for ever once the text is used up.
    pub fn next(&mut self) -> Result<Spanned<'t>, SyntaxError> {
        if let Some(newline) = self.skip_blank()? {
            self.last = Last::Open;
            return Ok(newline);
        }
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(self.spanned(Token::End, start)) };
        let token = match first {
            '`' => self.raw_string(start)?,
            '"' => self.quoted_string(start)?,
            '\'' => return Err(self.error(start, "illegal rune literal")),
            c if c.is_ascii_digit() => self.word(Token::Number),
            c if c == '_' || c.is_alphabetic() => self.word(Token::Name),
            c => self.operator(start, c)?,
        };
        self.last = match token {
            Token::Name | Token::Text(_) | Token::Number | Token::Close => Last::EndsOperand,
            _ => Last::Open,
        };
        Ok(self.spanned(token, start))
    }

    /// An error at the byte `at`.
    pub fn error(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        let before = &self.source.as_bytes()[..at.min(self.source.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        SyntaxError::At { line, column, message: message.into() }
    }

    fn rest(&self) -> &'t str {
        &self.source[self.at..]
    }

    fn spanned(&self, token: Token, start: usize) -> Spanned<'t> {
        Spanned { token, text: &self.source[start..self.at], at: start }
    }

    /// Skips white space and comments, unless they end the expression: then the automatic semicolon is returned.
    fn skip_blank(&mut self) -> Result<Option<Spanned<'t>>, SyntaxError> {
        loop {
            let start = self.at;
            let rest = self.rest();
            if rest.is_empty() || rest.starts_with('\n') || rest.starts_with("//") {
                if self.last == Last::EndsOperand {
                    return Ok(Some(self.spanned(Token::Newline, start)));
                }
                if rest.is_empty() {
                    return Ok(None);
                }
                self.at += if rest.starts_with('\n') { 1 } else { rest.find('\n').unwrap_or(rest.len()) };
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else { return Err(self.error(start, "comment not terminated")) };
                if self.last == Last::EndsOperand && comment[..length].contains('\n') {
                    return Ok(Some(self.spanned(Token::Newline, start)));
                }
                self.at += length + 4;
            } else if rest.starts_with([' ', '\t', '\r']) {
                self.at += 1;
            } else {
                return Ok(None);
            }
        }
    }

    fn word(&mut self, token: Token) -> Token {
        let rest = self.rest();
        self.at += rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
        token
    }

    /// Everything up to the next back quote; only carriage returns are dropped, as Go does.
    fn raw_string(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let inner = &self.rest()[1..];
        let Some(length) = inner.find('`') else { return Err(self.error(start, "raw string literal not terminated")) };
        self.at += length + 2;
        let text = &inner[..length];
        Ok(Token::Text(if text.contains('\r') { text.replace('\r', "").into() } else { text.into() }))
    }

    fn quoted_string(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let (text, length) =
            literal::unquote(self.rest()).map_err(|problem| self.error(start + problem.at, problem.message))?;
        self.at += length;
        Ok(Token::Text(text.into()))
    }

    fn operator(&mut self, start: usize, first: char) -> Result<Token, SyntaxError> {
        let rest = self.rest();
        let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)) else {
            return Err(self.error(start, format!("illegal character {}", literal::unicode_name(first))));
        };
        self.at += operator.len();
        Ok(match *operator {
            "(" => Token::Open,
            ")" => Token::Close,
            "," => Token::Comma,
            "&&" => Token::And,
            "||" => Token::Or,
            "!" => Token::Not,
            _ => Token::Operator,
        })
    }
}

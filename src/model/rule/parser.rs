//! Reads the grammar of `spec/http.md` 1.3 into a [`Tree`].
//!
//! A hand-written recursive descent whose depth is bounded by [`MAX_DEPTH`]; a run of `!` is a loop, not a recursion. The
//! error texts and places are those of Go's parser, of which only the first is reported.
use std::sync::Arc;

use super::ast::{Call, Tree};
use super::error::SyntaxError;
use super::lexer::{Lexer, Spanned, Token};
use super::{MAX_ARGUMENTS, MAX_CALLS, MAX_DEPTH, MAX_TEXT};

/// Go's binary operators that a rule may not use; other punctuation after an expression is a plain syntax error.
const FOREIGN_OPERATORS: &[&str] =
    &["==", "!=", "<", "<=", ">", ">=", "+", "-", "|", "^", "*", "/", "%", "<<", ">>", "&", "&^"];

/// Reads `text` as an expression of calls to `names`. Each name is accepted in four spellings: as listed, all lower case, all
/// upper case, first letter upper and the rest lower. Calls carry the spelling of the list.
pub fn parse_tree(text: &str, names: &'static [&'static str]) -> Result<Tree, SyntaxError> {
    if text.len() > MAX_TEXT {
        return Err(SyntaxError::TooLong(text.len()));
    }
    let mut lexer = Lexer::new(text);
    let current = lexer.next()?;
    let mut parser = Parser { lexer, current, names, depth: 0, calls: 0, arguments: 0, unknown: None };
    let tree = parser.or()?;
    if parser.current.token == Token::Newline {
        parser.advance()?;
    }
    if parser.current.token != Token::End {
        return Err(parser.expected("'EOF'"));
    }
    // The text must be sound as a whole before its names matter, as in Go, where they are two passes.
    match parser.unknown {
        Some(name) => Err(SyntaxError::UnsupportedFunction(name)),
        None => Ok(tree),
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    current: Spanned<'t>,
    names: &'static [&'static str],
    depth: usize,
    calls: usize,
    arguments: usize,
    /// The first call to a name that does not exist.
    unknown: Option<String>,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<(), SyntaxError> {
        self.current = self.lexer.next()?;
        Ok(())
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let message = format!("expected {what}, found {}", self.current.described());
        self.lexer.error(self.current.at, message)
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<(), SyntaxError> {
        if self.current.token != *token {
            return Err(self.expected(what));
        }
        self.advance()
    }

    fn or(&mut self) -> Result<Tree, SyntaxError> {
        let mut members = vec![self.and()?];
        while self.current.token == Token::Or {
            self.advance()?;
            members.push(self.and()?);
        }
        Ok(joined(members, Tree::Or))
    }

    fn and(&mut self) -> Result<Tree, SyntaxError> {
        let mut members = vec![self.unary()?];
        while self.current.token == Token::And {
            self.advance()?;
            members.push(self.unary()?);
        }
        Ok(joined(members, Tree::And))
    }

    fn unary(&mut self) -> Result<Tree, SyntaxError> {
        let mut nots = 0_usize;
        while self.current.token == Token::Not {
            nots += 1;
            self.advance()?;
        }
        let operand = self.operand()?;
        if self.current.token == Token::Operator && FOREIGN_OPERATORS.contains(&self.current.text) {
            return Err(SyntaxError::UnsupportedOperator(self.current.text.to_owned()));
        }
        Ok(if nots % 2 == 1 { Tree::Not(Box::new(operand)) } else { operand })
    }

    fn operand(&mut self) -> Result<Tree, SyntaxError> {
        match self.current.token {
            Token::Open => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(SyntaxError::TooDeep);
                }
                self.advance()?;
                let inner = self.or()?;
                self.expect(&Token::Close, "')'")?;
                self.depth -= 1;
                Ok(inner)
            }
            Token::Name => self.call(),
            Token::Text(_) | Token::Number => Err(self.expected("a matcher")),
            _ => Err(self.expected("operand")),
        }
    }

    fn call(&mut self) -> Result<Tree, SyntaxError> {
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(SyntaxError::TooManyCalls);
        }
        let matcher = self.names.iter().copied().find(|name| is_spelling_of(self.current.text, name));
        if matcher.is_none() && self.unknown.is_none() {
            self.unknown = Some(self.current.text.to_owned());
        }
        self.advance()?;
        self.expect(&Token::Open, "'('")?;
        let arguments = self.arguments()?;
        Ok(Tree::Call(Call { matcher: matcher.unwrap_or_default(), arguments }))
    }

    /// The list after `(`, with its `)`. Like Go it allows a comma before the `)`.
    fn arguments(&mut self) -> Result<Vec<Arc<str>>, SyntaxError> {
        let mut arguments = Vec::new();
        while self.current.token != Token::Close {
            let Token::Text(text) = &self.current.token else {
                let wanted = if self.current.token == Token::End { "')'" } else { "string" };
                return Err(self.expected(wanted));
            };
            arguments.push(Arc::clone(text));
            self.arguments += 1;
            if self.arguments > MAX_ARGUMENTS {
                return Err(SyntaxError::TooManyArguments);
            }
            self.advance()?;
            match self.current.token {
                Token::Comma => self.advance()?,
                Token::Close => {}
                Token::Newline => {
                    return Err(self.lexer.error(self.current.at, "missing ',' before newline in argument list"));
                }
                _ => return Err(self.lexer.error(self.current.at, "missing ',' in argument list")),
            }
        }
        self.advance()?;
        Ok(arguments)
    }
}

fn joined(mut members: Vec<Tree>, join: fn(Vec<Tree>) -> Tree) -> Tree {
    match (members.len(), members.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            members.extend(last);
            join(members)
        }
    }
}

fn is_spelling_of(written: &str, name: &str) -> bool {
    if !written.eq_ignore_ascii_case(name) {
        return false;
    }
    let lower = |text: &str| text.bytes().all(|byte| !byte.is_ascii_uppercase());
    let upper = |text: &str| text.bytes().all(|byte| !byte.is_ascii_lowercase());
    written == name || lower(written) || upper(written) || (upper(&written[..1]) && lower(&written[1..]))
}

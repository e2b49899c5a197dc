//! An object as one flat row of tokens: read once from the text, however often and as whatever type it is then looked at.
//!
//! A tree of values costs an allocation per map, list and text, most of them for parts that nobody looks at. Here texts stay
//! where they are in the input, and what is [unread](Unread) makes no token at all. A field that stands there twice is looked at
//! twice, and the last one counts if both are of its type; no API server writes such a thing.
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Error;
use std::borrow::Cow;
use std::fmt;

/// Tokens that fit without growing: an Ingress of one rule has about a hundred.
const TYPICAL: usize = 128;

/// A part of an object that nothing looks at. Lists are looked through: the entries of a list stand where the list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// This field, whatever it holds.
    Field(&'static str),
    /// These parts of this field.
    Within(&'static str, &'static [Unread]),
    /// All parts of this field but these.
    AllBut(&'static str, &'static [&'static str]),
}

/// What is to be left out of a map, or of the maps in a list.
#[derive(Clone, Copy)]
enum LeftOut {
    These(&'static [Unread]),
    AllBut(&'static [&'static str]),
}

impl LeftOut {
    const NOTHING: Self = Self::These(&[]);

    /// What is to be left out of the value of `field`; `None` if it is left out itself.
    fn below(self, field: &str) -> Option<Self> {
        let parts = match self {
            Self::These(parts) => parts,
            Self::AllBut(kept) => return kept.contains(&field).then_some(Self::NOTHING),
        };
        let found = parts.iter().find_map(|part| match *part {
            Unread::Field(name) => (name == field).then_some(None),
            Unread::Within(name, parts) => (name == field).then_some(Some(Self::These(parts))),
            Unread::AllBut(name, kept) => (name == field).then_some(Some(Self::AllBut(kept))),
        });
        found.unwrap_or(Some(Self::NOTHING))
    }
}

#[derive(Debug)]
enum Token<'de> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'de, str>),
    /// What follows, up to this position.
    List(usize),
    /// Keys and values in turn, up to this position.
    Map(usize),
}

/// One value. Never empty.
#[derive(Debug)]
pub struct Tape<'de>(Vec<Token<'de>>);

impl<'de> Tape<'de> {
    /// Reads a map without what is `unread` of it.
    pub fn read<D: Deserializer<'de>>(deserializer: D, unread: &'static [Unread]) -> Result<Self, D::Error> {
        let mut tokens = Vec::with_capacity(TYPICAL);
        deserializer.deserialize_any(Writer { tokens: &mut tokens, left_out: LeftOut::These(unread) })?;
        Ok(Self(tokens))
    }

    /// The value, to be made into something.
    pub fn value(&self) -> Reader<'_, 'de> {
        Reader { tokens: &self.0, at: 0 }
    }
}

/// Appends one value.
struct Writer<'t, 'de> {
    tokens: &'t mut Vec<Token<'de>>,
    left_out: LeftOut,
}

impl<'de> Writer<'_, 'de> {
    fn push<E>(self, token: Token<'de>) -> Result<(), E> {
        self.tokens.push(token);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.push(Token::Null)
    }
    fn visit_none<E>(self) -> Result<(), E> {
        self.push(Token::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.push(Token::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.push(Token::Unsigned(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.push(Token::Signed(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.push(Token::Float(value))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.push(Token::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.push(Token::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_string<E>(self, text: String) -> Result<(), E> {
        self.push(Token::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Self { tokens, left_out } = self;
        let start = tokens.len();
        tokens.push(Token::List(start));
        while access.next_element_seed(Writer { tokens, left_out })?.is_some() {}
        let end = tokens.len();
        if let Some(list) = tokens.get_mut(start) {
            *list = Token::List(end);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Self { tokens, left_out } = self;
        let start = tokens.len();
        tokens.push(Token::Map(start));
        while access.next_key_seed(Writer { tokens, left_out: LeftOut::NOTHING })?.is_some() {
            let Some(Token::Text(key)) = tokens.last() else {
                return Err(A::Error::custom("a key that is no text"));
            };
            match left_out.below(key) {
                Some(left_out) => access.next_value_seed(Writer { tokens, left_out })?,
                None => {
                    tokens.pop();
                    access.next_value::<IgnoredAny>()?;
                }
            }
        }
        let end = tokens.len();
        if let Some(map) = tokens.get_mut(start) {
            *map = Token::Map(end);
        }
        Ok(())
    }
}

/// The value at a position of a tape.
#[derive(Clone, Copy)]
pub struct Reader<'t, 'de> {
    tokens: &'t [Token<'de>],
    at: usize,
}

impl<'t, 'de> Reader<'t, 'de> {
    /// The text, if it is one.
    pub fn text(self) -> Option<&'t str> {
        match self.token() {
            Token::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The fields, if it is a map.
    pub fn map(self) -> Option<Entries<'t, 'de>> {
        match *self.token() {
            Token::Map(end) => Some(Entries { tokens: self.tokens, at: self.at + 1, end }),
            _ => None,
        }
    }

    /// The field of that name, if it is a map that has one; the last one if it has several, as in every JSON reader here.
    pub fn field(self, name: &str) -> Option<Self> {
        self.map()?.filter(|(key, _)| *key == name).last().map(|(_, value)| value)
    }

    fn token(self) -> &'t Token<'de> {
        self.tokens.get(self.at).unwrap_or(&Token::Null)
    }

    /// The position behind the value.
    fn end(self) -> usize {
        match *self.token() {
            Token::List(end) | Token::Map(end) => end,
            _ => self.at + 1,
        }
    }
}

/// The entries of a map that are still to come, or of a list.
pub struct Entries<'t, 'de> {
    tokens: &'t [Token<'de>],
    at: usize,
    end: usize,
}

impl<'t, 'de> Entries<'t, 'de> {
    fn value(&mut self) -> Option<Reader<'t, 'de>> {
        let value = (self.at < self.end).then_some(Reader { tokens: self.tokens, at: self.at })?;
        self.at = value.end();
        Some(value)
    }
}

impl<'t, 'de> Iterator for Entries<'t, 'de> {
    type Item = (&'t str, Reader<'t, 'de>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.value()?.text()?;
        Some((key, self.value()?))
    }
}

impl<'t> MapAccess<'t> for Entries<'t, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'t>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let key = self.value().and_then(Reader::text);
        key.map(|key| seed.deserialize(BorrowedStrDeserializer::new(key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.value() {
            Some(value) => seed.deserialize(value),
            None => Err(Error::custom("a key without a value")),
        }
    }
}

impl<'t> SeqAccess<'t> for Entries<'t, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.value().map(|value| seed.deserialize(value)).transpose()
    }
}

impl<'t> Deserializer<'t> for Reader<'t, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match *self.token() {
            Token::Null => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::Float(value) => visitor.visit_f64(value),
            Token::Text(ref text) => visitor.visit_borrowed_str(text),
            Token::List(end) => visitor.visit_seq(Entries { tokens: self.tokens, at: self.at + 1, end }),
            Token::Map(end) => visitor.visit_map(Entries { tokens: self.tokens, at: self.at + 1, end }),
        }
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token() {
            Token::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let single = self.map().filter(|_| self.map().is_some_and(|entries| entries.count() == 1));
        match (self.text(), single) {
            (Some(text), _) => visitor.visit_enum(text.into_deserializer()),
            (None, Some(entry)) => visitor.visit_enum(MapAccessDeserializer::new(entry)),
            (None, None) => Err(Error::invalid_type(Unexpected::Other("no variant"), &visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'t>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests;

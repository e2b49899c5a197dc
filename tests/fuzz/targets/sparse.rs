//! One object as the API server sends it, alone and as an event of a watch. What the watches make of it, passing over what
//! nothing reads, is what the whole object says.
use kube::core::WatchEvent;
use pilotage::actors::ingress::IngressKind;
use pilotage::actors::ingress_class::IngressClassKind;
use pilotage::actors::kind::Watched;
use pilotage::actors::node::NodeKind;
use pilotage::actors::secret::SecretKind;
use pilotage::actors::service::{ServiceKind, SliceKind};
use pilotage::cluster::lenient::{Lenient, Sparse};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::{self, Debug};

/// One input. Its first byte chooses the kind.
pub fn run(data: &[u8]) {
    let Some((first, text)) = data.split_first() else { return };
    match first % 6 {
        0 => object::<IngressKind>(text),
        1 => object::<IngressClassKind>(text),
        2 => object::<ServiceKind>(text),
        3 => object::<SliceKind>(text),
        4 => object::<SecretKind>(text),
        _ => object::<NodeKind>(text),
    }
}

fn object<K: Watched>(text: &[u8])
where
    K::Object: Sparse,
    K::Fact: Debug,
{
    let read = serde_json::from_slice::<Lenient<K::Object>>(text);
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return };
    // Of two fields of one name each reader may take another.
    if Single.deserialize(&mut serde_json::Deserializer::from_slice(text)).is_err() {
        return;
    }
    let shown = || String::from_utf8_lossy(text);
    assert_eq!(read.is_ok(), value["metadata"].is_object(), "{}", shown());
    let Ok(read) = read else { return };
    assert_eq!(read.metadata.name.as_deref(), value["metadata"]["name"].as_str(), "{}", shown());
    // Of a Node it is passed over: it has none.
    if let Some(namespace) = read.metadata.namespace {
        assert_eq!(Some(&*namespace), value["metadata"]["namespace"].as_str(), "{}", shown());
    }
    let fact = read.object.map(|object| K::parse(&object));
    if let Ok(whole) = serde_json::from_value::<K::Object>(value) {
        assert_eq!(fact.as_ref().ok(), Some(&K::parse(&whole)), "{}", shown());
    }
    // The type may come last; then serde keeps the object in a form of its own.
    for event in
        [[&b"{\"type\":\"ADDED\",\"object\":"[..], text, b"}"], [b"{\"object\":", text, b",\"type\":\"ADDED\"}"]]
    {
        let read = serde_json::from_slice::<WatchEvent<Lenient<K::Object>>>(&event.concat());
        let Ok(WatchEvent::Added(read)) = read else { panic!("no event: {}", shown()) };
        assert_eq!(read.object.map(|object| K::parse(&object)), fact, "{}", shown());
    }
}

/// JSON in which no map has two fields of one name.
struct Single;

impl<'de> DeserializeSeed<'de> for Single {
    type Value = Self;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Single {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self, A::Error> {
        while access.next_element_seed(Self)?.is_some() {}
        Ok(self)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = access.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("twice"));
            }
            access.next_value_seed(Self)?;
        }
        Ok(self)
    }
}

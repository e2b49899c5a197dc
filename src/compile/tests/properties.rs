//! Properties that hold for any objects, well-formed or not.
use super::world::{Table, World, options};
use crate::compile::{CrossProvider, Options};
use crate::parse::testing::{Object, class, ingress, node, pair, secret, service, slice};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Choices read from bytes, so that a failing case shrinks to few and small ones.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn roll(&mut self, sides: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % sides
    }

    fn pick<'t>(&mut self, words: &[&'t str]) -> &'t str {
        words[self.roll(words.len())]
    }
}

const NAMESPACES: &[&str] = &["a", "a-b"];
const NAMES: &[&str] = &["c", "b-c"];
const HOSTS: &[&str] = &["", "x.test", "*.x.test", "X.test", "*", "\u{e9}.test"];
const PATHS: &[&str] = &["/", "/p", "/p-q", "/p/q", "", "q", "/p\"\\\u{7}", "^/r(", "/p"];
const TYPES: &[&str] = &["Prefix", "Exact", "ImplementationSpecific", "", "prefix"];
const PORTS: &[&str] = &["80", "web", "80", "443", "80", "70000", "web", "-1", "0"];
const ROUTER: &[(&str, &[&str])] = &[
    ("router.pathmatcher", &["Path", "PathRegexp", "Nope", ""]),
    ("router.priority", &["7", "-7", "high", "9223372036854775807", "0"]),
    ("router.middlewares", &["auth", "a@file,,b", ""]),
    ("router.entrypoints", &["web", "nope", "web,nope,web"]),
    ("router.tls", &["true", "false", ""]),
    ("router.tls.options", &["default", "strict"]),
    ("router.rulesyntax", &["v2", "v3", "?"]),
    ("router.foo", &["x"]),
];
const SERVICE: &[(&str, &[&str])] = &[
    ("service.serversscheme", &["h2c", "?"]),
    ("service.serverstransport", &["default@internal", "t"]),
    ("service.sticky.cookie", &["true", "no"]),
    ("service.middlewares", &["m"]),
    ("service.nativelb", &["true", "false", "maybe"]),
    ("service.nodeportlb", &["true"]),
];

fn pairs() -> &'static [(String, String)] {
    static PAIRS: OnceLock<Vec<(String, String)>> = OnceLock::new();
    PAIRS.get_or_init(|| (0..2).map(|_| pair(&["x.test"])).collect())
}

fn annotated(mut object: Object, dice: &mut Dice<'_>, table: &[(&str, &[&str])]) -> Object {
    for _ in 0..dice.roll(3) {
        let (key, values) = table[dice.roll(table.len())];
        object = object.annotation(key, dice.pick(values));
    }
    object
}

fn object(dice: &mut Dice<'_>) -> Object {
    let (namespace, name) = (dice.pick(NAMESPACES), dice.pick(NAMES));
    match dice.roll(17) {
        0..=4 => an_ingress(dice, namespace, name),
        5..=8 => a_service(dice, namespace, name),
        9..=12 => {
            let mut object = slice(namespace, name, dice.pick(NAMES)).created(dice.roll(3) as u32);
            object = object.slice_port(dice.pick(&["", "web"]), [8080, 8080, 8080, 0, 65536][dice.roll(5)]);
            for _ in 0..dice.roll(4) {
                let conditions = [json!({}), json!({"serving": false}), json!({"terminating": true})];
                let address = dice.pick(&["10.0.0.1", "10.0.0.2", "fd00::1", "", "no address"]);
                object = object.conditions(&[address], conditions[dice.roll(3)].clone());
            }
            object
        }
        13 | 14 => {
            let (crt, key) = (&pairs()[dice.roll(4) / 3].0, &pairs()[dice.roll(4) / 3].1);
            let object = secret(namespace, name);
            let object = if dice.roll(5) > 0 { object.data("tls.crt", crt.as_bytes()) } else { object };
            if dice.roll(5) > 0 { object.data("tls.key", key.as_bytes()) } else { object }
        }
        15 => class(name).set("/spec/controller", dice.pick(&["traefik.io/ingress-controller", "other"])),
        _ => node(name, dice.pick(&["10.2.0.1", "10.2.0.2", "bad address"])),
    }
}

fn an_ingress(dice: &mut Dice<'_>, namespace: &str, name: &str) -> Object {
    let mut object = annotated(ingress(namespace, name).created(dice.roll(4) as u32), dice, ROUTER);
    if dice.roll(5) == 4 {
        object = object.set("/spec/ingressClassName", dice.pick(NAMES));
    }
    for _ in 0..dice.roll(3) {
        object = object.tls(dice.pick(NAMES));
    }
    if dice.roll(4) == 3 {
        return object.default_backend(dice.pick(NAMES), dice.pick(PORTS));
    }
    for _ in 0..=dice.roll(4) {
        let (host, path, path_type) = (dice.pick(HOSTS), dice.pick(PATHS), dice.pick(TYPES));
        object = object.path(host, path, path_type, dice.pick(NAMES), dice.pick(PORTS));
    }
    object
}

fn a_service(dice: &mut Dice<'_>, namespace: &str, name: &str) -> Object {
    let mut object = annotated(service(namespace, name), dice, SERVICE);
    for _ in 0..=dice.roll(2) {
        object = object.service_port(dice.pick(&["", "web"]), [80, 80, 443, 80, 0][dice.roll(5)]);
    }
    match dice.roll(6) {
        0 => object.set("/spec/type", "NodePort").set("/spec/ports/0/nodePort", 30080),
        1 => {
            let external = dice.pick(&["x.test", "c.a.svc", "b-c.a-b.svc.cluster.local", ""]);
            object.set("/spec/type", "ExternalName").set("/spec/externalName", external)
        }
        2 => object.set("/spec/clusterIP", dice.pick(&["None", "", "junk"])),
        _ => object,
    }
}

/// Puts junk somewhere into an object: a field of another form, or gone.
fn spoiled(object: Object, dice: &mut Dice<'_>) -> Object {
    let junk = [
        json!(null),
        json!([]),
        json!({}),
        json!("text"),
        json!(-1),
        json!(1_i64 << 40),
        json!([null]),
        json!({"": ""}),
    ];
    let mut root = object.0;
    let kind = root["kind"].clone();
    let mut place = &mut root;
    for _ in 0..dice.roll(7) {
        let size = match &place {
            Value::Object(fields) => fields.len(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        if size == 0 {
            break;
        }
        let index = dice.roll(size);
        place = match place {
            Value::Object(fields) => fields.values_mut().nth(index).unwrap(),
            Value::Array(items) => &mut items[index],
            _ => break,
        };
    }
    if place.get("kind").is_none() {
        *place = junk[dice.roll(junk.len())].clone();
    }
    root["kind"] = kind;
    Object(root)
}

#[derive(Clone, Debug)]
enum Event {
    Put(Object),
    Delete(Object),
}

fn identity(object: &Object) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object.0["metadata"];
    (text(&object.0["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

fn event(bytes: &[u8]) -> Event {
    let mut dice = Dice(bytes);
    match dice.roll(8) {
        0 => Event::Delete(object(&mut dice)),
        _ => Event::Put(object(&mut dice)),
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 4..40)
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(bytes().prop_map(|bytes| event(&bytes)), 1..60)
}

/// Objects with different identities.
fn cluster() -> impl Strategy<Value = Vec<Object>> {
    prop::collection::vec(bytes().prop_map(|bytes| object(&mut Dice(&bytes))), 1..40).prop_map(|objects| {
        objects
            .into_iter()
            .map(|object| (identity(&object), object))
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect()
    })
}

fn any_options() -> impl Strategy<Value = Options> {
    (any::<u16>()).prop_map(|bits| {
        let bit = |index: u16| bits >> index & 1 == 1;
        let cross_provider = if bit(0) { CrossProvider::Only(vec!["a".into()]) } else { CrossProvider::Any };
        Options {
            allow_empty_services: bit(1),
            allow_external_name_services: bit(2),
            allow_cross_namespace: bit(3),
            disable_cluster_scope: bit(4) && bit(5),
            native_lb_by_default: bit(6) && bit(7),
            strict_prefix_matching: bit(8),
            cross_provider,
            ..options()
        }
    })
}

fn after(options: &Options, events: &[Event]) -> World {
    let mut world = World::new(options.clone());
    for event in events {
        match event {
            Event::Put(object) => world.put(std::slice::from_ref(object)),
            Event::Delete(object) => world.delete(object),
        };
    }
    world
}

fn from_scratch(options: &Options, objects: &[Object]) -> Table {
    World::of(options.clone(), objects).table
}

fn remaining(events: &[Event]) -> Vec<Object> {
    let mut objects = BTreeMap::new();
    for event in events {
        match event {
            Event::Put(object) => objects.insert(identity(object), object.clone()),
            Event::Delete(object) => objects.remove(&identity(object)),
        };
    }
    objects.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patches_give_what_a_compile_from_scratch_gives(options in any_options(), events in events()) {
        let world = after(&options, &events);
        prop_assert_eq!(world.table, from_scratch(&options, &remaining(&events)));
    }

    #[test]
    fn the_order_of_events_does_not_matter(
        options in any_options(),
        (objects, shuffled) in cluster().prop_flat_map(|objects| (Just(objects.clone()), Just(objects).prop_shuffle())),
    ) {
        let puts: Vec<Event> = shuffled.into_iter().map(Event::Put).collect();
        prop_assert_eq!(after(&options, &puts).table, from_scratch(&options, &objects));
    }

    #[test]
    fn an_event_twice_has_no_second_effect(options in any_options(), events in events()) {
        let mut world = World::new(options);
        for event in &events {
            for round in 0..2 {
                let outcome = match event {
                    Event::Put(object) => world.put(std::slice::from_ref(object)),
                    Event::Delete(object) => world.delete(object),
                };
                if round == 1 {
                    prop_assert!(outcome.plan.is_empty() && outcome.findings.is_empty() && outcome.compiled_ingresses == 0);
                }
            }
        }
    }

    #[test]
    fn applying_and_deleting_restores_the_plan(options in any_options(), objects in cluster(), more in bytes()) {
        let mut world = World::of(options, &objects);
        let before = world.table.clone();
        let object = object(&mut Dice(&more));
        let old = objects.iter().find(|other| identity(other) == identity(&object));
        world.put(std::slice::from_ref(&object));
        match old {
            Some(old) => world.put(std::slice::from_ref(old)),
            None => world.delete(&object),
        };
        prop_assert_eq!(world.table, before);
    }

    #[test]
    fn an_ingress_that_does_not_compile_changes_no_answer_of_others(
        options in any_options(), objects in cluster(), more in bytes(), wrong in 0..3usize,
    ) {
        let mut world = World::of(options, &objects);
        let before = world.table.clone();
        let extra = an_ingress(&mut Dice(&more), "a", "extra").set("/spec/ingressClassName", Value::Null);
        let extra = match wrong {
            0 => extra.annotation("router.unknown", "x"),
            1 => extra.annotation("router.priority", "x"),
            _ => extra.set("/spec", "no object"),
        };
        world.put(&[extra]);
        prop_assert_eq!(&world.table.routers, &before.routers);
        prop_assert_eq!(&world.table.balancers, &before.balancers);
        prop_assert_eq!(&world.table.certificates, &before.certificates);
        prop_assert!(world.table.findings.len() > before.findings.len());
    }

    #[test]
    fn no_object_whatever_its_form_makes_compiling_panic(
        options in any_options(), objects in cluster(), junk in prop::collection::vec((bytes(), bytes()), 1..12),
    ) {
        let mut world = World::of(options, &objects);
        for (made, spoil) in junk {
            let object = spoiled(object(&mut Dice(&made)), &mut Dice(&spoil));
            world.put(std::slice::from_ref(&object));
            if spoil.first().is_some_and(|first| *first > 127) {
                world.delete(&object);
            }
        }
    }
}

#[test]
fn names_that_read_alike_stay_two() {
    let tenant = |namespace: &str, name: &str, address: &str| {
        [
            ingress(namespace, name).path("x.test", "/", "Prefix", name, "80"),
            service(namespace, name).service_port("", 80).annotation("service.sticky.cookie", "true"),
            slice(namespace, name, name).slice_port("", 1).endpoint(&[address]),
        ]
    };
    let world = World::of(options(), &[tenant("a-b", "c", "10.0.0.1"), tenant("a", "b-c", "10.0.0.2")].concat());
    assert_eq!(world.balancers(), ["a-b-c-80: http://10.0.0.1:1", "a-b-c-80: http://10.0.0.2:1"]);
    assert_eq!(world.table.routers.len(), 2);
    for (key, router) in &world.table.routers {
        let crate::model::keys::RouterKey::Path { ingress, .. } = key else { panic!("no path") };
        assert_eq!(world.table.balancers[router.action.balancer()].origin.namespace, ingress.namespace);
    }
}

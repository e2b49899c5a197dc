//! Objects, one JSON document per line, as the API server would send them, one after the other: a line that begins with `-`
//! deletes. In the end the plan is the one that a compiler makes which sees the last state at once.
use pilotage::actors::ingress::IngressKind;
use pilotage::actors::ingress_class::IngressClassKind;
use pilotage::actors::kind::{Kind, Watched, add_to, state::State};
use pilotage::actors::node::NodeKind;
use pilotage::actors::secret::SecretKind;
use pilotage::actors::service::slices::SlicesByService;
use pilotage::actors::service::{ServiceKind, SliceKind};
use pilotage::cluster::lenient::{Lenient, Sparse};
use pilotage::compile::{Compiler, CrossProvider, Options};
use pilotage::messages::watch::Seen;
use pilotage::model::finding::Finding;
use pilotage::model::patch::ModelPatch;
use pilotage::proxy::table::Table;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most lines of an input that are looked at.
const LINES: usize = 24;

/// One input. Its first byte chooses the options.
pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (mut cluster, mut compiler) = (Cluster::default(), Compiler::new(options(*first)));
    let mut table = Table::new(&["web".into(), "websecure".into()]);
    let mut whole = ModelPatch::default();
    for line in rest.split(|byte| *byte == b'\n').take(LINES) {
        let patch = cluster.change(line);
        whole.merge(patch.clone());
        let outcome = compiler.apply(patch);
        table = table.apply(&outcome.plan);
    }
    let mut fresh = Compiler::new(options(*first));
    let outcome = fresh.apply(whole);
    let at_once = Table::new(&["web".into(), "websecure".into()]).apply(&outcome.plan);
    assert_eq!(table.counts(), at_once.counts());
    assert_eq!(routers(&compiler), routers(&fresh));
    assert_eq!(balancers(&compiler), balancers(&fresh));
    assert_eq!(findings(&compiler), findings(&fresh));
}

fn routers(compiler: &Compiler) -> BTreeSet<String> {
    compiler.routers().map(|router| format!("{router:?}")).collect()
}

fn balancers(compiler: &Compiler) -> BTreeSet<String> {
    compiler.balancers().map(|balancer| format!("{balancer:?}")).collect()
}

fn findings(compiler: &Compiler) -> BTreeSet<Finding> {
    compiler.findings().cloned().collect()
}

fn options(bits: u8) -> Options {
    let names: Vec<Arc<str>> = vec!["web".into(), "websecure".into()];
    let on = |bit: u8| bits & (1 << bit) != 0;
    Options {
        default_entry_points: names.clone(),
        entry_points: names,
        allow_empty_services: on(0),
        allow_external_name_services: on(1),
        allow_cross_namespace: on(2),
        cross_provider: if on(3) { CrossProvider::Any } else { CrossProvider::Only(vec!["a".into()]) },
        disable_cluster_scope: on(4),
        native_lb_by_default: on(5),
        strict_prefix_matching: on(6),
        disable_pass_host_headers: on(7),
        ..Options::default()
    }
}

/// What the kind actors know.
struct Cluster {
    ingresses: State<IngressKind>,
    classes: State<IngressClassKind>,
    services: State<ServiceKind>,
    slices: State<SliceKind>,
    secrets: State<SecretKind>,
    nodes: State<NodeKind>,
    joined: SlicesByService,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            ingresses: State::new([]),
            classes: State::new([]),
            services: State::new([]),
            slices: State::new([]),
            secrets: State::new([]),
            nodes: State::new([]),
            joined: SlicesByService::default(),
        }
    }
}

impl Cluster {
    /// What one line changes.
    fn change(&mut self, line: &[u8]) -> ModelPatch {
        let mut patch = ModelPatch::default();
        let (gone, json) = line.strip_prefix(b"-").map_or((false, line), |rest| (true, rest));
        // A deep document is refused by serde_json itself.
        let Ok(document) = serde_json::from_slice::<serde_json::Value>(json) else { return patch };
        match document["kind"].as_str().unwrap_or_default() {
            "Ingress" => take(&mut self.ingresses, json, gone, &mut patch),
            "IngressClass" => take(&mut self.classes, json, gone, &mut patch),
            "Service" => take(&mut self.services, json, gone, &mut patch),
            "Secret" => take(&mut self.secrets, json, gone, &mut patch),
            "Node" => take(&mut self.nodes, json, gone, &mut patch),
            "EndpointSlice" => {
                let Some(seen) = seen::<SliceKind>(json) else { return patch };
                let changed = if gone { self.slices.on_deleted(&seen) } else { self.slices.on_applied(seen) };
                patch.malformed.extend(changed.malformed);
                patch.endpoints.extend(self.joined.apply(changed.facts));
            }
            _ => {}
        }
        patch
    }
}

fn take<K: Kind>(state: &mut State<K>, json: &[u8], gone: bool, patch: &mut ModelPatch)
where
    K::Object: Sparse,
{
    let Some(seen) = seen::<K>(json) else { return };
    let changed = if gone { state.on_deleted(&seen) } else { state.on_applied(seen) };
    add_to(patch, changed);
}

/// As the watch pumps read an object.
fn seen<K: Watched>(json: &[u8]) -> Option<Seen<K::Fact>>
where
    K::Object: Sparse,
{
    let object: Lenient<K::Object> = serde_json::from_slice(json).ok()?;
    let fact = object.object.map(|object| Arc::new(K::parse(&object)));
    let namespace = object.metadata.namespace.map(Into::into);
    Some(Seen { namespace, name: object.metadata.name?.into(), object: fact })
}

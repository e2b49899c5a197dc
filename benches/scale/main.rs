//! What size costs: N Ingresses, N/5 Services with two endpoints each, and then one change at a time.
//!
//! ```text
//! cargo bench --bench scale [-- --sizes 1000,10000,100000 --changes 200 --pilotage PATH]
//! ```
//! Runs the real binary against the embedded API server, or against the cluster that `KUBECONFIG` names (in a namespace of
//! its own, which is removed at the end), and writes `benches/scale.md` with the bounds beside the numbers. Ends with an
//! error if an update that changes nothing was compiled. The measuring is in `measure.rs`, the text in `table.rs`.
#[path = "../common/mod.rs"]
mod common;
mod measure;
mod table;

use common::args::Args;
use common::cluster::{Cluster, Kind};
use common::objects;
use common::origin::Origin;
use common::process::{Program, binary};
use measure::Measured;
use serde_json::Value;

/// Nodes, whose heartbeats must cost nothing.
const NODES: usize = 1_000;
/// Secrets beside the rest.
const SECRETS: usize = 200;

fn main() -> anyhow::Result<()> {
    let args = Args::read(&["sizes", "changes", "pilotage", "output"])?;
    let sizes = args.text("sizes", "1000,10000,100000");
    let sizes = sizes.split(',').map(|size| size.trim().parse()).collect::<Result<Vec<usize>, _>>()?;
    let changes = args.number("changes", 200)?;
    let binary = binary(&args);
    let mut rows = Vec::new();
    for size in sizes {
        rows.push(run(size.max(20), changes, &binary)?);
    }
    let text = table::write(&rows, changes);
    println!("{text}");
    match args.text("output", "scale.md").as_str() {
        "-" => {}
        name => std::fs::write(common::report::file(name), text)?,
    }
    let compiled: u64 = rows.iter().map(|row| row.nothing.compiled).sum();
    anyhow::ensure!(compiled == 0, "updates that change nothing were compiled {compiled} times");
    Ok(())
}

/// The cluster with everything that the changes need.
pub struct World {
    /// The program; first, so that it ends before the API server does.
    pub program: Program,
    /// Where objects are written.
    pub cluster: Cluster,
    /// Two sets of origins, between which endpoints move. All Services begin at the first.
    pub origins: [Origin; 2],
    /// How many Ingresses there were at the start.
    pub size: usize,
}

fn run(size: usize, changes: usize, binary: &str) -> anyhow::Result<Measured> {
    eprintln!("{size} Ingresses: filling the cluster");
    let cluster = Cluster::open(size * 2 + 20 * changes + NODES + SECRETS + 10_000)?;
    let addresses = cluster.origin_addresses()?;
    let origins = [Origin::start("first", &addresses)?, Origin::start("second", &addresses)?];
    fill(&cluster, size, &origins[0])?;
    eprintln!("{size} Ingresses: starting the program");
    let program = Program::start(binary, &cluster.program_options(), cluster.kubeconfig())?;
    measure::all(&mut World { program, cluster, origins, size }, changes)
}

fn fill(cluster: &Cluster, size: usize, origin: &Origin) -> anyhow::Result<()> {
    let services = services(size);
    cluster.fill(Kind::Service, (0..services).map(|number| objects::service(&service(number))))?;
    cluster.fill(Kind::Slice, (0..services).map(|number| objects::slice(&service(number), origin)))?;
    let ingress = |number| objects::ingress(&name(number), &host(number), "/app", &service(number % services));
    cluster.fill(Kind::Ingress, (0..size).map(ingress))?;
    let status = |number: usize| (format!("{}/status", name(number)), objects::ingress_status(number));
    cluster.patch_all(Kind::Ingress, (0..size).map(status))?;
    cluster.fill(Kind::Secret, (0..SECRETS).map(|number| objects::secret(&format!("secret-{number}"), 0)))?;
    if cluster.owns_nodes() {
        let nodes: Vec<Value> = (0..NODES).map(|number| objects::node(&format!("node-{number}"), number)).collect();
        cluster.fill(Kind::Node, nodes.iter().cloned())?;
        // A Node is created without its status, which is then written by its kubelet.
        let status = |(number, node): (usize, &Value)| {
            (format!("node-{number}/status"), serde_json::json!({"status": node["status"]}))
        };
        cluster.patch_all(Kind::Node, nodes.iter().enumerate().map(status))?;
    }
    Ok(())
}

/// How many Services there are for `size` Ingresses.
pub fn services(size: usize) -> usize {
    size / 5
}

/// Name of an Ingress.
pub fn name(number: usize) -> String {
    format!("shop-{number}")
}

/// Host of an Ingress.
pub fn host(number: usize) -> String {
    format!("shop-{number}.bench.example")
}

/// Name of a Service.
pub fn service(number: usize) -> String {
    format!("backend-{number}")
}

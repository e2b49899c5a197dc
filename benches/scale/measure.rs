//! The measurements, one after the other on one running program.
use crate::common::client::{Answer, Connection};
use crate::common::cluster::Kind;
use crate::common::process::Memory;
use crate::common::{now, objects, report};
use crate::{NODES, World, host, name, service, services};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longest wait for a change to be seen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pace of the writes whose processor time is measured.
const PACE: Duration = Duration::from_millis(10);
/// Pace of writes that come alone: each finds the program asleep, and what is put off until later is done before the next.
const ALONE: Duration = Duration::from_millis(150);
/// How many of those there are.
const ALONE_COUNT: usize = 20;
/// Most new Ingresses whose processor time is measured: as many Events are written at once, and each belongs to the cost.
const NEW_INGRESSES: usize = 40;
/// Longest wait until the Events of the start are written, of which there may be 1,000, ten per second.
const EVENTS: Duration = Duration::from_secs(180);
/// Until as many Events as [`NEW_INGRESSES`] may be written at once again.
const REFILL: Duration = Duration::from_secs(5);

/// All numbers of one size.
pub struct Measured {
    pub size: usize,
    /// From the start of the process to `/ready`.
    pub first_table: Duration,
    /// Processor time of that.
    pub first_table_cpu: Duration,
    /// Memory when the program is ready.
    pub at_ready: Memory,
    /// Memory some seconds later: the allocator has given back what only the start needed.
    pub settled: Memory,
    /// Memory at the end of all changes.
    pub at_end: Memory,
    /// Processor time per second without any change, and after the Events of the start.
    pub idle: f64,
    pub new_ingress: Change,
    pub changed_path: Change,
    pub endpoints: Change,
    pub nothing: Nothing,
}

/// What one kind of change costs.
pub struct Change {
    pub p50: Duration,
    pub p99: Duration,
    /// Processor time of one among 100 per second.
    pub cpu: Duration,
    /// Processor time of one that comes alone.
    pub alone: Duration,
}

/// Updates that say nothing new.
pub struct Nothing {
    pub heartbeats: usize,
    pub managed_fields: usize,
    pub statuses: usize,
    /// How often something was compiled for them: patches and Ingresses.
    pub compiled: u64,
    /// Processor time of one.
    pub cpu: Duration,
}

/// Measures everything.
pub fn all(world: &mut World, changes: usize) -> anyhow::Result<Measured> {
    let first_table = world.program.wait_until_ready()?;
    let first_table_cpu = world.program.cpu()?;
    let at_ready = world.program.memory()?;
    eprintln!("  ready after {first_table:?}, {first_table_cpu:?} of processor time, {at_ready:?}");
    std::thread::sleep(Duration::from_secs(5));
    let settled = world.program.memory()?;
    no_events_wait(world)?;
    let idle = idle(world)?;
    let mut connection = Connection::new(world.program.web);
    let new_ingress = new_ingresses(world, &mut connection, changes, idle)?;
    let changed_path = changed_paths(world, &mut connection, changes, idle)?;
    let endpoints = changed_endpoints(world, &mut connection, changes, idle)?;
    let nothing = nothing(world, changes, idle)?;
    let at_end = world.program.memory()?;
    let size = world.size;
    Ok(Measured {
        size,
        first_table,
        first_table_cpu,
        at_ready,
        settled,
        at_end,
        idle,
        new_ingress,
        changed_path,
        endpoints,
        nothing,
    })
}

fn idle(world: &World) -> anyhow::Result<f64> {
    let (start, before) = (now(), world.program.cpu()?);
    std::thread::sleep(Duration::from_secs(3));
    let used = world.program.cpu()?.saturating_sub(before);
    Ok(used.as_secs_f64() / start.elapsed().as_secs_f64())
}

fn new_ingresses(world: &World, at: &mut Connection, changes: usize, idle: f64) -> anyhow::Result<Change> {
    let object = |number: usize| {
        let backend = service(number % services(world.size));
        objects::ingress(&format!("new-{number}"), &format!("new-{number}.bench.example"), "/app", &backend)
    };
    let write = |number: usize| world.cluster.create(Kind::Ingress, &object(number));
    let seen = |at: &mut Connection, number: usize| {
        Ok(at.get(&format!("new-{number}.bench.example"), "/app/x")?.status == 200)
    };
    let delays = delays("new Ingress", at, changes, write, seen)?;
    no_events_wait(world)?;
    std::thread::sleep(REFILL);
    let count = changes.min(NEW_INGRESSES);
    let done = || {
        no_events_wait(world)?;
        seen(at, changes + count - 1)
    };
    let cpu = batch(world, (count, PACE), idle, |number| write(changes + number), done)?;
    std::thread::sleep(REFILL);
    let first = changes + count;
    let done = || {
        no_events_wait(world)?;
        seen(at, first + ALONE_COUNT - 1)
    };
    let alone = batch(world, (ALONE_COUNT, ALONE), idle, |number| write(first + number), done)?;
    Ok(measured("new Ingress", &delays, cpu, alone))
}

/// Waits until all Events are written.
fn no_events_wait(world: &World) -> anyhow::Result<()> {
    let start = now();
    let mut waiting = 1;
    while waiting > 0 {
        ensure!(start.elapsed() < EVENTS, "{waiting} Events are not written after {EVENTS:?}");
        // The actor shows itself every tenth of a second.
        std::thread::sleep(Duration::from_millis(250));
        let state = world.program.actor("event-recorder")?;
        let number = |field: &str| state[field].as_u64().with_context(|| format!("no {field} among the observations"));
        waiting = number("queued")? + number("writing")?;
    }
    Ok(())
}

fn changed_paths(world: &World, at: &mut Connection, changes: usize, idle: f64) -> anyhow::Result<Change> {
    // Spread over all Ingresses.
    let which = |number: usize| number * (world.size / (2 * changes).max(1)).max(1) % world.size;
    let write = |number: usize| {
        let path = objects::rule_path(&format!("/moved-{number}"), &service(which(number) % services(world.size)));
        let rules = json!([{"host": host(which(number)), "http": {"paths": [path]}}]);
        world.cluster.patch(Kind::Ingress, &name(which(number)), &json!({"spec": {"rules": rules}}))
    };
    let seen = |at: &mut Connection, number: usize| {
        Ok(at.get(&host(which(number)), &format!("/moved-{number}/x"))?.status == 200)
    };
    change("changed path", world, at, changes, idle, write, seen)
}

fn changed_endpoints(world: &World, at: &mut Connection, changes: usize, idle: f64) -> anyhow::Result<Change> {
    let count = services(world.size);
    // An Ingress that was not touched by the changes of paths may be any; each Service is asked through an Ingress of its
    // own which is made for it, so that the answer is that of the Service.
    let probe = |number: usize| format!("new-{}.bench.example", number % count);
    let probes = count.min(changes);
    // The new Ingresses of the first measurement lead to these Services.
    let target = |number: usize| world.origins.get((number / probes + 1) % 2);
    let write = |number: usize| {
        let origin = target(number).context("two origins")?;
        let ports = json!([{"name": "http", "port": origin.port, "protocol": "TCP"}]);
        let slice = format!("{}-x7k2p", service(number % probes));
        world.cluster.patch(Kind::Slice, &slice, &json!({"ports": ports}))
    };
    let seen = |at: &mut Connection, number: usize| {
        let Answer { status, origin, .. } = at.get(&probe(number % probes), "/app/x")?;
        ensure!(status == 200, "status {status} while endpoints change");
        Ok(target(number).is_some_and(|target| target.name == origin))
    };
    change("changed endpoints", world, at, changes, idle, write, seen)
}

/// Measures one kind of change: `changes` times the delay, then `changes` times the processor time.
fn change(
    what: &str,
    world: &World,
    at: &mut Connection,
    changes: usize,
    idle: f64,
    write: impl Fn(usize) -> anyhow::Result<()>,
    seen: impl Fn(&mut Connection, usize) -> anyhow::Result<bool>,
) -> anyhow::Result<Change> {
    let delays = delays(what, at, changes, &write, &seen)?;
    std::thread::sleep(Duration::from_millis(300));
    let first = 2 * changes;
    let cpu = batch(world, (changes, PACE), idle, |number| write(changes + number), || seen(at, first - 1))?;
    let last = first + ALONE_COUNT - 1;
    let alone = batch(world, (ALONE_COUNT, ALONE), idle, |number| write(first + number), || seen(at, last))?;
    Ok(measured(what, &delays, cpu, alone))
}

/// From each write until it is seen, sorted.
fn delays(
    what: &str,
    at: &mut Connection,
    changes: usize,
    write: impl Fn(usize) -> anyhow::Result<()>,
    seen: impl Fn(&mut Connection, usize) -> anyhow::Result<bool>,
) -> anyhow::Result<Vec<Duration>> {
    let mut delays = Vec::with_capacity(changes);
    for number in 0..changes {
        let start = now();
        write(number)?;
        until(start, what, || seen(at, number))?;
        delays.push(start.elapsed());
        // The program shall be at rest before the next one.
        std::thread::sleep(Duration::from_millis(5));
    }
    delays.sort();
    Ok(delays)
}

fn measured(what: &str, delays: &[Duration], cpu: Duration, alone: Duration) -> Change {
    let (p50, p99) = (report::percentile(delays, 50), report::percentile(delays, 99));
    eprintln!("  {what}: p50 {p50:?}, p99 {p99:?}, processor {cpu:?}, alone {alone:?}");
    Change { p50, p99, cpu, alone }
}

/// Processor time of one of `count` writes, one per `pace`.
fn batch(
    world: &World,
    (count, pace): (usize, Duration),
    idle: f64,
    write: impl Fn(usize) -> anyhow::Result<()>,
    mut done: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<Duration> {
    let (start, before) = (now(), world.program.cpu()?);
    let mut due = start;
    for number in 0..count {
        write(number)?;
        due += pace;
        std::thread::sleep(due.saturating_duration_since(now()));
    }
    // Nobody has asked so far; the last one is seen with a few requests.
    until(now(), "the last of a batch", || {
        std::thread::sleep(Duration::from_millis(20));
        done()
    })?;
    // The observation for the debug page is part of the cost.
    std::thread::sleep(Duration::from_millis(150));
    let used = world.program.cpu()?.saturating_sub(before);
    let rest = Duration::from_secs_f64(idle * start.elapsed().as_secs_f64());
    Ok(used.saturating_sub(rest) / u32::try_from(count.max(1))?)
}

fn until(start: Instant, what: &str, mut holds: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    while !holds()? {
        ensure!(start.elapsed() < PATIENCE, "{what}: not seen within {PATIENCE:?}");
    }
    Ok(())
}

/// Heartbeats of all Nodes, managed fields, statuses: counted by the actors, compiled by nobody.
fn nothing(world: &World, changes: usize, idle: f64) -> anyhow::Result<Nothing> {
    let heartbeats = if world.cluster.owns_nodes() { NODES } else { 0 };
    let count = changes.min(world.size);
    let before = Counters::read(world)?;
    let all_seen = |more: u64| {
        move || {
            let seen = Counters::read(world)?;
            Ok(seen.ingresses >= before.ingresses + more && seen.nodes >= before.nodes + heartbeats as u64)
        }
    };
    let write = |number: usize| match number.checked_sub(heartbeats) {
        None => heartbeat(world, number),
        Some(number) if number < count => {
            let fields = objects::managed_fields(&format!("2026-02-01T00:00:{:02}Z", number % 60));
            world.cluster.patch(Kind::Ingress, &name(number), &json!({"metadata": {"managedFields": fields}}))
        }
        Some(number) => {
            let name = format!("{}/status", name(number - count));
            world.cluster.patch(Kind::Ingress, &name, &objects::ingress_status(number + 7))
        }
    };
    let cpu = batch(world, (heartbeats + 2 * count, PACE), idle, write, all_seen(2 * count as u64))?;
    let compiled = Counters::read(world)?.compiled - before.compiled;
    eprintln!("  nothing new: compiled {compiled} times, processor {cpu:?}");
    Ok(Nothing { heartbeats, managed_fields: count, statuses: count, compiled, cpu })
}

fn heartbeat(world: &World, number: usize) -> anyhow::Result<()> {
    let conditions = objects::conditions(&format!("2026-01-01T00:05:{:02}Z", number % 60));
    world.cluster.patch(Kind::Node, &format!("node-{number}/status"), &json!({"status": {"conditions": conditions}}))
}

#[derive(Clone, Copy)]
struct Counters {
    /// Events without news.
    ingresses: u64,
    nodes: u64,
    /// Patches and Ingresses compiled.
    compiled: u64,
}

impl Counters {
    fn read(world: &World) -> anyhow::Result<Self> {
        let number = |state: &Value, field: &str| {
            state[field].as_u64().with_context(|| format!("no {field} among the observations"))
        };
        let compiler = world.program.actor("compiler")?;
        Ok(Self {
            ingresses: number(&world.program.actor("ingress")?, "unchanged")?,
            nodes: number(&world.program.actor("node")?, "unchanged")?,
            compiled: number(&compiler, "patches")? + number(&compiler, "compiledIngresses")?,
        })
    }
}

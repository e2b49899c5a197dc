//! The numbers as `benches/scale.md`, each bound beside what was measured.
use crate::common::report::{machine, megabytes, milliseconds};
use crate::measure::{Change, Measured};
use std::fmt::Write;
use std::time::Duration;

/// Most memory by number of Ingresses, in MB.
const MEMORY: &[(usize, f64)] = &[(1_000, 60.0), (10_000, 100.0), (100_000, 500.0)];
/// Most processor time for the first table of 100,000 Ingresses, in ms.
const FIRST_TABLE: f64 = 10_000.0;
/// Most processor time of one change, in ms.
const CHANGE: f64 = 1.0;
/// Most processor time of one change of endpoints, in ms.
const ENDPOINTS: f64 = 0.3;
/// Longest p50 from the write to the first answer, in ms.
const DELAY: f64 = 10.0;

/// The whole text.
pub fn write(rows: &[Measured], changes: usize) -> String {
    let nodes = rows.first().map_or(0, |row| row.nothing.heartbeats);
    let mut text = format!(
        "# What size costs\n\nWritten by `cargo bench --bench scale`. N Ingresses with a host each, N/5 Services with two \
         endpoints each, 200 Secrets\nand {nodes} Nodes of ours; {changes} changes of each sort. One proxy worker, no \
         throttling, log level WARN. Everything runs on\none machine, and the API server is {}: {}.\n\n",
        if nodes > 0 { "the embedded one" } else { "that of `KUBECONFIG`" },
        machine()
    );
    let sizes: Vec<String> = rows.iter().map(|row| format!("N = {}", row.size)).collect();
    line(&mut text, "", &sizes, "bound");
    let rule: Vec<String> = rows.iter().map(|_| "---:".to_owned()).collect();
    line(&mut text, "---", &rule, "---");
    first_table(&mut text, rows);
    memory(&mut text, rows);
    changes_of(&mut text, rows, "a new Ingress and its Event", |row| &row.new_ingress, CHANGE);
    changes_of(&mut text, rows, "a changed path", |row| &row.changed_path, CHANGE);
    changes_of(&mut text, rows, "changed endpoints", |row| &row.endpoints, ENDPOINTS);
    nothing(&mut text, rows);
    text.push_str(
        "\nDelays are from the start of the write to the API server until a request is answered by the changed table. \
         Processor\ntime of one change is that of the whole process over a batch without requests (100 per second; alone: \
         one each 150 ms),\nless what it uses when idle: once all Events of the start are written, of which there are up to \
         1,000, ten per second.\nProcessor time is read from `/proc/PID/task/*/schedstat`, memory from `/proc/PID/status`.\n",
    );
    text
}

fn first_table(text: &mut String, rows: &[Measured]) {
    row(text, rows, "first complete table, s", "", |row| (format!("{:.2}", row.first_table.as_secs_f64()), None));
    row(text, rows, "processor time of that, ms", "10,000 at N = 100,000", |row| {
        let used = milliseconds(row.first_table_cpu);
        (format!("{used:.0}"), (row.size == 100_000).then_some(used <= FIRST_TABLE))
    });
}

fn memory(text: &mut String, rows: &[Measured]) {
    row(text, rows, "memory when ready, MB", "", |row| (format!("{:.1}", megabytes(row.at_ready.resident)), None));
    row(text, rows, "memory at rest, MB", "60, 100, 500", |row| held(row.size, row.settled.resident));
    row(text, rows, "memory after all changes, MB", "60, 100, 500", |row| held(row.size, row.at_end.resident));
    row(text, rows, "peak, MB", "", |row| (format!("{:.1}", megabytes(row.at_end.peak)), None));
}

fn held(size: usize, bytes: u64) -> (String, Option<bool>) {
    let used = megabytes(bytes);
    let bound = MEMORY.iter().find(|(of, _)| *of == size).map(|(_, bound)| *bound);
    (format!("{used:.1}"), bound.map(|bound| used <= bound))
}

fn changes_of(text: &mut String, rows: &[Measured], what: &str, of: fn(&Measured) -> &Change, cpu: f64) {
    row(text, rows, &format!("{what}: write to first answer, p50, ms"), &format!("{DELAY}"), |row| {
        let delay = milliseconds(of(row).p50);
        (format!("{delay:.2}"), Some(delay <= DELAY))
    });
    row(text, rows, &format!("{what}: p99, ms"), "", |row| (format!("{:.2}", milliseconds(of(row).p99)), None));
    let mut processor = |which: &str, time: fn(&Change) -> Duration| {
        row(text, rows, &format!("{what}: processor time{which}, ms"), &format!("{cpu}"), |row| {
            let used = milliseconds(time(of(row)));
            (format!("{used:.3}"), Some(used <= cpu))
        });
    };
    processor("", |change| change.cpu);
    processor(" of one alone", |change| change.alone);
}

fn nothing(text: &mut String, rows: &[Measured]) {
    row(text, rows, "updates without news (heartbeats, managed fields, status)", "", |row| {
        let nothing = &row.nothing;
        (format!("{} + {} + {}", nothing.heartbeats, nothing.managed_fields, nothing.statuses), None)
    });
    row(text, rows, "compiled for them", "0", |row| {
        (row.nothing.compiled.to_string(), Some(row.nothing.compiled == 0))
    });
    row(text, rows, "processor time of one, ms", "", |row| (format!("{:.3}", milliseconds(row.nothing.cpu)), None));
    row(text, rows, "idle, processor time per second, ms", "", |row| (format!("{:.2}", row.idle * 1e3), None));
}

/// One row: for each size its text, and whether the bound holds.
fn row(
    text: &mut String,
    rows: &[Measured],
    name: &str,
    bound: &str,
    cell: impl Fn(&Measured) -> (String, Option<bool>),
) {
    let cells = rows.iter().map(|row| match cell(row) {
        (shown, None) => shown,
        (shown, Some(true)) => format!("{shown} ✓"),
        (shown, Some(false)) => format!("**{shown}** ✗"),
    });
    let cells: Vec<String> = cells.collect();
    line(text, name, &cells, bound);
}

fn line(text: &mut String, name: &str, cells: &[String], bound: &str) {
    // Writing to a String cannot fail.
    writeln!(text, "| {name} | {} | {bound} |", cells.join(" | ")).unwrap_or_default();
}

//! The page. Each number is the median of the rounds; each ratio is the median of the ratios round by round, in which
//! whatever else the machine did at the time meets both sides.
use crate::machine::{self, Cores};
use crate::measure::{Results, Round, Row};
use crate::options::Options;
use crate::proxies::Peer;
use crate::scenario::{FLAT_GOAL, GOALS, Goal, Load};
use crate::tools::Tools;

/// Those that ratios are given to.
const REFERENCES: [Peer; 3] = [Peer::Nginx, Peer::Haproxy, Peer::Traefik];

/// All results as Markdown.
pub fn page(results: &[Results], options: &Options, tools: &Tools, cores: Cores) -> String {
    let mut page = head(options, tools, cores);
    page.push_str(&goals(results));
    for result in results {
        let Results { scenario, rows } = result;
        page.push_str(&format!("\n## {} (`{}`)\n\n", scenario.title, scenario.name));
        page.push_str(&if scenario.load == Load::Flat { flat_table(rows) } else { table(rows) });
        page.push_str(&negotiated(rows));
    }
    page
}

fn head(options: &Options, tools: &Tools, cores: Cores) -> String {
    let args = if options.shown.is_empty() { String::new() } else { format!(" -- {}", options.shown.join(" ")) };
    let proxies: Vec<String> = tools.proxies.iter().map(|tool| format!("{} {}", tool.peer, tool.version)).collect();
    let skipped: Vec<String> = tools.skipped.iter().map(|peer| format!("{peer} skipped: not to be had")).collect();
    let mut loads = vec![format!("wrk {}", tools.wrk.version)];
    loads.extend(tools.h2load.iter().map(|h2load| format!("h2load {}", h2load.version)));
    let versions = [proxies, skipped, loads].concat().join(", ");
    let (hosts, rounds, seconds) = (options.hosts, options.rounds, options.measurement.as_secs());
    format!(
        "# Pilotage beside other proxies\n\n\
         Written by `cargo bench --bench peers{args}`.\n\n\
         - Machine: {} x {}, Linux {}; {cores}.\n\
         - Versions: {versions}.\n\
         - Each number is the median of {rounds} rounds of {seconds} s; all proxies of a table run at the same time and are \
         measured in turn. A ratio is the median of the rounds' ratios.\n\
         - CPU is user and system time of all processes of the proxy, divided by the requests answered. Core busy is that \
         time as a share of its core: well below 100% the load was the limit, and requests/s say little. Memory is the sum \
         of their resident sizes after the last round.\n\
         - All: one worker, HTTP/1.1 (but for `h2` on the side of the clients), connections kept on both sides, no access \
         log, the same forwarding headers added. With TLS: the same certificate, ECDSA P-256, which Pilotage has from a \
         Secret that each Ingress names; tickets and session caches as each has them by itself. The load alone chooses \
         version, suite and group, and resumes no session.\n\
         - Pilotage has {hosts} hosts loaded in every table, one Ingress each, from an API server over HTTP. The others \
         have one host, and {hosts} only in the table `hosts`: a server block, map entry, router or route for each.\n\n",
        machine::core_count(),
        machine::processor(),
        machine::kernel(),
    )
}

fn table(rows: &[Row]) -> String {
    let present: Vec<&Row> = REFERENCES.iter().filter_map(|peer| row_of(rows, *peer)).collect();
    let mut text = "| Proxy | Hosts | Requests/s | p50 | p99 | Core busy | CPU per request |".to_owned();
    for reference in &present {
        text.push_str(&format!(" to {} |", reference.peer));
    }
    text.push_str(" Memory | Errors |\n|---|--:|--:|--:|--:|--:|--:|");
    text.push_str(&"--:|".repeat(present.len() + 2));
    text.push('\n');
    for row in rows {
        text.push_str(&start_of(row, &row.peer.to_string()));
        for reference in &present {
            text.push_str(&format!(" {:.2} |", ratio(row, reference)));
        }
        text.push_str(&end_of(row));
    }
    text
}

/// What the proxies agreed to with the clients, if that was TLS.
fn negotiated(rows: &[Row]) -> String {
    let each: Vec<String> = rows.iter().filter_map(|row| Some(row.negotiated.as_ref()?.to_string())).collect();
    match each.as_slice() {
        [] => String::new(),
        [first, rest @ ..] if rest.iter().all(|other| other == first) => format!("\nNegotiated with all: {first}.\n"),
        all => {
            let each = rows.iter().zip(all).map(|(row, negotiated)| format!("with {} {negotiated}", row.peer));
            format!("\nNegotiated {}.\n", each.collect::<Vec<String>>().join("; "))
        }
    }
}

fn flat_table(rows: &[Row]) -> String {
    let fewest = rows.first();
    let few = fewest.map_or(0, |row| row.hosts);
    let mut text = format!(
        "| Proxy | Hosts | Requests/s | p50 | p99 | Core busy | CPU per request | to {few} hosts | Memory | Errors |\n"
    );
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for row in rows {
        text.push_str(&start_of(row, &row.peer.to_string()));
        text.push_str(&format!(" {:.2} |", fewest.map_or(f64::NAN, |fewest| ratio(row, fewest))));
        text.push_str(&end_of(row));
    }
    text
}

fn start_of(row: &Row, name: &str) -> String {
    let milliseconds = |duration: fn(&Round) -> std::time::Duration| {
        format!("{:.2} ms", median(row.rounds.iter().map(|round| duration(round).as_secs_f64() * 1e3)))
    };
    format!(
        "| {name} | {} | {:.0} | {} | {} | {:.0}% | {:.1} us |",
        row.hosts,
        median(row.rounds.iter().map(Round::rate)),
        milliseconds(|round| round.counted.p50),
        milliseconds(|round| round.counted.p99),
        median(row.rounds.iter().map(Round::busy)) * 100.0,
        median(row.rounds.iter().map(Round::cpu_per_request)),
    )
}

fn end_of(row: &Row) -> String {
    let errors: u64 = row.rounds.iter().map(|round| round.counted.errors).sum();
    format!(" {} MB | {errors} |\n", row.memory / 1_000_000)
}

/// What was to be shown, and whether it was.
fn goals(results: &[Results]) -> String {
    let mut lines = String::new();
    for Results { scenario, rows } in results {
        let line = |of: &str, ratio: f64, at_most: f64| {
            let verdict = if ratio <= at_most { "yes" } else { "**no**" };
            format!("| `{}` | {of} | {at_most:.2} | {ratio:.2} | {verdict} |\n", scenario.name)
        };
        if scenario.load == Load::Flat {
            if let (Some(few), Some(many)) = (rows.first(), rows.last()) {
                lines.push_str(&line(&format!("{} hosts to {}", many.hosts, few.hosts), ratio(many, few), FLAT_GOAL));
            }
            continue;
        }
        let Some(ours) = row_of(rows, Peer::Pilotage) else { continue };
        for Goal { scenario: of, of: peer, at_most } in GOALS {
            let meant = of.map_or(scenario.name != "handshakes", |name| name == scenario.name);
            if let Some(theirs) = row_of(rows, peer).filter(|_| meant) {
                lines.push_str(&line(&format!("Pilotage to {peer}"), ratio(ours, theirs), at_most));
            }
        }
    }
    if lines.is_empty() {
        return lines;
    }
    "## CPU per request: what must hold\n\n| Table | Ratio | At most | Measured | Holds |\n|---|---|--:|--:|---|\n"
        .to_owned()
        + &lines
}

fn row_of(rows: &[Row], peer: Peer) -> Option<&Row> {
    rows.iter().find(|row| row.peer == peer)
}

/// CPU time per request of `row` as a multiple of that of `reference`.
fn ratio(row: &Row, reference: &Row) -> f64 {
    median(
        row.rounds
            .iter()
            .zip(&reference.rounds)
            .map(|(ours, theirs)| ours.cpu_per_request() / theirs.cpu_per_request().max(f64::EPSILON)),
    )
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.as_slice() {
        [] => f64::NAN,
        all if all.len() % 2 == 1 => all.get(middle).copied().unwrap_or(f64::NAN),
        all => all.get(middle - 1..=middle).map_or(f64::NAN, |pair| pair.iter().sum::<f64>() / 2.0),
    }
}

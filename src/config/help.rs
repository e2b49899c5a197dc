//! The table as text: for `--help`, and for `docs/options.md`, which a test holds to it.
use std::fmt::Write;

use super::table::{self, Kind, OptionRow, Support};

/// What `--help` prints.
pub fn help_text() -> String {
    let mut out = String::from(
        "Pilotage, a Kubernetes ingress controller with its own proxy.\n\n\
         Usage:\n  pilotage [OPTIONS]                run\n  \
         pilotage print-config [OPTIONS]   print the options that count, and where each was given\n  \
         pilotage version                  print the version\n  pilotage --help                   print this\n\n\
         Names are taken in any case, with one or two dashes. Durations are seconds or Go durations\n\
         (90, 1m30s, 500ms); lists are separated by commas, or given one by one as --name[0]=item.\n\n\
         Each option is taken from the first of these that has it:\n  \
         1. arguments                 --entryPoints.web.address=:80\n  \
         2. environment variables     PILOTAGE_ENTRYPOINTS_WEB_ADDRESS=:80\n  \
         3. the same                  TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80\n  \
         4. one YAML or TOML file     that of --configFile, or pilotage or traefik with .toml, .yaml or .yml in\n                               \
         /etc/pilotage, /etc/traefik, $XDG_CONFIG_HOME, $HOME/.config or the working directory\n  \
         5. the default\n\nOptions:\n",
    );
    for row in table::rows().filter(|row| row.is_current()) {
        let lines = format!("  --{}{}\n      {}{}\n", row.path, placeholder(row.kind), row.help, remarks(row));
        out.push_str(&lines);
    }
    out
}

fn placeholder(kind: Kind) -> String {
    match kind {
        Kind::Bool | Kind::Presence => "[=true|false]".to_owned(),
        Kind::Int { .. } => "=NUMBER".to_owned(),
        Kind::Duration => "=DURATION".to_owned(),
        Kind::Text | Kind::Secret => "=TEXT".to_owned(),
        Kind::List => "=ITEM,...".to_owned(),
        Kind::Enum(words) => format!("={}", words.join("|")),
        Kind::Address => "=[HOST]:PORT".to_owned(),
        Kind::Section => "[...]".to_owned(),
    }
}

fn remarks(row: &OptionRow) -> String {
    let default = if row.default.is_empty() { String::new() } else { format!(" (default {})", row.default) };
    let support = match row.support {
        Support::Works | Support::Gone(_) | Support::Elsewhere(_) => String::new(),
        Support::Ignored(why) => format!(" [ignored: {why}]"),
        Support::Refused(_) => " [planned; refused until then]".to_owned(),
    };
    default + &support
}

/// The content of `docs/options.md`.
pub fn options_markdown() -> String {
    let mut out = String::from(
        "# Static options\n\n\
         Made from the table in `src/config/table.rs` (`UPDATE_DOCS=1 cargo test --lib options_page` writes it anew).\n\n\
         Each option is taken from the first of these sources that has it; `pilotage print-config` shows the outcome,\n\
         with secrets hidden. Names are taken in any case; `<name>` is yours to choose and keeps its case.\n\n\
         | | Source | Example | How |\n|---|---|---|---|\n\
         | 1 | arguments | `--entryPoints.web.address=:80` | one or two dashes; a bare yes/no option or object means `true`; a value given twice: the last counts, a list grows |\n\
         | 2 | environment, ours | `PILOTAGE_ENTRYPOINTS_WEB_ADDRESS=:80` | `_` separates levels, so no `_` in `<name>`; it is lower case, unless an argument or the file has it in another case |\n\
         | 3 | environment, Traefik's | `TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80` | the same |\n\
         | 4 | one file, YAML or TOML | `entryPoints: {web: {address: \":80\"}}` | the one that `configFile` names, or the first of `pilotage` and `traefik` with `.toml`, `.yaml`, `.yml` in `/etc/pilotage`, `/etc/traefik`, `$XDG_CONFIG_HOME`, `$HOME/.config`, the working directory; at most 1 MiB |\n\
         | 5 | the default | | |\n\n\
         An object comes to life when anything below it is given, unless an equally strong or stronger source says\n\
         `false`. Lists: commas, `--name[0]=item`, `NAME_0=item`, or an array in a file; the strongest source gives the\n\
         whole list. Durations: seconds, or Go durations such as `1m30s`. In a file, a key without a value gives nothing;\n\
         objects are `{}`. In the environment and in a file an option may be given once only.\n\n\
         Every mistake of every source is reported at once, with its argument, variable, or file and line, and the\n\
         exit status is 2: unknown names, values of the wrong kind, options that this version does not have.\n\n\
         Kubernetes puts variables such as `TRAEFIK_SERVICE_HOST`, `PILOTAGE_PORT_80_TCP_ADDR` or `TRAEFIK_METRICS_PORT`\n\
         into every pod of a namespace that has a Service `traefik`, `pilotage` or `traefik-metrics`. They are known by\n\
         their shape and left alone (`print-config` lists them); `enableServiceLinks: false` in the pod keeps them away.\n\
         `PILOTAGE_LOG` is the filter of the log and no option.\n\n\
         | Support | Meaning |\n|---|---|\n\
         | yes | it does what it says |\n\
         | ignored | accepted; there is nothing that it could do here |\n\
         | refused | known, but not built: the program does not start, because leaving it out in silence could be dangerous |\n",
    );
    let mut part = "";
    for row in table::rows().filter(|row| row.is_current()) {
        let first = row.segments().next().unwrap_or_default();
        if first != part {
            part = first;
            push(
                &mut out,
                format_args!(
                    "\n## {first}\n\n| Option | Value | Default | Meaning | Support |\n|---|---|---|---|---|\n"
                ),
            );
        }
        push(&mut out, format_args!("{}\n", markdown_row(row)));
    }
    let elsewhere = table::rows().filter(|row| matches!(row.support, Support::Elsewhere(_)));
    let names: Vec<String> = elsewhere.map(|row| format!("`{}`", row.path)).collect();
    push(
        &mut out,
        format_args!(
            "\n## No static options\n\n{} at the top of a file are Traefik's dynamic configuration. They are refused with a \
             hint.\n",
            names.join(", ")
        ),
    );
    out.push_str("\n## Names of older versions\n\nThey are refused with a hint.\n\n| Option | Today |\n|---|---|\n");
    for row in table::rows() {
        if let Support::Gone(today) = row.support {
            push(&mut out, format_args!("| `{}` | {today} |\n", row.path));
        }
    }
    out
}

fn markdown_row(row: &OptionRow) -> String {
    let default = if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) };
    let (meaning, support) = match row.support {
        Support::Works | Support::Gone(_) | Support::Elsewhere(_) => (row.help.to_owned(), "yes"),
        Support::Ignored(why) => (format!("{} ({why})", row.help), "ignored"),
        Support::Refused(_) => (row.help.to_owned(), "refused"),
    };
    format!("| `{}` | {} | {default} | {} | {support} |", row.path, value_words(row.kind), meaning.replace('|', "\\|"))
}

fn value_words(kind: Kind) -> String {
    match kind {
        Kind::Bool => "yes/no".to_owned(),
        Kind::Presence => "object".to_owned(),
        Kind::Int { min, max } => format!("{min} to {max}"),
        Kind::Duration => "duration".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Secret => "secret text".to_owned(),
        Kind::List => "list".to_owned(),
        Kind::Enum(words) => words.join(", "),
        Kind::Address => "address".to_owned(),
        Kind::Section => "all below it".to_owned(),
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1` writes the page instead.
    #[test]
    fn the_options_page_says_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/options.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, options_markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == options_markdown(), "docs/options.md is out of date; run with UPDATE_DOCS=1");
    }

    #[test]
    fn help_names_every_option_with_its_default_and_marks_what_is_not_there_yet() {
        let help = help_text();
        for row in table::rows().filter(|row| row.is_current()) {
            assert!(help.contains(&format!("  --{}", row.path)), "{}", row.path);
        }
        assert!(help.contains("(default 180s)"));
        assert!(help.contains("[planned; refused until then]"));
        assert!(!help.contains("--pilot["));
    }
}

//! The page of `/debug/actors` for people: one table, no script, nothing loaded from elsewhere.
//!
//! Everything that is not written in this file goes through [`escaped`]: names of objects are chosen by users.
use crate::messages::debug::Observation;
use serde_json::Value;
use std::fmt::Write;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Pilotage: actors</title>\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b1f24;background:#fff}\n\
h1{font-size:1.3rem}table{border-collapse:collapse;width:100%}\n\
th,td{text-align:left;vertical-align:top;padding:.4rem .7rem;border-bottom:1px solid #d5dae0}\n\
th{font-weight:600}td.n{text-align:right;font-variant-numeric:tabular-nums}\n\
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 .7rem;margin:0}dd{margin:0;overflow-wrap:anywhere}\n\
.error{color:#a40e26}a{color:#0b5cad}\n\
@media(prefers-color-scheme:dark){body{color:#dfe3e8;background:#14171b}th,td{border-color:#383e46}\
.error{color:#ff8b98}a{color:#7cb8ff}}\n</style>\n</head>\n<body>\n";

const TABLE: &str = "<table>\n<thead><tr><th>Actor</th><th>Holds</th><th>Queued</th><th>Handled</th><th>Last message</th>\
<th>Restarts</th><th>Last error</th></tr></thead>\n<tbody>\n";

/// The page.
pub fn actors(observed: &[Observation]) -> String {
    let mut page = String::with_capacity(2048 + 512 * observed.len());
    page.push_str(HEAD);
    page.push_str("<h1>Actors</h1>\n<p>What each actor last showed of itself. As JSON: <code>curl");
    page.push_str(" .../debug/actors</code>; objects with problems: <a href=\"/debug/findings\">findings</a>.</p>\n");
    page.push_str(TABLE);
    for observation in observed {
        row(&mut page, observation);
    }
    if observed.is_empty() {
        page.push_str("<tr><td colspan=\"7\">No actor has shown anything yet.</td></tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</body>\n</html>\n");
    page
}

fn row(page: &mut String, observation: &Observation) {
    let Observation { actor, last_message, handled, queued, restarts, last_error, state } = observation;
    // Writing to a String cannot fail.
    write!(page, "<tr><td>{}</td><td>", escaped(actor)).unwrap_or_default();
    value(page, &state.to_json());
    writeln!(
        page,
        "</td><td class=\"n\">{queued}</td><td class=\"n\">{handled}</td><td>{}</td><td class=\"n\">{restarts}</td>\
         <td class=\"error\">{}</td></tr>",
        escaped(last_message),
        escaped(last_error.as_deref().unwrap_or_default()),
    )
    .unwrap_or_default();
}

/// A state: its fields as a list, whatever is nested as JSON.
fn value(page: &mut String, state: &Value) {
    match state {
        Value::Object(fields) => {
            page.push_str("<dl>");
            for (name, field) in fields {
                let field = match field {
                    Value::String(text) => escaped(text),
                    other => escaped(&other.to_string()),
                };
                write!(page, "<dt>{}</dt><dd>{field}</dd>", escaped(name)).unwrap_or_default();
            }
            page.push_str("</dl>");
        }
        Value::Null => {}
        other => page.push_str(&escaped(&other.to_string())),
    }
}

/// `text` for use between tags and inside quoted attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::observation;
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn names_of_users_cannot_become_markup() {
        let script = "<script>alert('x')</script>";
        let mut nasty = observation("ingress");
        nasty.state = Arc::new(json!({"objects": 2, script: [script], "latest": "a\" onload=\"b"}));
        nasty.last_error = Some(script.into());
        let page = actors(&[nasty]);
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("a\" onload"), "{page}");
        assert!(page.contains("<dt>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</dt>"), "{page}");
    }

    #[test]
    fn each_actor_has_a_row_with_what_it_holds() {
        let page = actors(&[observation("ingress"), observation("throttler")]);
        assert_eq!(page.matches("<tr><td>").count(), 2);
        assert!(
            page.contains("<tr><td>ingress</td><td><dl><dt>objects</dt><dd>3</dd></dl></td><td class=\"n\">1</td>")
        );
        assert!(actors(&[]).contains("No actor has shown anything yet."));
    }

    #[test]
    fn the_page_loads_nothing_and_never_reloads() {
        let page = actors(&[observation("ingress")]);
        for forbidden in ["http://", "https://", "src=", "url(", "refresh", "<script", "<link"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    proptest! {
        #[test]
        fn escaped_text_holds_no_markup(text in ".*") {
            let written = escaped(&text);
            let markup = written.contains(['<', '>', '"', '\'']);
            prop_assert!(!markup);
        }
    }
}

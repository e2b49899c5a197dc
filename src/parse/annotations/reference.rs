//! The reference page `docs/annotations.md`, written from the table. A test compares; `UPDATE_DOCS=1` rewrites.
use super::{CLASS, Class, PREFIX, Root, TABLE};

/// The page as Markdown.
pub fn reference() -> String {
    let mut page = format!(
        "# Annotations\n\n\
         Written from the table in `src/parse/annotations.rs`; run the tests with `UPDATE_DOCS=1` to write it anew.\n\n\
         All keys begin with `{PREFIX}` and are read in any case. `N` stands for a number. A *guard* decides who may pass\n\
         or how safely. An unknown key below `router.` or `service.`, or a value that does not read, is an error: the\n\
         Ingress, or every path to the Service, is left out and a finding says why.\n\n\
         | Type | Written as |\n|---|---|\n\
         | text | as it is |\n\
         | list | items between commas |\n\
         | bool | `true` or `false` |\n\
         | int | a whole number |\n\
         | block | `true` or empty switches it on, any key below it too; anything else switches it off |\n\
         | blocks | numbered blocks below it |\n"
    );
    for (root, title) in [(Root::Router, "On an Ingress"), (Root::Service, "On a Service")] {
        section(&mut page, root, title);
    }
    page.push_str(&format!("\n`{CLASS}` on an Ingress names its class where `spec.ingressClassName` is absent.\n"));
    page
}

fn section(page: &mut String, root: Root, title: &str) {
    page.push_str(&format!("\n## {title}\n\n| Key | Type | Default | Class | Meaning |\n|---|---|---|---|---|\n"));
    for row in TABLE.iter().filter(|row| row.key.split('.').next() == Some(root.word())) {
        let class = match row.class {
            Class::Guard => "guard",
            Class::Tune => "tune",
        };
        let default = if row.default.is_empty() { "-" } else { row.default };
        page.push_str(&format!("| `{}` | {} | {default} | {class} | {} |\n", row.key, row.kind.as_str(), row.help));
    }
}

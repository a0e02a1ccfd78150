//! What the pages share: one file without network, light and dark, for screen and paper.

use std::fmt::Write as _;

use lookback_benchmarks::Table;
use lookback_benchmarks::experiment::figure::Figure;

use super::table::is_numeric;
use crate::inspect::colour;
use crate::report::figures::{self, Theme, escape};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The whole page around its header and main part.
pub(super) fn whole(title: &str, content: &str) -> String {
    let title = escape(title);
    let (light, dark) = figures::css_variables();
    let style = STYLE.replace("/*figures-light*/", &light).replace("/*figures-dark*/", &dark);
    let stops: Vec<String> = (0..10)
        .map(|stop| {
            let [red, green, blue] = colour(f64::from(stop) / 9.0);
            format!("rgb({red} {green} {blue})")
        })
        .collect();
    let style = style.replace("/*heat*/", &stops.join(", "));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"lookback\">\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
         {content}<footer>Written by lookback. This page needs no network.</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// A name with its value, inside of a list of facts.
pub(super) fn fact(page: &mut String, name: &str, class: &str, value: &str) {
    let _ = writeln!(page, "<div><dt>{}</dt><dd class=\"{class}\">{}</dd></div>", escape(name), escape(value));
}

/// A command line to copy.
pub(super) fn command(page: &mut String, command: &str) {
    let _ = writeln!(
        page,
        "<div class=\"command\"><pre id=\"command\" aria-label=\"Command\"><code>{}</code></pre>\
         <button type=\"button\" class=\"script-only\" data-copies=\"command\">Copy</button></div>",
        escape(command)
    );
}

/// A figure with its title and caption.
pub(super) fn figure(page: &mut String, figure: &Figure) {
    let _ = write!(
        page,
        "<figure id=\"figure-{}\">\n<h3>{}</h3>\n{}<figcaption>{}</figcaption>\n</figure>\n",
        escape(&figure.id),
        escape(&figure.title),
        figures::svg(figure, Theme::Page),
        escape(&figure.caption)
    );
}

/// A table that sorts by the column whose title is pressed.
pub(super) fn table(page: &mut String, id: &str, table: &Table) {
    let class = |column| if is_numeric(table, column) { " class=\"number\"" } else { "" };
    let classes: Vec<_> = (0..table.columns.len()).map(class).collect();
    let _ = write!(page, "<div class=\"scroll\"><table id=\"{id}\" class=\"sortable\">\n<thead><tr>");
    for (column, class) in table.columns.iter().zip(&classes) {
        let _ = write!(
            page,
            "<th scope=\"col\"{class} aria-sort=\"none\"><button type=\"button\">{}</button></th>",
            escape(column)
        );
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for (cell, class) in row.iter().zip(&classes) {
            let _ = write!(page, "<td{class}>{}</td>", escape(cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
}

/// Where it was computed, and of what: `summary` names the JSON.
pub(super) fn how(page: &mut String, environment: &[(String, String)], summary: &str, json: &str) {
    page.push_str("<section aria-labelledby=\"how\">\n<h2 id=\"how\">How it was run</h2>\n");
    page.push_str("<div class=\"scroll\"><table>\n<tbody>\n");
    for (name, value) in environment {
        let _ = writeln!(page, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(value));
    }
    page.push_str("</tbody>\n</table></div>\n");
    let _ = write!(
        page,
        "<p></p>\n<details><summary>{}</summary><pre><code>{}</code></pre></details>\n</section>\n",
        escape(summary),
        escape_block(json)
    );
}

/// Escapes text whose line breaks stay.
fn escape_block(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Escapes text and makes links of the addresses in it.
pub(super) fn linked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("https://").into_iter().chain(rest.find("http://")).min() {
        let address = &rest[start..];
        let end =
            address.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ')')).unwrap_or(address.len());
        let address = address[..end].trim_end_matches(['.', ',', ';']);
        out.push_str(&escape(&rest[..start]));
        let escaped = escape(address);
        let _ = write!(out, "<a href=\"{escaped}\" rel=\"noopener\">{escaped}</a>");
        rest = &rest[start + address.len()..];
    }
    out.push_str(&escape(rest));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links() {
        assert_eq!(
            linked("A <b>, https://a.org/x?y=1&z (see http://b.org)."),
            "A &lt;b&gt;, <a href=\"https://a.org/x?y=1&amp;z\" rel=\"noopener\">https://a.org/x?y=1&amp;z</a> (see \
             <a href=\"http://b.org\" rel=\"noopener\">http://b.org</a>)."
        );
    }
}

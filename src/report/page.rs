//! What the pages share: one file without network, light and dark, for screen and paper.

use lookback_benchmarks::Table;
use lookback_benchmarks::experiment::figure::Figure;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::table::is_numeric;
use crate::inspect::colour;
use crate::report::figures;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The whole page around its header and main part.
pub(super) fn whole(title: &str, content: &Markup) -> String {
    let stops: Vec<String> = (0..10)
        .map(|stop| {
            let [red, green, blue] = colour(f64::from(stop) / 9.0);
            format!("rgb({red} {green} {blue})")
        })
        .collect();
    let style = STYLE.replace("/*figures-dark*/", &figures::dark_css()).replace("/*heat*/", &stops.join(", "));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content="lookback";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            "\n"
            body {
                (content)
                footer { "Written by lookback. This page needs no network." }
                script { (PreEscaped(SCRIPT)) }
            }
        }
        "\n"
    };
    page.into_string()
}

/// A section of the main part.
pub(super) fn section(id: &str, title: &str, content: &Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 id=(id) { (title) } (content) } "\n" }
}

/// A name with its value, inside of a list of facts.
pub(super) fn fact(name: &str, class: Option<&str>, value: &str) -> Markup {
    html! { div { dt { (name) } dd class=[class] { (value) } } }
}

/// A figure with its title and caption.
pub(super) fn figure(figure: &Figure) -> Markup {
    html! {
        figure id={ "figure-" (figure.id) } {
            h4 { (figure.title) }
            div class="drawing" { (figures::inline_svg(figure)) }
            figcaption { (figure.caption) }
        }
        "\n"
    }
}

/// A table that sorts by the column whose title is pressed; its first rows have these classes.
pub(super) fn table(id: &str, table: &Table, rows: &[&str]) -> Markup {
    let classes: Vec<_> =
        (0..table.columns.len()).map(|column| is_numeric(table, column).then_some("number")).collect();
    html! {
        div class="scroll" {
            table id=(id) class="sortable" {
                thead { tr {
                    @for (column, class) in table.columns.iter().zip(&classes) {
                        th scope="col" class=[class] aria-sort="none" { button type="button" { (column) } }
                    }
                } }
                tbody {
                    @for (index, row) in table.rows.iter().enumerate() {
                        tr class=[rows.get(index)] { @for (cell, class) in row.iter().zip(&classes) { td class=[class] { (cell) } } }
                        "\n"
                    }
                }
            }
        }
    }
}

/// Names with their values, one below the other.
pub(super) fn pairs<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        div class="scroll" { table { tbody {
            @for (name, value) in rows { tr { th scope="row" { (name) } td { (value) } } "\n" }
        } } }
    }
}

/// The section on how to get the same again: the command line, where it was computed, and of what; `summary` names the
/// JSON.
pub(super) fn repeat(command: &str, environment: &[(String, String)], summary: &str, json: &str) -> Markup {
    let rows = environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let content = html! {
        div class="command" {
            pre id="command" aria-label="Command" { code { (command) } }
            button type="button" class="script-only" data-copies="command" { "Copy" }
        }
        (pairs(rows))
        details { summary { (summary) } pre { code { (json) } } }
    };
    section("repeat", "How to repeat it", &content)
}

/// Text with links made of the addresses in it.
pub(super) fn linked(text: &str) -> Markup {
    let Some(start) = text.find("https://").into_iter().chain(text.find("http://")).min() else {
        return html! { (text) };
    };
    let (before, address) = text.split_at(start);
    let end = address.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ')')).unwrap_or(address.len());
    let address = address[..end].trim_end_matches(['.', ',', ';']);
    let after = &text[start + address.len()..];
    html! { (before) a href=(address) rel="noopener" { (address) } (linked(after)) }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashSet;

    use roxmltree::Document;

    use super::*;

    /// Checks that a page is well-formed, that its ids are unique and its links lead somewhere, and that it fetches nothing.
    pub fn assert_sound(page: &str) {
        // Elements without an end are the one thing in which the pages are not XML.
        let mut body = page[page.find("<body>").unwrap()..page.rfind("<script>").unwrap()].to_owned() + "</body>";
        for element in ["<input ", "<img ", "<br"] {
            body = body
                .split(element)
                .enumerate()
                .map(|(index, part)| if index > 0 { part.replacen('>', "/>", 1) } else { part.to_owned() })
                .collect::<Vec<_>>()
                .join(element);
        }
        let document = Document::parse(&body).unwrap();
        let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<HashSet<_>>().len(), "{ids:?}");
        for target in document.descendants().filter_map(|node| node.attribute("href")?.strip_prefix('#')) {
            assert!(ids.contains(&target), "{target}");
        }
        for image in document.descendants().filter(|node| node.has_tag_name("img")) {
            assert!(image.attribute("src").is_some_and(|source| source.starts_with("data:image/png;base64,iVBOR")));
            assert!(image.attribute("alt").is_some());
        }
        for word in ["@import", "url(", "<link", "fetch("] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.matches("<script").count() == 1 && page.ends_with("</html>\n"));
    }

    #[test]
    fn addresses_become_links() {
        assert_eq!(
            linked("A <b>, https://a.org/x?y=1&z (see http://b.org).").into_string(),
            "A &lt;b&gt;, <a href=\"https://a.org/x?y=1&amp;z\" rel=\"noopener\">https://a.org/x?y=1&amp;z</a> (see \
             <a href=\"http://b.org\" rel=\"noopener\">http://b.org</a>)."
        );
    }

    #[test]
    fn tables_sort_by_their_titles_and_numbers_are_marked() {
        let table_of = |cells: [&str; 2]| Table {
            title: String::new(),
            columns: ["model", "NMSE"].map(String::from).into(),
            rows: vec![cells.map(String::from).into()],
        };
        let text = table("t", &table_of(["<s4d>", "1e-3 ± 2e-4"]), &["holds"]).into_string();
        assert!(text.contains("<th scope=\"col\" aria-sort=\"none\"><button type=\"button\">model</button></th>"));
        assert!(
            text.contains(
                "<th scope=\"col\" class=\"number\" aria-sort=\"none\"><button type=\"button\">NMSE</button>"
            )
        );
        assert!(text.contains("<tr class=\"holds\"><td>&lt;s4d&gt;</td><td class=\"number\">1e-3 ± 2e-4</td>"));
    }
}

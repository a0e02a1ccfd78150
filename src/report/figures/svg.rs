//! A figure as SVG.

use std::fmt::Write as _;

use lookback_benchmarks::experiment::figure::{Figure, Mark};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::ink::{self, Ink, Theme};
use super::layout::{self, LEGEND_SIZE, Layout, SAMPLE, Sample, TITLE_SIZE};
use super::marks::{self, Canvas, SCALE, units};
use super::text;
use super::{axes, heat};

const DRAWS: &str = "plotters draws into a string";

/// Draws `figure`.
///
/// A key has the same colour, marker and dash in every figure. Points that are not numbers are left out and
/// interrupt their line. On a logarithmic axis without fixed range, bounds, intervals and minima stretch the
/// axis by at most one decade below the curves; what is lower stands at the lower edge.
pub fn svg(figure: &Figure, theme: Theme) -> String {
    let layout = layout::layout(figure, theme);
    let mut drawn = String::new();
    let size = (units(layout.width).unsigned_abs(), units(layout.height).unsigned_abs());
    {
        let canvas = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        if theme == Theme::Paper {
            canvas.fill(&Ink::Ground.solid()).expect(DRAWS);
        }
        title(&canvas, &layout);
        legend(&canvas, &layout);
        for place in &layout.panels {
            axes::draw(&canvas, place, layout.axes);
        }
        canvas.present().expect(DRAWS);
    }
    let body = drawn.split_once(">\n").expect("the svg element comes first").1;
    let body = ink::resolve(&text::raise_superscripts(body), theme, SCALE);
    format!("{}{}", head(figure, &layout, size), body)
}

/// The opening tag with size, title and description.
fn head(figure: &Figure, layout: &Layout, (width, height): (u32, u32)) -> String {
    let id = text::escape(&figure.id);
    let mut description = text::escape(&figure.caption);
    for panel in &figure.panels {
        let mut labels: Vec<_> = panel.series.iter().map(|series| series.label.as_str()).collect();
        labels.dedup();
        let _ = write!(
            description,
            " Panel {}: {} against {}: {}.",
            text::escape(&panel.title),
            text::escape(&panel.y.label),
            text::escape(&panel.x.label),
            text::escape(&labels.join(", "))
        );
        if let Some(matrix) = &panel.heat {
            let (rows, columns) = heat::size(matrix);
            let _ = write!(description, " A matrix of {rows} x {columns} shaded cells.");
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{:.0}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" stroke-linejoin=\"round\" stroke-linecap=\"butt\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n",
        layout.width,
        layout.height,
        text::escape(&figure.title),
        description.trim(),
    )
}

fn title(canvas: &Canvas, layout: &Layout) {
    let style = axes::font(TITLE_SIZE, Ink::Text, true).pos(Pos::new(HPos::Center, VPos::Top));
    for (row, line) in layout.title.iter().enumerate() {
        let y = 12.0 + row as f64 * (TITLE_SIZE + 5.0);
        canvas.draw_text(line, &style, (units(layout.width / 2.0), units(y))).expect(DRAWS);
    }
}

fn legend(canvas: &Canvas, layout: &Layout) {
    let style = axes::font(LEGEND_SIZE, Ink::Text, false).pos(Pos::new(HPos::Left, VPos::Center));
    for entry in &layout.legend {
        let (left, y) = (units(entry.x), units(entry.y));
        let right = left + units(SAMPLE);
        let middle = (left + units(SAMPLE / 2.0), y);
        match &entry.sample {
            Sample::Series(look, mark) => {
                let ink = Ink::Series(look.colour);
                match mark {
                    Mark::Points => {}
                    Mark::Area => {
                        let half = units(4.0);
                        let corners = vec![(left, y - half), (right, y - half), (right, y + half), (left, y + half)];
                        marks::area(canvas, corners, ink, marks::AREA_OPACITY);
                    }
                    _ => {
                        let dash = look.line_dash(*mark);
                        marks::line(canvas, vec![(left, y), (right, y)], ink, dash, marks::LINE_WIDTH, 1.0);
                    }
                }
                if matches!(mark, Mark::LinePoints | Mark::Points) {
                    marks::marker(canvas, middle, *look);
                }
            }
            Sample::Minimum => marks::minimum(canvas, middle, Ink::Muted),
        }
        canvas.draw_text(&entry.label, &style, (right + units(7.0), y)).expect(DRAWS);
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn parse(svg: &str) -> resvg::usvg::roxmltree::Document<'_> {
        resvg::usvg::roxmltree::Document::parse(svg).expect("well-formed XML")
    }

    #[test]
    fn every_label_is_a_text_of_well_formed_xml() {
        for figure in samples::figures() {
            for theme in [Theme::Paper, Theme::Page] {
                let svg = svg(&figure, theme);
                let document = parse(&svg);
                let texts: Vec<String> = document
                    .descendants()
                    .filter(|node| node.has_tag_name("text"))
                    .map(|node| node.descendants().filter_map(|n| n.text().filter(|_| n.is_text())).collect::<String>())
                    .map(|text| text.trim().to_owned())
                    .collect();
                for panel in &figure.panels {
                    assert!(texts.contains(&panel.title), "{}: {texts:?}", panel.title);
                    for series in &panel.series {
                        assert_eq!(texts.iter().filter(|text| **text == series.label).count(), 1, "{}", series.label);
                    }
                }
                assert!(texts.contains(&figure.panels[0].x.label) && texts.contains(&figure.panels[0].y.label));
            }
        }
    }

    #[test]
    fn the_page_theme_names_no_colour_and_the_paper_theme_no_variable() {
        let figure = &samples::figures()[0];
        let (page, paper) = (svg(figure, Theme::Page), svg(figure, Theme::Paper));
        assert!(!page.contains("\"#") && page.contains("stroke:var(--fig-s0)"));
        assert!(!paper.contains("var(") && paper.contains("\"#0072b2\""));
        assert!(!paper.to_uppercase().contains("#FD0"));
        assert!(paper.contains("stroke-dasharray"));
    }

    #[test]
    fn text_is_escaped_and_drawing_repeats_itself() {
        let mut figure = samples::figures().swap_remove(0);
        figure.title = "a < b & \"c\"\u{7}".into();
        figure.panels[0].series[0].label = "<script>alert(1)</script>".into();
        figure.panels[0].title = "'&'".into();
        let first = svg(&figure, Theme::Paper);
        parse(&first);
        assert!(!first.contains("<script") && first.contains("&lt;script&gt;"));
        assert_eq!(first, svg(&figure, Theme::Paper));
    }

    #[test]
    fn figures_without_data_are_drawn() {
        let mut figure = samples::figures().swap_remove(0);
        for panel in &mut figure.panels {
            panel.series.iter_mut().for_each(|series| series.points.clear());
        }
        assert!(svg(&figure, Theme::Paper).contains("no finished run yet"));
        figure.panels.iter_mut().for_each(|panel| panel.series.clear());
        parse(&svg(&figure, Theme::Paper));
        figure.panels.clear();
        parse(&svg(&figure, Theme::Page));
    }

    #[test]
    fn extreme_values_stay_on_the_canvas() {
        let mut figure = samples::figures().swap_remove(0);
        let points = &mut figure.panels[0].series[0].points;
        points[0].y = f64::INFINITY;
        points[1].y = f64::NAN;
        points[2].y = 0.0;
        points[3].interval = Some((f64::NEG_INFINITY, f64::INFINITY));
        figure.panels[0].y.range = Some((1e-3, 1e-1));
        let svg = svg(&figure, Theme::Paper);
        let document = parse(&svg);
        let size: Vec<f64> =
            document.root_element().attribute("viewBox").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
        for node in document.descendants() {
            for pair in node.attribute("points").unwrap_or_default().split_whitespace() {
                let (x, y) = pair.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                assert!((0.0..=size[2]).contains(&x) && (0.0..=size[3]).contains(&y), "{pair}");
            }
        }
    }
}
